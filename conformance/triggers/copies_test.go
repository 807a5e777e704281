package triggers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// need skips a test where a program is not there.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("there is no %s here", p)
		}
	}
}

// filled is a world in which a copy of the database is made.
func filled(t *testing.T, d references.Dialect) *world {
	t.Helper()
	w := newWorld(t, d)
	w.write("a", "b", "c")
	w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'c')")
	w.exec("DELETE FROM scan")
	return w
}

// lives checks that a copy is as good as what was copied.
func (w *world) lives() {
	w.t.Helper()
	w.open(w.tables(scan)...)
	w.faults(w.box, "")
	w.wantRows("pending c")
	w.want("a b")
	w.exec("UPDATE article SET cover = NULL")
	w.want("b")
	if err := w.try("UPDATE article SET cover = 'a'"); !outbox.IsGone(err) {
		w.t.Error(err)
	}
	w.exec("DELETE FROM article")
	w.want("")
}

// A copy of a database has the triggers.
func TestSQLiteCopies(t *testing.T) {
	t.Parallel()
	for name, copied := range map[string]func(w *world, from, to string){
		"VACUUM INTO": func(w *world, _, to string) { w.exec("VACUUM INTO '" + to + "'") },
		".dump": func(w *world, from, to string) {
			need(t, "sqlite3")
			w.run("sqlite3", w.run("sqlite3", "", from, ".dump"), to)
		},
		".backup": func(w *world, from, to string) {
			need(t, "sqlite3")
			w.run("sqlite3", "", from, ".backup '"+to+"'")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := filled(t, references.SQLite)
			from, _, _ := strings.Cut(strings.TrimPrefix(w.dsn, "file:"), "?")
			to := filepath.Join(t.TempDir(), "copy.db")
			copied(w, from, to)
			w.connect("file:" + to + "?_pragma=busy_timeout(20000)")
			w.lives()
		})
	}
}

// mysqlDump returns what mysqldump writes of the database.
func (w *world) mysqlDump(options ...string) string {
	w.t.Helper()
	return w.run("mysqldump", "", append(w.client(), append(options, "--single-transaction", w.home())...)...)
}

// client are the options by which programs find the server.
func (w *world) client() []string {
	w.t.Helper()
	config, err := mysql.ParseDSN(w.dsn)
	w.must(err)
	host, port, _ := strings.Cut(config.Addr, ":")
	options := []string{"-h" + host, "-u" + config.User}
	if port != "" {
		options = append(options, "-P"+port)
	}
	if config.Passwd != "" {
		options = append(options, "-p"+config.Passwd)
	}
	return options
}

// restored loads a dump into a new database, and drops the one before, whose columns the
// copy would ask, too.
func (w *world) restored(t *testing.T, dump string) {
	t.Helper()
	w.exec("DROP DATABASE " + w.home())
	w.connect(databases.New(t, references.MySQL))
	w.run("mysql", dump, append(w.client(), w.home())...)
}

// A dump that has all of triggers is as good as what was dumped, also under another name.
// What it had not is told, and made again: by default mysqldump leaves out the procedures.
func TestMySQLCopies(t *testing.T) {
	t.Parallel()
	need(t, "mysqldump", "mysql")
	w := filled(t, references.MySQL)
	all, plain, none := w.mysqlDump("--routines"), w.mysqlDump(), w.mysqlDump("--skip-triggers")

	w.restored(t, all)
	w.lives()

	w.write("a", "b", "c")
	w.restored(t, none)
	w.open(w.tables(scan)...)
	w.faults(w.box, "missing cascadefjknblcp article, missing delete article, missing insert article, missing update article, missing delete scan, missing insert scan, missing update scan")
	w.must(w.box.InstallTriggers(t.Context()))
	w.lives()

	w.write("a", "b", "c")
	w.restored(t, plain)
	if err := w.try("DELETE FROM article"); err == nil || !strings.Contains(err.Error(), "1305") {
		t.Error(err)
	}
	w.open(w.tables(scan)...)
	w.faults(w.box, "missing apply , missing behind , missing change , missing changes , missing document , missing name , missing names , missing refuse , missing release , missing strings , missing take , missing valid , missing was ")
	w.must(w.box.InstallTriggers(t.Context()))
	w.lives()
}
