package triggers_test

import (
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/references"
)

// scans are the options of a program whose only files are those of scans.
func scans(table string, columns ...references.Columns) []references.Option {
	return []references.Option{references.Table(scan, table, columns...), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody)}
}

func scanWorld(t *testing.T) *world {
	t.Helper()
	w := bareWorld(t, references.PostgreSQL)
	w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, title text, file text)")
	w.open(scans("scan")...)
	w.must(w.box.InstallTriggers(t.Context()))
	w.write("a", "b", "c")
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'a'), (2, 'b')")
	return w
}

// wantUndefined checks that statements that change rows fail, for want of a column.
func (w *world) wantUndefined() {
	w.t.Helper()
	for _, s := range []string{"INSERT INTO scan (id) VALUES (3)", "UPDATE scan SET id = id + 10", "DELETE FROM scan", "TRUNCATE scan"} {
		if err := w.try(s); state(err) != "42703" {
			w.t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := w.box.CheckTriggers(w.t.Context()); err == nil || !strings.Contains(err.Error(), "file") {
		w.t.Error(err)
	}
}

// The triggers of a column that has another name fail all statements until they are made
// anew.
func TestRenameColumn(t *testing.T) {
	w := scanWorld(t)
	w.exec("ALTER TABLE scan RENAME file TO picture")
	w.wantUndefined()
	w.want("a b c")
	w.open(scans("scan", references.Columns{"File": {Name: "picture"}})...)
	w.faults(w.box, "outdated delete scan, outdated insert scan, outdated truncate scan, outdated update scan")
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.exec("UPDATE scan SET picture = 'c' WHERE id = 1")
	w.want("b c")
}

func TestDropColumn(t *testing.T) {
	w := scanWorld(t)
	w.exec("ALTER TABLE scan DROP file")
	w.wantUndefined()
	w.exec("ALTER TABLE scan ADD other text")
	w.open(scans("scan", references.Columns{"File": {Name: "other"}})...)
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.exec("UPDATE scan SET other = 'c'")
	w.want("a b c") // what the column named is left for a sweep
	w.exec("DELETE FROM scan")
	w.want("a b")
}

// The triggers of a table go with it where it is renamed, and do what they did.
func TestRenameTable(t *testing.T) {
	w := scanWorld(t)
	w.exec("ALTER TABLE scan RENAME TO page")
	w.exec("UPDATE page SET file = NULL WHERE id = 1")
	w.wantRows("pending a")
	if _, err := w.box.CheckTriggers(t.Context()); err == nil || !strings.Contains(err.Error(), "scan") {
		t.Error(err)
	}
	w.exec("TRUNCATE page")
	w.wantRows("pending a", "pending b")
	w.exec("DELETE FROM filecleangen_outbox")
	w.exec("INSERT INTO page (id, file) VALUES (1, 'a'), (2, 'b')")
	w.open(scans("page")...)
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.exec("DELETE FROM page WHERE id = 1")
	w.want("b c")
}

// The files of a table that is dropped are left for a sweep, and nothing is left of its
// triggers when they are installed for the others.
func TestDropTable(t *testing.T) {
	w := scanWorld(t)
	w.exec("DROP TABLE scan")
	w.wantRows()
	w.exec("CREATE TABLE page (id bigint PRIMARY KEY, file text)")
	w.open(scans("page")...)
	w.faults(w.box, "missing delete page, missing insert page, missing truncate page, missing update page")
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	if n := strings.Count(w.installed()+"\n", "_table\n"); n != 1 {
		t.Errorf("%d functions of tables:\n%s", n, w.installed())
	}
	w.want("a b c")
}
