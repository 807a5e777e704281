package triggers_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// dump returns what pg_dump writes of the schema.
func (w *world) dump(options ...string) string {
	w.t.Helper()
	if _, err := exec.LookPath("pg_dump"); err != nil {
		if os.Getenv("CI") == "true" {
			w.t.Fatal(err)
		}
		w.t.Skip("there is no pg_dump here")
	}
	var home string
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT current_schema()").Scan(&home))
	server, _, _ := strings.Cut(w.dsn, "?")
	return w.run("pg_dump", "", append(options, "--inserts", "-n", home, server)...)
}

func (w *world) run(program, input string, arguments ...string) string {
	w.t.Helper()
	c := exec.CommandContext(w.t.Context(), program, arguments...)
	var out, problems bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr, c.Env = strings.NewReader(input), &out, &problems, append(os.Environ(), "PGOPTIONS=")
	if err := c.Run(); err != nil {
		w.t.Fatalf("%s: %v\n%s", program, err, problems.String())
	}
	return out.String()
}

// load drops the schema, and runs what dump returned.
func (w *world) load(text string) {
	w.t.Helper()
	var home string
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT current_schema()").Scan(&home))
	w.exec("DROP SCHEMA " + home + " CASCADE")
	server, _, _ := strings.Cut(w.dsn, "?")
	w.run("psql", text, "-q", "-v", "ON_ERROR_STOP=1", server)
}

// What a dump has of triggers is as good as what was dumped, and that a dump had none is
// noticed.
func TestRestore(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.write("a", "b", "c")
	w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'c')")
	w.exec("DELETE FROM scan")
	w.load(w.dump())
	w.faults(w.box, "")
	w.wantRows("pending c")
	w.want("a b")
	w.exec("UPDATE article SET cover = NULL")
	w.want("b")

	w.load(w.dump("--section=pre-data", "--section=data"))
	faults, err := w.box.CheckTriggers(t.Context())
	w.must(err)
	for _, f := range faults {
		if f.Problem != outbox.TriggerMissing {
			t.Error(f)
		}
	}
	if len(faults) != 8 {
		t.Errorf("%v", faults)
	}
	before := len(w.logs.String())
	_ = w.newRelay(w.box)
	if !strings.Contains(w.logs.String()[before:], "missing") {
		t.Errorf("%s", w.logs)
	}
	w.exec("ALTER TABLE filecleangen_outbox ADD PRIMARY KEY (storage, name)") // after the data, as well
	w.exec("ALTER TABLE article ADD PRIMARY KEY (id)")
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.exec("DELETE FROM article")
	w.want("")
}

// Rows that come back while the triggers are there name their files again, whatever the
// outbox has, but for files that are gone.
func TestRestoreData(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.write("a", "b", "c")
	w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b'), (2, 'c', NULL)")
	var home string
	w.must(w.db.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&home))
	text := w.dump("--data-only", "-t", home+".article")
	w.exec("TRUNCATE article CASCADE")
	w.wantRows("pending a", "pending b", "pending c")
	server, _, _ := strings.Cut(w.dsn, "?")
	w.run("psql", text, "-q", "-v", "ON_ERROR_STOP=1", server)
	w.want("a b c")
	w.exec("DELETE FROM article WHERE id = 2")
	w.want("a b")
	w.exec("DELETE FROM article")
	w.want("")
	c := exec.CommandContext(context.WithoutCancel(t.Context()), "psql", "-q", "-v", "ON_ERROR_STOP=1", server)
	c.Stdin = strings.NewReader(text)
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), "filecleangen: gone:") {
		t.Errorf("%v: %s", err, out)
	}
}
