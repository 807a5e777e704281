package triggers_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// Statements that MySQL has of its own.
func TestMySQLStatements(t *testing.T) {
	w := newWorld(t, references.MySQL)
	w.write("a", "b", "c", "d", "e")
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'a'), (2, 'b')")
	w.exec("REPLACE INTO scan (id, file) VALUES (1, 'c')")
	w.want("b c d e")
	for _, s := range []string{
		"INSERT IGNORE INTO scan (id, file) VALUES (3, 'a')",
		"UPDATE IGNORE scan SET file = 'a'",
		"REPLACE INTO scan (id, file) VALUES (1, 'a')",
		"INSERT INTO scan (id, file) SELECT 3, 'a'",
		"UPDATE scan s JOIN scan x ON s.id = x.id SET s.file = 'a'",
	} {
		if err := w.try(s); !outbox.IsGone(err) {
			t.Errorf("%s: %v", s, err)
		}
	}
	w.wantRows()
	w.exec("INSERT INTO scan (id, file) SELECT id + 10, IF(id = 1, 'd', 'e') FROM scan")
	w.exec("UPDATE scan s JOIN article a ON false SET s.file = 'x'")
	w.exec("INSERT INTO article (id, cover) VALUES (1, 'b')")
	w.exec("UPDATE scan s, article a SET s.file = NULL, a.banner = 'd' WHERE s.id = 11")
	w.want("b c d e")
	w.exec("UPDATE IGNORE scan SET id = 2, file = 'c' WHERE id = 12") // the key is there
	w.exec("INSERT IGNORE INTO scan (id, file) VALUES (2, 'x')")
	w.want("b c d e")
	w.exec("DELETE s, a FROM scan s JOIN article a WHERE s.id = 2")
	w.want("c e")
	w.exec("DELETE IGNORE FROM scan")
	w.want("")
}

