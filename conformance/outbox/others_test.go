package outbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// letGoBy is a transaction that lets go of a file of a field.
func (w *world) letGoBy(box *outbox.Outbox, typ *runtime.Type, name string) {
	w.t.Helper()
	b := box.Begin()
	defer b.Rollback()
	log := b.Deleted(typ, runtime.IntKey(1))
	log.Release(0, name)
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	w.must(err)
	defer func() { _ = tx.Rollback() }()
	_, err = box.Commit(w.t.Context(), b, tx, tx.Commit)
	w.must(err)
}

// scanOf is the type of scans as a program of a package has it, with these fields.
func scanOf(pkg string, columns ...string) *runtime.Type {
	t := &runtime.Type{Name: "models.Scan", Package: pkg}
	for _, c := range columns {
		t.Fields = append(t.Fields, runtime.Field{Path: strings.ToUpper(c[:1]) + c[1:], Storage: "media", Column: c})
	}
	return t
}

// version is a program with a relay that knows one type.
type version struct {
	box   *outbox.Outbox
	relay *outbox.Relay
}

func (w *world) version(typ *runtime.Type, program string) version {
	w.t.Helper()
	refs, err := w.references(references.Table(typ, "scan"), references.Program(program))
	w.must(err)
	clean, err := runtime.New(runtime.WithStorage("media", w.dir), runtime.WithTypes(typ), runtime.WithReferences(refs), runtime.WithLogger(w.logs.Logger()))
	w.must(err)
	box, err := outbox.New(w.t.Context(), clean, refs)
	w.must(err)
	relay, err := box.Relay(w.t.Context(), environment, outbox.WithRelayLogger(w.logs.Logger()))
	w.must(err)
	return version{box, relay}
}

func (w *world) drained(v version) outbox.Drained {
	w.t.Helper()
	done, err := v.relay.Drain(w.t.Context())
	w.must(err)
	return done
}

// TestRollingDeploy: a relay of the version before keeps what only a column of the new
// version names, and leaves alone what a field of it let go of.
func TestRollingDeploy(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.exec("ALTER TABLE scan ADD COLUMN added varchar(200)")
		const pkg = "example.com/shop/models"
		oldScan, newScan := scanOf(pkg, "file"), scanOf(pkg, "added", "file")
		before := w.version(oldScan, "shop") // it runs
		after := w.version(newScan, "shop")  // and the new version begins
		w.exec("INSERT INTO scan (id, file, added) VALUES (1, '', 'a')")
		w.write("a", "b", "c")
		w.letGoBy(before.box, oldScan, "a")
		w.letGoBy(before.box, oldScan, "b")
		if done := w.drained(before); done.Named != 1 || done.Removed != 1 {
			t.Errorf("%+v", done)
		}
		w.want("a c")
		w.letGoBy(after.box, newScan, "c") // by the field that is new
		if done := w.drained(before); done != (outbox.Drained{}) {
			t.Errorf("%+v", done)
		}
		w.want("a c")
		if done := w.drained(after); done.Removed != 1 {
			t.Errorf("%+v", done)
		}
		w.want("a")
	})
}

// TestSameName: two programs have types of one name, in packages of one name.
func TestSameName(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.exec("CREATE TABLE other (id integer PRIMARY KEY, file varchar(200))")
		shop, site := scanOf("example.com/shop/models", "file"), scanOf("example.com/site/models", "file")
		one, two := w.version(shop, "shop"), w.version(site, "site")
		w.write("a", "b")
		w.letGoBy(one.box, shop, "a")
		if done := w.drained(two); done != (outbox.Drained{}) {
			t.Errorf("%+v", done) // site may have other defaults
		}
		w.want("a b")
		w.drained(one)
		w.want("b")
	})
}

