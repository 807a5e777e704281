package triggers_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/storage"
)

// A name that is no UTF-8, which whoever chooses a name can write, holds up no others.
func TestInvalidUTF8(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		if d != references.SQLite {
			t.Skip("it is an error there")
		}
		w := newWorld(t, d)
		w.write("a", "b")
		w.exec("INSERT INTO scan (id, file) VALUES (3, 'a')")
		for _, bad := range []string{"x'ff'", "CAST(x'ff' AS TEXT)", "CAST(x'61c328' AS TEXT)", "x'eda080'", "x'efbfbd'"} {
			w.exec("INSERT INTO scan (id, file) VALUES (1, " + bad + ")")
			w.exec("DELETE FROM scan WHERE id = 1")
			w.exec("UPDATE scan SET id = 3, file = 'b'")
		}
		w.want("b")
		w.wantRows("parked a\xc3(", "parked \xed\xa0\x80", "parked \xff")
	})
}

// Whatever a connection was told, the triggers do the same.
func TestSQLiteSession(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.write("a", "b", "c", "p", "l", "shadow")
	db, err := databases.Open(w.d, w.dsn+"&_pragma=trusted_schema(0)&_pragma=case_sensitive_like(1)&_pragma=reverse_unordered_selects(1)&_pragma=short_column_names(0)&_pragma=full_column_names(1)&_pragma=count_changes(1)&_pragma=automatic_index(0)&_pragma=legacy_alter_table(1)&_pragma=writable_schema(1)&_pragma=empty_result_callbacks(1)")
	w.must(err)
	defer func() { _ = db.Close() }()
	c, err := db.Conn(t.Context())
	w.must(err)
	defer func() { _ = c.Close() }()
	for _, s := range []string{
		"CREATE TEMP TABLE filecleangen_outbox (storage, name)",
		"CREATE TEMP TABLE filecleangen_outbox_version (version)",
		"CREATE TEMP VIEW json_tree AS SELECT 1 AS atom",
		"INSERT INTO article (id, cover, banner, pages, photos, link) VALUES (1, 'a', 'x/../b', '[\"p\"]', '{\"x\": [\"p\"]}', 'https://cdn.example/%6c')",
		"UPDATE article SET cover = 'c'",
		"UPDATE article SET pages = NULL, photos = NULL, banner = NULL, link = ''",
	} {
		_, err := c.ExecContext(t.Context(), s)
		w.must(err)
	}
	w.want("c shadow")
	if _, err := c.ExecContext(t.Context(), "INSERT INTO article (id, cover) VALUES (2, 'a')"); !outbox.IsGone(err) {
		t.Error(err)
	}
}

// In a database in UTF-16 the bytes of a text are others than a program reads.
func TestSQLiteUTF16(t *testing.T) {
	w := &world{t: t, d: references.SQLite, root: t.TempDir(), logs: logs.New()}
	w.dsn = databases.New(t, w.d)
	for _, db := range []**sql.DB{&w.db, &w.own} {
		var err error
		*db, err = databases.Open(w.d, w.dsn+"&_pragma=encoding('UTF-16le')")
		w.must(err)
		t.Cleanup(func() { _ = (*db).Close() })
	}
	var err error
	w.dir, err = storage.Dir(w.root)
	w.must(err)
	w.exec("CREATE TABLE scan (id integer PRIMARY KEY, file text)")
	w.must(outbox.Migrate(t.Context(), w.own, w.d))
	w.must(outbox.Mark(w.dir, environment))
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	if err := w.box.InstallTriggers(t.Context()); err == nil || !strings.Contains(err.Error(), "UTF-16le") {
		t.Error(err)
	}
}

// Names that a collation takes for none.
func TestSQLiteCollation(t *testing.T) {
	w := bareWorld(t, references.SQLite)
	w.exec("CREATE TABLE scan (id integer PRIMARY KEY, file text COLLATE RTRIM)")
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.write("  ", "a")
	w.exec("INSERT INTO scan (id, file) VALUES (1, '  '), (2, 'a')")
	w.exec("UPDATE scan SET file = 'a ' WHERE id = 2")
	w.wantRows("pending a")
	w.exec("DELETE FROM scan")
	w.wantRows("pending   ", "pending a", "pending a ")
}