// What foreign keys do fires no triggers: those of parents release what the rows name.
func TestMySQLCascades(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	for _, s := range []string{
		"CREATE TABLE owner (id bigint PRIMARY KEY)",
		"CREATE TABLE `group` (a bigint, `b c` varchar(10), owner_id bigint, UNIQUE (a, `b c`), FOREIGN KEY (owner_id) REFERENCES owner (id) ON DELETE CASCADE)",
		"CREATE TABLE article (id bigint PRIMARY KEY, a bigint, `b c` varchar(10), FOREIGN KEY (a, `b c`) REFERENCES `group` (a, `b c`) ON DELETE CASCADE)",
		"CREATE TABLE scan (id bigint PRIMARY KEY, article_id bigint, other_id bigint, file text, FOREIGN KEY (article_id) REFERENCES article (id) ON DELETE CASCADE, FOREIGN KEY (other_id) REFERENCES owner (id) ON DELETE SET NULL)",
	} {
		w.exec(s)
	}
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.write("1", "2", "3", "4", "5")
	fill := func() {
		w.exec("INSERT INTO owner VALUES (1), (2)")
		w.exec("INSERT INTO `group` VALUES (1, 'x', 1), (1, 'y', 1), (2, 'y', 2)")
		w.exec("INSERT INTO article VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'y')")
		w.exec("INSERT INTO scan VALUES (1, 1, 2, '1'), (2, 2, NULL, '2'), (3, 3, 1, '3'), (4, NULL, 1, '4'), (5, 1, 1, '5')")
	}
	fill()
	w.in(false, "DELETE FROM owner")
	w.wantRows()
	w.exec("DELETE FROM article WHERE id = 2")
	w.want("1 3 4 5")
	w.exec("DELETE FROM `group` WHERE `b c` = 'x'")
	w.want("3 4")
	w.exec("DELETE FROM owner WHERE id = 1")
	w.want("3 4")
	w.exec("DELETE o, g FROM owner o JOIN `group` g ON g.owner_id = o.id")
	w.want("4")
	w.must(w.box.RemoveTriggers(t.Context()))
	if left := w.installed(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// A row that has come after the transaction's snapshot is deleted with its parent, too.
func TestMySQLCascadeSnapshot(t *testing.T) {
	w := newWorld(t, references.MySQL)
	w.write("a", "b")
	w.exec("INSERT INTO article (id) VALUES (1)")
	tx, err := w.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	w.must(err)
	var n int
	w.must(tx.QueryRowContext(t.Context(), "SELECT count(*) FROM scan").Scan(&n))
	w.exec("INSERT INTO scan (id, article_id, file) VALUES (1, 1, 'a')")
	_, err = tx.ExecContext(t.Context(), "DELETE FROM article")
	w.must(err)
	w.must(tx.Commit())
	w.want("b")
}

// A name may be the key of another table.
func TestMySQLKeys(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	for _, s := range []string{
		"CREATE TABLE file (name varchar(100) PRIMARY KEY, other varchar(50) UNIQUE)",
		"CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(100), FOREIGN KEY (file) REFERENCES file (name) ON DELETE SET NULL ON UPDATE CASCADE)",
		"CREATE TABLE page (id bigint PRIMARY KEY, file varchar(50), FOREIGN KEY (file) REFERENCES file (other) ON DELETE CASCADE ON UPDATE SET NULL)",
	} {
		w.exec(s)
	}
	w.open(references.Table(scan, "scan"), references.Table(scan, "page"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.write("a", "b", "c", "d", "p", "q")
	w.exec("INSERT INTO file VALUES ('a', 'p'), ('b', 'q'), ('d', NULL)")
	w.exec("INSERT INTO scan VALUES (1, 'a'), (2, 'b')")
	w.exec("INSERT INTO page VALUES (1, 'p'), (2, 'q')")
	w.exec("UPDATE file SET name = 'c', other = NULL WHERE name = 'a'")
	w.want("b c d q")
	if err := w.try("UPDATE file SET name = 'a' WHERE name = 'b'"); !outbox.IsGone(err) {
		t.Error(err)
	}
	w.exec("UPDATE file SET name = 'a' WHERE name = 'd'") // no row names it
	w.exec("DELETE FROM file WHERE name = 'b'")
	w.want("c d")
}

// What can't be followed is an error that names it.
func TestMySQLCircles(t *testing.T) {
	for name, tables := range map[string][]string{
		"tree":   {"CREATE TABLE scan (id bigint PRIMARY KEY, file text, parent bigint, CONSTRAINT up FOREIGN KEY (parent) REFERENCES scan (id) ON DELETE CASCADE)"},
		"parent": {"CREATE TABLE dir (id bigint PRIMARY KEY, parent bigint, CONSTRAINT up FOREIGN KEY (parent) REFERENCES dir (id) ON DELETE CASCADE)", "CREATE TABLE scan (id bigint PRIMARY KEY, file text, dir bigint, FOREIGN KEY (dir) REFERENCES dir (id) ON DELETE CASCADE)"},
		"steps":  {"CREATE TABLE dir (name varchar(10) PRIMARY KEY)", "CREATE TABLE sub (name varchar(10) PRIMARY KEY, CONSTRAINT up FOREIGN KEY (name) REFERENCES dir (name) ON UPDATE CASCADE)", "CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(10), FOREIGN KEY (file) REFERENCES sub (name) ON UPDATE CASCADE)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := bareWorld(t, references.MySQL)
			for _, s := range tables {
				w.exec(s)
			}
			w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
			err := w.box.InstallTriggers(t.Context())
			if err == nil || !strings.Contains(err.Error(), "(up of ") || !strings.Contains(err.Error(), "scan") {
				t.Error(err)
			}
			t.Log(err)
		})
	}
}

// Names with any character, in columns and sessions with any character set.
func TestMySQLCharsets(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	w.exec("ALTER DATABASE CHARACTER SET ucs2")
	w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(100) CHARACTER SET latin1)")
	w.exec("CREATE TABLE `sélect ``x``.` (`file ``é\"` varchar(100) CHARACTER SET utf16, id bigint PRIMARY KEY)")
	w.exec("CREATE TABLE article (id binary(3) PRIMARY KEY, file varbinary(100))")
	w.exec("CREATE TABLE padded (id int PRIMARY KEY, file binary(5))")
	w.exec("CREATE TABLE chars (id int PRIMARY KEY, file char(5) CHARACTER SET utf8mb4)")
	w.open(references.Table(scan, "scan"), references.Table(scan, "article"), references.Table(scan, "padded"), references.Table(scan, "chars"),
		references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.exec("INSERT INTO scan VALUES (1, 'ü'), (2, 'a'), (3, 'Ã¼2')")
	w.exec("INSERT INTO article VALUES ('1', 'ü'), ('2', x'ff'), ('3', '𝄞\"''')")
	w.exec("UPDATE scan SET file = 'Ã¼3' WHERE id = 3")
	w.wantRows("pending Ã¼2", "pending ü2")
	w.exec("UPDATE scan SET file = 'Ã¼2' WHERE id = 3")
	w.exec("DELETE FROM filecleangen_outbox")
	w.exec("INSERT INTO padded VALUES (1, 'pad')")
	w.exec("INSERT INTO chars VALUES (1, '𝄞x')")
	for _, table := range []string{"scan", "article", "padded", "chars"} {
		w.in(true, "SET NAMES latin1", "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT'", "DELETE FROM "+table, "SET NAMES utf8mb4", "SET SESSION sql_mode = DEFAULT")
	}
	w.wantRows("pending a", "pending pad", "pending Ã¼2", "pending ü", "pending ü2", "pending 𝄞\"'", "pending 𝄞x")
}

// Values that nobody can read fail nobody's statement, and hide no others.
func TestMySQLUnreadable(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(100) CHARACTER SET cp1251)")
	w.exec("CREATE TABLE article (id bigint PRIMARY KEY, file longblob)")
	w.open(references.Table(scan, "scan"), references.Table(scan, "article", references.Columns{"File": {Form: references.JSON}}), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.exec("INSERT INTO scan VALUES (1, _cp1251 x'98')")
	w.upload("media", "a")
	w.exec("UPDATE scan SET file = 'a'")
	if databases.MariaDB(t) {
		w.wantRows("pending a")
	} else {
		w.wantRows("pending ?", "pending a") // what MySQL lets a program read
	}
	w.exec("UPDATE scan SET file = _cp1251 x'98'")
	w.want("")
	if err := w.try("UPDATE scan SET file = 'a'"); !outbox.IsGone(err) {
		t.Error(err)
	}
	w.exec("DELETE FROM scan")
	w.exec("DELETE FROM filecleangen_outbox WHERE name = '?'")
	w.exec(`INSERT INTO article VALUES (1, CONCAT('["x', x'ff', '", "b"]')), (2, CONCAT(x'efbbbf', '["c", "\\u00e4\\/d", "\\ud83d\\ude00"]')), (3, '["d", "\\ud83d"]'), (4, '"e"')`)
	w.exec("DELETE FROM article")
	w.wantRows("pending c", "pending e", "pending ä/d", "pending 😀")
	nested := strings.Repeat("[", 100) + `"f"` + strings.Repeat("]", 100)
	w.exec("INSERT INTO article VALUES (1, ?)", nested)
	w.exec("DELETE FROM article")
}

// Names of tables and columns that have to be quoted, and a table in another schema.
func TestMySQLNames(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	other := w.home() + "_other"
	w.exec("CREATE DATABASE " + other)
	t.Cleanup(func() {
		if db, err := databases.Open(w.d, w.dsn); err == nil {
			_, _ = db.Exec("DROP DATABASE " + other)
			_ = db.Close()
		}
	})
	w.exec("CREATE TABLE `select` (`order` int PRIMARY KEY, `it's ``é\"\\` text)")
	w.exec("CREATE TABLE " + other + ".parent (id int PRIMARY KEY)")
	w.exec("CREATE TABLE " + other + ".scan (id int PRIMARY KEY, file text, parent int, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)")
	w.open(references.Table(scan, "select", references.Columns{"File": {Name: "it's `é\"\\"}}), references.Table(scan, other+".scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.write("a", "b", "c")
	w.exec("INSERT INTO `select` VALUES (1, 'a')")
	w.exec("INSERT INTO " + other + ".parent VALUES (1)")
	w.exec("INSERT INTO " + other + ".scan VALUES (1, 'b', 1), (2, 'c', NULL)")
	w.exec("DELETE FROM `select`")
	w.want("b c")
	w.exec("DELETE FROM " + other + ".parent")
	w.want("c")
	w.must(w.box.RemoveTriggers(t.Context()))
	if left := w.installed(); left != "" {
		t.Errorf("left: %s", left)
	}
	w.exec("DELETE FROM " + other + ".scan")
	w.wantRows()
}

// The application's user needs no right on the outbox.
func TestMySQLRights(t *testing.T) {
	w := newWorld(t, references.MySQL)
	w.write("a", "b")
	user := strings.Replace(w.home(), "filecleangen", "fc", 1)
	w.exec("CREATE USER " + user + "@'%' IDENTIFIED BY 'x'")
	t.Cleanup(func() {
		if db, err := databases.Open(w.d, w.dsn); err == nil {
			_, _ = db.Exec("DROP USER " + user + "@'%'")
			_ = db.Close()
		}
	})
	w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON article TO " + user + "@'%'")
	w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON scan TO " + user + "@'%'")
	_, at, _ := strings.Cut(w.dsn, "@")
	db, err := databases.Open(w.d, user+":x@"+at)
	w.must(err)
	defer func() { _ = db.Close() }()
	for _, s := range []string{"INSERT INTO scan (id, file) VALUES (1, 'a'), (2, 'b')", "UPDATE scan SET file = NULL WHERE id = 1", "DELETE FROM scan"} {
		_, err := db.ExecContext(t.Context(), s)
		w.must(err)
	}
	if _, err := db.ExecContext(t.Context(), "SELECT 1 FROM filecleangen_outbox"); err == nil {
		t.Error("the user sees the outbox")
	}
	w.want("")
	if _, err := db.ExecContext(t.Context(), "INSERT INTO scan (id, file) VALUES (1, 'a')"); !outbox.IsGone(err) {
		t.Error(err)
	}
}

// Two statements that take the same names in opposite order: one is told to begin anew, and
// can.
func TestMySQLDeadlock(t *testing.T) {
	w := newWorld(t, references.MySQL)
	w.exec("INSERT INTO scan (id) VALUES (1), (2)")
	first, err := w.db.BeginTx(t.Context(), nil)
	w.must(err)
	second, err := w.db.BeginTx(t.Context(), nil)
	w.must(err)
	run := func(tx *sql.Tx, id int, name string) error {
		_, err := tx.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO article (id, cover) VALUES (%d, '%s')", id, name))
		return err
	}
	w.must(run(first, 1, "a"))
	w.must(run(second, 2, "b"))
	done := make(chan error, 1)
	go func() { done <- run(first, 3, "b") }()
	err = run(second, 4, "a")
	err = errors.Join(err, second.Rollback(), <-done)
	if err == nil || !databases.Refused(err) || outbox.IsGone(err) || !strings.Contains(err.Error(), "1213") {
		t.Error(err)
	}
	_ = first.Rollback()
	w.in(true, "INSERT INTO article (id, cover) VALUES (1, 'b'), (2, 'a')")
	w.wantRows()
}

// The triggers of a table go with it where it is renamed. Those of a column that has another
// name, or is dropped, fail all statements until they are made anew.
func TestMySQLRename(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file text)")
	w.open(scans("scan")...)
	w.must(w.box.InstallTriggers(t.Context()))
	w.write("a", "b", "c", "d")
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'a'), (2, 'b')")
	w.exec("RENAME TABLE scan TO page")
	w.exec("UPDATE page SET file = 'd' WHERE id = 1")
	w.open(scans("page")...)
	w.want("b c d")
	w.faults(w.box, "outdated delete page, outdated insert page, outdated update page")
	w.must(w.box.InstallTriggers(t.Context()))

	w.exec("ALTER TABLE page RENAME COLUMN file TO picture")
	for _, s := range []string{"INSERT INTO page (id) VALUES (3)", "UPDATE page SET id = id + 10", "DELETE FROM page"} {
		if err := w.try(s); err == nil || !strings.Contains(err.Error(), "1054") {
			t.Errorf("%s: %v", s, err)
		}
	}
	w.want("b c d")
	w.open(scans("page", references.Columns{"File": {Name: "picture"}})...)
	w.faults(w.box, "outdated delete page, outdated insert page, outdated update page")
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.exec("UPDATE page SET picture = 'c' WHERE id = 1")
	w.want("b c")

	w.exec("ALTER TABLE page DROP COLUMN picture, ADD COLUMN other text")
	if err := w.try("DELETE FROM page"); err == nil || !strings.Contains(err.Error(), "1054") {
		t.Error(err)
	}
	w.open(scans("page", references.Columns{"File": {Name: "other"}})...)
	w.must(w.box.InstallTriggers(t.Context()))
	w.exec("DELETE FROM page")
	w.want("b c") // what the column named is left for a sweep
	w.exec("DROP TABLE page")
	w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file text)")
	w.open(scans("scan")...)
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
}

// Triggers do to a row of the outbox, in whichever state it is, what batches do.
func TestMySQLLikeBatches(t *testing.T) {
	w := newWorld(t, references.MySQL)
	d, err := dialect.Of(dialect.MySQL)
	w.must(err)
	w.exec("INSERT INTO article (id) VALUES (1)")
	var model, field string
	w.exec("UPDATE article SET cover = 'x' WHERE id = 1")
	w.exec("UPDATE article SET cover = NULL WHERE id = 1")
	w.must(w.db.QueryRowContext(t.Context(), "SELECT model, field FROM filecleangen_outbox").Scan(&model, &field))
	release := dialect.Entry{Storage: "media", Name: "x", Release: true, Reason: "updated", Model: model, Field: field}
	for what, c := range map[string]struct {
		old, statement string
		entry          dialect.Entry
	}{
		"takes":    {"NULL", "UPDATE article SET cover = 'x' WHERE id = 1", dialect.Entry{Storage: "media", Name: "x", Take: true}},
		"releases": {"'x'", "UPDATE article SET cover = NULL WHERE id = 1", release},
	} {
		for _, state := range []string{"held", "pending", "writing", "upload", "deleting", "gone", "parked"} {
			for _, later := range []string{"7", "9000000000000"} {
				after := func(do func(tx *sql.Tx) error) string {
					w.exec("DELETE FROM filecleangen_outbox")
					w.exec("UPDATE article SET cover = " + c.old + " WHERE id = 1")
					w.exec("DELETE FROM filecleangen_outbox")
					w.exec("INSERT INTO filecleangen_outbox (storage, name, state, reason, model, field, record, attempts, unfinished, gone_at, claim, created_at, not_before, last_error)"+
						" VALUES ('media', 'x', ?, 'r', 'm', 'f', 'k', 3, 1, 5, 'c', 6, "+later+", 'e')", state)
					tx, err := w.db.BeginTx(t.Context(), nil)
					w.must(err)
					defer func() { _ = tx.Rollback() }()
					if err := do(tx); err != nil {
						if !outbox.IsGone(err) && !errors.Is(err, dialect.ErrGone) {
							t.Error(err)
						}
						return "refused"
					}
					var row string
					w.must(tx.QueryRowContext(t.Context(), `SELECT coalesce(group_concat(concat_ws(' ', state, reason, model, field, record, attempts, unfinished,
						coalesce(gone_at, '-'), IF(claim IN ('', 'c'), claim, 'taken'), created_at, IF(not_before IN (7, 9000000000000), not_before, 'now'), last_error)), 'none')
						FROM filecleangen_outbox`).Scan(&row))
					return row
				}
				trigger := after(func(tx *sql.Tx) error { _, err := tx.ExecContext(t.Context(), c.statement); return err })
				batch := after(func(tx *sql.Tx) error {
					return d.Write(t.Context(), tx, dialect.Writer{Version: outbox.SchemaVersion}, []dialect.Entry{c.entry})
				})
				if trigger != batch {
					t.Errorf("a trigger %s a row that is %s: %s; a batch: %s", what, state, trigger, batch)
				}
			}
		}
	}
}

// A row with a period is cut into some that name its file.
func TestMariaDBPortions(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	if err := w.try("CREATE TABLE scan (id bigint, file text, a date, b date, PERIOD FOR p (a, b))"); err != nil {
		t.Skip("it has no periods: ", err)
	}
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.upload("media", "a")
	w.upload("media", "b")
	w.exec("INSERT INTO scan VALUES (1, 'a', '2001-01-01', '2001-12-31')")
	w.exec("UPDATE scan FOR PORTION OF p FROM '2001-02-01' TO '2001-03-01' SET file = 'b'")
	w.want("a b")
	w.exec("DELETE FROM scan FOR PORTION OF p FROM '2001-01-15' TO '2001-02-15'")
	w.want("a b")
	w.exec("DELETE FROM scan FOR PORTION OF p FROM '2001-02-01' TO '2001-03-01'")
	w.want("a")
	w.exec("DELETE FROM scan FOR PORTION OF p FROM '2000-01-01' TO '2002-01-01'")
	w.want("")
}
