package triggers_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// faults checks what is wrong with triggers, as "problem event", sorted as they come.
func (w *world) faults(box *outbox.Outbox, want string) {
	w.t.Helper()
	faults, err := box.CheckTriggers(w.t.Context())
	w.must(err)
	var got []string
	for _, f := range faults {
		got = append(got, string(f.Problem)+" "+f.Event+" "+f.Table[strings.LastIndex(f.Table, ".")+1:])
	}
	if text := strings.Join(got, ", "); text != want {
		w.t.Errorf("faults %q, want %q", text, want)
	}
}

// installed returns the names of all triggers and functions.
func (w *world) installed() string {
	w.t.Helper()
	query := map[references.Dialect]string{
		references.SQLite:     "SELECT name FROM sqlite_master WHERE name GLOB 'filecleangen_[0-9]*' ORDER BY name",
		references.PostgreSQL: "SELECT proname FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace AND proname ~ '^filecleangen_[0-9]' UNION ALL SELECT tgname || '.' || t.oid FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = quote_ident(current_schema())::regnamespace AND tgname ~ '^filecleangen_[0-9]' ORDER BY 1",
		references.MySQL:      "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() UNION ALL SELECT concat(trigger_name, '.', created) FROM information_schema.triggers WHERE event_object_schema = '" + strings.ReplaceAll(strings.ReplaceAll(w.home(), `\`, `\\`), "'", "''") + "' ORDER BY 1",
	}[w.d]
	rows, err := w.db.QueryContext(w.t.Context(), query)
	w.must(err)
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var name string
		w.must(rows.Scan(&name))
		all = append(all, name)
	}
	w.must(rows.Err())
	return strings.Join(all, "\n")
}

func TestInstall(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		was := w.installed()
		w.faults(w.box, "")
		w.must(w.box.InstallTriggers(t.Context()))
		if now := w.installed(); now != was {
			t.Errorf("installed again:\n%s\nwere\n%s", now, was)
		}
		up, down, err := w.box.Triggers(t.Context())
		w.must(err)
		upAgain, downAgain, err := w.box.Triggers(t.Context())
		if w.must(err); upAgain != up || downAgain != down || !strings.HasPrefix(up, "-- Made by outbox.Triggers") || strings.Count(up, "CREATE TRIGGER") < 6 {
			t.Errorf("%s\n%s", up, down)
		}
		w.execAll(down) // by a migration tool
		if now := w.installed(); now != "" {
			t.Errorf("left: %s", now)
		}
		w.execAll(down)
		w.execAll(up)
		w.faults(w.box, "")
		w.write("a")
		w.exec("INSERT INTO scan (id, file) VALUES (1, 'a')")
		w.exec("DELETE FROM scan")
		w.want("")
	})
}

// A migration removes what the one before made, brings the tables of the outbox to another
// version, and makes its own triggers, while others write: where the database can change
// triggers in a transaction, nothing fails and nothing is untracked.
func TestMigrations(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		before, down, err := w.box.Triggers(t.Context())
		w.must(err)
		w.exec("ALTER TABLE scan ADD COLUMN other varchar(200)")
		w.exec("ALTER TABLE scan ADD COLUMN raw varchar(200)")
		next := w.newBoxOf([]*runtime.Type{article, added}, w.tables(added)...)
		up, nextDown, err := next.Triggers(t.Context())
		w.must(err)
		version := "UPDATE filecleangen_outbox_version SET version = %d;\n"
		if d != references.MySQL {
			before = strings.NewReplacer("IS DISTINCT FROM 3", "IS DISTINCT FROM 2", "IS NOT 3", "IS NOT 2").Replace(before)
			w.migrate(down + fmt.Sprintf(version, outbox.SchemaVersion-1) + before)
		}
		stop, done := make(chan bool), make(chan int, 1)
		go func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					done <- n
					return
				default:
					w.insert(n)
				}
			}
		}()
		w.migrate(down + fmt.Sprintf(version, outbox.SchemaVersion) + up)
		close(stop)
		n := <-done
		w.faults(next, "")
		w.exec("DELETE FROM scan")
		if got := w.count(); d != references.MySQL && got != n {
			t.Errorf("%d of %d names were released", got, n)
		}
		w.migrate(nextDown)
		if left := w.installed(); left != "" {
			t.Errorf("left: %s", left)
		}
	})
}

// insert inserts a row and deletes that of before.
func (w *world) insert(n int) {
	for _, s := range []string{fmt.Sprintf("INSERT INTO scan (id, file) VALUES (%d, 'f%[1]d')", n), fmt.Sprintf("DELETE FROM scan WHERE id = %d", n-1)} {
		err := w.try(s)
		for state(err) == "40P01" { // a foreign key, for which both tables are locked
			err = w.try(s)
		}
		if err != nil {
			w.t.Error(err)
		}
	}
}

// migrate runs a text as a migration tool does: where that can be, in a transaction.
func (w *world) migrate(text string) {
	w.t.Helper()
	if w.d != references.MySQL {
		text = "BEGIN;\n" + text + "COMMIT;\n"
	}
	err := w.tryAll(text)
	for state(err) == "40P01" {
		err = w.tryAll(text)
	}
	w.must(err)
}

// What other references asked for is replaced, and what nobody asks for is removed; but
// other programs' triggers are theirs.
func TestOutdated(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		scans := []references.Option{references.Table(scan, "scan", references.Columns{"File": {Name: "other"}}), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody)}
		w.exec("ALTER TABLE scan ADD COLUMN other text")
		next := w.newBox(scans...)
		faults, err := next.CheckTriggers(t.Context())
		w.must(err)
		for _, f := range faults {
			if f.Problem != outbox.TriggerOutdated || !strings.HasSuffix(f.Table, ".scan") && f.Event == "delete" { // the version before may be running
				t.Error(f)
			}
		}
		w.withdraw(next)
		faults, err = next.CheckTriggers(t.Context())
		w.must(err)
		count := map[outbox.TriggerProblem]int{}
		for _, f := range faults {
			count[f.Problem]++
		}
		// On MySQL, the article still has a trigger for the scans that go with it.
		outdated := map[references.Dialect]int{references.SQLite: 3, references.PostgreSQL: 4, references.MySQL: 7}[d]
		unwanted := map[references.Dialect]int{references.SQLite: 3, references.PostgreSQL: 4}[d]
		if count[outbox.TriggerOutdated] != outdated || count[outbox.TriggerUnwanted] != unwanted || len(faults) != outdated+unwanted {
			t.Errorf("%v", faults)
		}
		others := w.newBox(append(scans, references.Program("another"))...)
		w.must(others.InstallTriggers(t.Context()))
		w.must(next.InstallTriggers(t.Context()))
		w.faults(next, "")
		w.faults(others, "")
		w.must(next.RemoveTriggers(t.Context()))
		w.faults(others, "")
		w.exec("INSERT INTO scan (id, file, other) VALUES (1, 'a', 'b')")
		w.exec("DELETE FROM scan")
		w.wantRows("pending b")
	})
}

// withdraw takes back what no process uses any more.
func (w *world) withdraw(box *outbox.Outbox) {
	w.t.Helper()
	refs := box.References().(*references.References)
	_, err := refs.Withdraw(w.t.Context(), refs.Program())
	w.must(err)
	w.must(refs.Register(w.t.Context()))
}

func TestMissing(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		_, err := w.box.Relay(t.Context(), environment, outbox.WithTriggers(outbox.TriggersRequired))
		w.must(err)
		if strings.Contains(w.logs.String(), "triggers") {
			t.Errorf("%s", w.logs)
		}
		name := w.trigger("_update")
		if d == references.PostgreSQL {
			name += " ON " + w.tableOf(name)
		}
		w.exec("DROP TRIGGER " + name)
		faults, err := w.box.CheckTriggers(t.Context())
		if w.must(err); len(faults) != 1 || faults[0].Problem != outbox.TriggerMissing || faults[0].Event != "update" {
			t.Errorf("%v", faults)
		}
		if _, err = w.box.Relay(t.Context(), environment, outbox.WithTriggers(outbox.TriggersRequired)); !errors.Is(err, outbox.ErrTriggers) || !strings.Contains(err.Error(), "missing") {
			t.Error(err)
		}
		_ = w.newRelay(w.box, outbox.WithTriggers(outbox.TriggersIgnored))
		if strings.Contains(w.logs.String(), "missing") {
			t.Errorf("%s", w.logs)
		}
		_ = w.newRelay(w.box)
		if !strings.Contains(w.logs.String(), "missing") {
			t.Errorf("%s", w.logs)
		}
		w.must(w.box.InstallTriggers(t.Context()))
		w.faults(w.box, "")
		w.must(w.box.RemoveTriggers(t.Context()))
		if _, err = w.box.Relay(t.Context(), environment, outbox.WithTriggers(outbox.TriggersRequired)); !errors.Is(err, outbox.ErrTriggers) {
			t.Error(err)
		}
	})
}

// trigger returns the name of a trigger that is installed, by its end.
func (w *world) trigger(end string) string {
	w.t.Helper()
	for name := range strings.SplitSeq(w.installed(), "\n") {
		if name, _, _ = strings.Cut(name, "."); strings.HasSuffix(name, end) {
			return name
		}
	}
	w.t.Fatalf("there is no trigger %s", end)
	return ""
}

// home is the name of a database.
func (w *world) home() (name string) {
	w.t.Helper()
	query := map[references.Dialect]string{references.SQLite: "SELECT 'main'", references.PostgreSQL: "SELECT current_schema()", references.MySQL: "SELECT DATABASE()"}[w.d]
	w.must(w.db.QueryRowContext(w.t.Context(), query).Scan(&name))
	return name
}

// execAll runs a text of many statements.
func (w *world) execAll(text string) {
	w.t.Helper()
	w.must(w.tryAll(text))
}

func (w *world) tryAll(text string) error {
	w.t.Helper()
	dsn := w.dsn
	if w.d == references.MySQL {
		dsn += "&multiStatements=true&charset=latin1&sql_mode=" + url.QueryEscape("'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,PIPES_AS_CONCAT'") // whatever the tool's session is like
	}
	db, err := databases.Open(w.d, dsn)
	w.must(err)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(w.t.Context(), text)
	return err
}

func (w *world) tableOf(trigger string) (table string) {
	w.t.Helper()
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = $1", trigger).Scan(&table))
	return table
}

func TestDisabled(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.exec("ALTER TABLE scan DISABLE TRIGGER ALL")
	w.faults(w.box, "disabled delete scan, disabled insert scan, disabled truncate scan, disabled update scan")
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
}

// What only a Go function understands can't be tracked.
func TestFunctions(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file text)")
		mapping := references.Mapping{Name: func(v string) string { return v }, Values: func(n string) []string { return []string{n} }}
		box := w.newBox(references.Table(scan, "scan"), references.NotStored(article), references.Values("media", mapping), references.Func("media", nobody), references.Func("cdn", nobody))
		for _, err := range []error{box.InstallTriggers(t.Context()), third(box.Triggers(t.Context()))} {
			if err == nil || !strings.Contains(err.Error(), "models.Scan.File in ") || !strings.Contains(err.Error(), "references.Values") {
				t.Error(err)
			}
		}
	})
}

func third(_, _ string, err error) error { return err }

// Transactions that are open hold up the installation, and it holds up nobody for long.
func TestLockTimeout(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.must(w.box.RemoveTriggers(t.Context()))
		tx, err := w.db.BeginTx(t.Context(), nil)
		w.must(err)
		_, err = tx.ExecContext(t.Context(), "INSERT INTO scan (id, file) VALUES (1, 'a')")
		w.must(err)
		done := make(chan error, 1)
		go func() { done <- w.box.InstallTriggers(t.Context()) }()
		waits := map[references.Dialect]string{
			references.PostgreSQL: "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'scan'::regclass",
			references.MySQL:      "SELECT count(*) FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock' AND db = DATABASE()",
		}[d]
		for n, end := 0, time.Now().Add(20*time.Second); n == 0; {
			w.must(w.db.QueryRowContext(t.Context(), waits).Scan(&n))
			if time.Now().After(end) {
				t.Fatal("the installation waits for no lock")
			}
		}
		w.exec("INSERT INTO scan (id, file) VALUES (2, 'b')") // would wait until the commit, which comes after it
		select {
		case err := <-done:
			t.Fatalf("%v", err)
		default:
		}
		w.must(tx.Commit())
		w.must(<-done)
		w.faults(w.box, "")
	})
}

// The application's role needs no right on the outbox.
func TestRights(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.write("a", "b")
	home, role := w.role()
	w.in(true, "SET LOCAL ROLE "+role, "SET LOCAL search_path = ''", "INSERT INTO "+home+".scan (id, file) VALUES (1, 'a'), (2, 'b')", "SET LOCAL standard_conforming_strings = off",
		"UPDATE "+home+".scan SET file = NULL WHERE id = 1", "TRUNCATE "+home+".scan")
	w.want("")
}

// role makes a role that may write the tables, and returns it and their schema.
func (w *world) role() (home, role string) {
	w.t.Helper()
	home = w.home()
	role = "fc_" + strings.TrimPrefix(home, "filecleangen_")
	w.exec("CREATE ROLE " + role)
	w.t.Cleanup(func() {
		db, err := sql.Open("pgx", w.dsn)
		if err == nil {
			_, _ = db.ExecContext(context.Background(), "DROP OWNED BY "+role+" CASCADE")
			_, _ = db.ExecContext(context.Background(), "DROP ROLE "+role)
			_ = db.Close()
		}
	})
	w.exec("GRANT USAGE ON SCHEMA " + home + " TO " + role)
	w.exec("GRANT ALL ON article, scan TO " + role)
	return home, role
}
