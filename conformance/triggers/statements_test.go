package triggers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// A statement that changes many rows, in each of the parts that it is written in.
func TestBulk(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		n := map[references.Dialect]int{references.SQLite: 300, references.PostgreSQL: 6000, references.MySQL: 600}[d]
		var rows []string
		for i := range n {
			rows = append(rows, fmt.Sprintf("(%d, 'f%05d', 'one')", i, i))
		}
		w.exec("INSERT INTO article (id, cover, banner) VALUES " + strings.Join(rows, ", "))
		w.wantRows()
		w.write("f00001", "f00002", "one", "x", "y")
		w.exec("UPDATE article SET cover = 'x' WHERE id > 1")
		if got := w.count(); got != n-2 {
			t.Errorf("%d rows, want %d", got, n-2)
		}
		w.want("f00001 one x y")
		w.exec("UPDATE article SET banner = NULL WHERE id > 1")
		w.want("f00001 one x y")
		w.exec("DELETE FROM article WHERE id < 2")
		w.want("x y")
		w.exec("UPDATE article SET banner = 'y'")
		w.exec("DELETE FROM article")
		w.want("")
	})
}

func (w *world) count() (n int) {
	w.t.Helper()
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT count(*) FROM filecleangen_outbox WHERE state <> 'gone'").Scan(&n))
	return n
}

// A statement whose own conflict clause would overrule ours.
func TestUpsert(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("a", "b", "c")
		w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
		upsert := "INSERT INTO article (id, cover) VALUES (1, '%s') ON CONFLICT (id) DO UPDATE SET cover = excluded.cover"
		if d == references.MySQL {
			upsert = "INSERT INTO article (id, cover) VALUES (1, '%s') ON DUPLICATE KEY UPDATE cover = VALUES(cover)"
		}
		w.exec(fmt.Sprintf(upsert, "c"))
		w.want("b c")
		if err := w.try(fmt.Sprintf(upsert, "a")); !outbox.IsGone(err) {
			t.Error(err)
		}
		if d == references.SQLite {
			for _, or := range []string{"IGNORE", "REPLACE", "FAIL"} {
				if err := w.try("UPDATE OR " + or + " article SET cover = 'a'"); !outbox.IsGone(err) {
					t.Error(or, err)
				}
				if err := w.try("INSERT OR " + or + " INTO article (id, cover) VALUES (2, 'a')"); !outbox.IsGone(err) {
					t.Error(or, err)
				}
			}
			w.exec("INSERT OR REPLACE INTO article (id, cover) VALUES (1, 'c')")
			w.want("c")
			// The tombstone of b becomes one that is being deleted, whatever the clause.
			w.exec("INSERT INTO filecleangen_outbox (storage, name, state, gone_at) VALUES ('media', 'd', 'gone', 1)")
			w.in(true, "UPDATE filecleangen_outbox SET state = 'pending' WHERE name = 'd'", "UPDATE article SET banner = 'd'", "UPDATE filecleangen_outbox SET state = 'gone' WHERE name = 'd'")
			w.exec("UPDATE OR IGNORE article SET banner = NULL")
			w.wantRows("deleting d")
		}
	})
}

// Uploads are taken by raw SQL; what no row came to name is discarded.
func TestUpload(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.upload("media", "a")
		w.upload("cdn", "b")
		w.exec("INSERT INTO article (id, cover, link) VALUES (1, 'a', ?)", "https://cdn.example/b?v=2")
		w.wantRows("pending a", "pending b")
		w.want("a b")
		w.wantRows()
	})
}

// The relay says of which field a file was.
func TestLabels(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("INSERT INTO article (id, cover, photos) VALUES (1, 'a', '{\"x\": \"p\"}')")
		w.exec("UPDATE article SET cover = NULL")
		w.exec("DELETE FROM article")
		rows, err := w.db.QueryContext(t.Context(), "SELECT name, reason, model, field FROM filecleangen_outbox ORDER BY name")
		w.must(err)
		defer func() { _ = rows.Close() }()
		var got []string
		for rows.Next() {
			var name, reason, model, field string
			w.must(rows.Scan(&name, &reason, &model, &field))
			got = append(got, strings.Join([]string{name, reason, model, field}, " "))
		}
		w.must(rows.Err())
		if text := strings.Join(got, ", "); text != "a updated example.com/shop/models.Article Cover, p deleted example.com/shop/models.Article Photos[].File" {
			t.Error(text)
		}
	})
}