// TestVanished: files that are missing with all of their directory are not taken for
// gone: a volume may not be mounted there.
func TestVanished(t *testing.T) {
	for name, c := range map[string]struct {
		away func(w *world, dir string)
		held bool
	}{
		"the directory is gone":      {func(w *world, dir string) { w.must(os.Rename(dir, dir+".away")) }, true},
		"the mount point is empty":   {func(w *world, dir string) { w.must(os.Rename(dir, dir+".away")); w.must(os.Mkdir(dir, 0o755)) }, true},
		"something else is in there": {func(w *world, dir string) { w.must(os.Rename(dir, dir+".away")); w.write("volume/kept") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, references.SQLite, settings{relay: []outbox.RelayOption{outbox.WithAttempts(30, 0, 0)}})
			w.write("beside")
			w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'beside')")
			for i := range 30 {
				name := fmt.Sprintf("volume/%d/a", i)
				w.write(name)
				w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', '" + name + "')")
			}
			dir := filepath.Join(w.root, "volume")
			c.away(w, dir)
			away := dir + ".away"
			hidden := filepath.Join(t.TempDir(), "away")
			w.must(os.Rename(away, hidden))
			if !c.held {
				if done := w.drain(); done.Removed != 1 || done.Missing != 30 {
					t.Errorf("%+v", done)
				}
				return
			}
			_, err := w.relay.Drain(t.Context()) // until they are parked
			w.must(err)
			parked, err := w.box.Parked(t.Context(), 100)
			w.must(err)
			if len(parked) != 30 || !strings.Contains(parked[0].Err, "with all of the directory volume: is a volume not mounted there?") || !strings.Contains(w.logs.String(), "is a volume not mounted there?") {
				t.Fatalf("%d parked\nlog: %s", len(parked), w.logs)
			}
			w.want("") // what was beside is gone

			w.must(os.RemoveAll(dir))
			w.must(os.Rename(hidden, dir))
			_, err = w.box.Unpark(t.Context())
			w.must(err)
			if done := w.drain(); done.Removed != 30 {
				t.Errorf("%+v", done)
			}
		})
	}
}

// TestTakenOver: what a relay deleted that died before it said so is gone.
func TestTakenOver(t *testing.T) {
	w := newWorld(t, references.SQLite, settings{})
	w.write("volume/0")
	for i := range 30 {
		w.exec(fmt.Sprintf("INSERT INTO filecleangen_outbox (storage, name, state, attempts) VALUES ('media', 'volume/%d', 'deleting', 1)", i))
	}
	w.must(os.Remove(filepath.Join(w.root, "volume/0")))
	if done := w.drain(); done.Missing != 30 {
		t.Errorf("%+v", done)
	}
}

// TestWritersGoOn: on SQLite, while the rows are asked, others write.
func TestWritersGoOn(t *testing.T) {
	var w *world
	wrote := 0
	write := func(_ context.Context, _ references.Queryer, _ string, names []string) ([]string, error) {
		if w != nil && slices.Contains(names, "a") {
			wrote++
			w.exec("INSERT INTO scan (file) VALUES ('')") // it waits for 20 s, and fails
		}
		return nil, nil
	}
	w = newWorld(t, references.SQLite, settings{refs: []references.Option{references.Func("media", write)}})
	w.write("a")
	w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'a')")
	w.drain()
	if wrote != 2 {
		t.Errorf("the rows were asked %d times", wrote)
	}
	w.want("")
}

// TestNamedMeanwhile: on SQLite, a row that comes to name a file after the first
// question, by a statement that nobody told the outbox of, keeps it.
func TestNamedMeanwhile(t *testing.T) {
	var w *world
	var once sync.Once
	name := func(_ context.Context, _ references.Queryer, _ string, names []string) ([]string, error) {
		if w != nil && slices.Contains(names, "a") {
			once.Do(func() { w.exec("INSERT INTO scan (file) VALUES ('a')") })
		}
		return nil, nil
	}
	w = newWorld(t, references.SQLite, settings{refs: []references.Option{references.Func("media", name)}})
	w.write("a", "b")
	w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'a'), ('media', 'b')")
	if done := w.drain(); done.Named != 1 || done.Removed != 1 {
		t.Errorf("%+v", done)
	}
	w.want("a")
	w.wantStats(0, 0)
}