func TestTruncate(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.write("a", "b", "s")
	w.exec("INSERT INTO article (id, cover, original) VALUES (1, 'a', 'b')")
	w.exec("INSERT INTO scan (id, article_id, file) VALUES (1, 1, 's')")
	w.in(false, "TRUNCATE article CASCADE")
	w.want("a b s")
	w.exec("TRUNCATE article CASCADE")
	w.want("b")
}

// Statements that name a partition, or a table that inherits, and rows that move.
func TestPartitions(t *testing.T) {
	w := bareWorld(t, references.PostgreSQL)
	for _, s := range []string{
		"CREATE TABLE scan (id bigint, file text) PARTITION BY RANGE (id)",
		"CREATE TABLE scan_1 PARTITION OF scan FOR VALUES FROM (0) TO (100)",
		"CREATE TABLE scan_2 (file text, id bigint)", // in another order
		"ALTER TABLE scan ATTACH PARTITION scan_2 FOR VALUES FROM (100) TO (200)",
		`CREATE TABLE "Old ""scan" (id bigint, file text)`,
		"CREATE TABLE old_child (more text) INHERITS (\"Old \"\"scan\")",
	} {
		w.exec(s)
	}
	w.open(references.Table(scan, "scan"), references.Table(scan, `Old "scan`), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.write("a", "b", "c", "d", "e", "f")
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'a'), (2, 'b'), (101, 'c')")
	w.exec("INSERT INTO scan_2 (id, file) VALUES (102, 'd')")
	w.exec(`INSERT INTO "Old ""scan" (id, file) VALUES (1, 'e')`)
	w.exec("INSERT INTO old_child (id, file) VALUES (1, 'f')")
	w.wantRows()
	w.exec("UPDATE scan SET id = 103 WHERE id = 1")
	w.wantRows()
	w.exec("UPDATE scan_2 SET file = NULL WHERE id = 103")
	w.want("b c d e f")
	w.exec("UPDATE scan SET id = id + 104, file = 'z' WHERE id = 2")
	w.want("c d e f")
	w.exec("TRUNCATE scan_2")
	w.want("e f")
	w.exec("DELETE FROM old_child")
	w.want("e")
	w.exec(`TRUNCATE "Old ""scan"`)
	w.want("")
	for _, s := range []string{"INSERT INTO scan_1 (id, file) VALUES (1, 'a')", "INSERT INTO scan (id, file) VALUES (1, 'a')", "INSERT INTO old_child (id, file) VALUES (1, 'f')"} {
		if err := w.try(s); !outbox.IsGone(err) {
			t.Errorf("%s: %v", s, err)
		}
	}
	w.exec("CREATE TABLE scan_3 PARTITION OF scan FOR VALUES FROM (300) TO (400)")
	w.faults(w.box, "missing delete scan_3, missing insert scan_3, missing truncate scan_3, missing update scan_3")
}

func TestMerge(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.write("a", "b", "c")
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'a'), (2, 'b')")
	w.exec("MERGE INTO scan USING (VALUES (1, 'c'), (2, ''), (3, 'b')) n (id, file) ON scan.id = n.id WHEN MATCHED AND n.file = '' THEN DELETE WHEN MATCHED THEN UPDATE SET file = n.file WHEN NOT MATCHED THEN INSERT (id, file) VALUES (n.id, n.file)")
	w.want("b c")
}

// Values that can't be read as text fail nobody's statement.
func TestBytes(t *testing.T) {
	w := bareWorld(t, references.PostgreSQL)
	w.exec("CREATE TABLE scan (id bigint, file bytea)")
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.exec(`INSERT INTO scan VALUES (1, 'a'), (2, '\xff00'), (3, ''), (4, '\x00')`)
	w.in(true, "SET LOCAL bytea_output = escape", "DELETE FROM scan")
	w.wantRows("pending a")
}

// A relay that is asking does not let a row come to name what it is about to delete, and a
// row that has come to name it first is seen.
func TestRace(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("a")
		w.exec("INSERT INTO scan (id, file) VALUES (1, 'a')")
		w.exec("DELETE FROM scan")
		tx, err := w.db.BeginTx(t.Context(), nil)
		w.must(err)
		_, err = tx.ExecContext(t.Context(), "INSERT INTO scan (id, file) VALUES (2, 'a')")
		w.must(err)
		w.want("a") // the relay passes by
		w.must(tx.Commit())
		w.want("a")
		w.wantRows()
		w.exec("DELETE FROM scan")
		w.want("")
		err = w.try("INSERT INTO scan (id, file) VALUES (2, 'a')")
		if !outbox.IsGone(err) || errors.Is(err, runtime.ErrGone) || databases.Refused(err) {
			t.Error(err)
		}
	})
}
