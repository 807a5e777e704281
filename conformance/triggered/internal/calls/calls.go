// Package calls runs what the documentation of a persistence layer shows, on tables with
// triggers, and compares the files with what must be left.
package calls

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const environment = "calls"

// A World is a database, a directory and a relay.
type World struct {
	T       *testing.T
	Dialect references.Dialect
	DB      *sql.DB // that the layer uses
	DSN     string
	Ctx     context.Context //nolint:containedctx // a test's

	root  string
	relay *outbox.Relay
	logs  *logs.Buffer
}

// Run runs a test on some kinds of databases. The layer makes its tables first, and Track
// has their triggers made.
func Run(t *testing.T, test func(w *World), dialects ...references.Dialect) {
	t.Helper()
	if len(dialects) == 0 {
		dialects = []references.Dialect{references.SQLite, references.PostgreSQL, references.MySQL}
	}
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := &World{T: t, Dialect: d, DSN: databases.New(t, d), Ctx: t.Context(), root: t.TempDir(), logs: logs.New()}
		if d == references.SQLite {
			w.DSN += "&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)"
		}
		w.DB = w.open()
		test(w)
	}, dialects...)
}

func (w *World) open() *sql.DB {
	w.T.Helper()
	db, err := databases.Open(w.Dialect, w.DSN)
	w.Must(err)
	w.T.Cleanup(func() { _ = db.Close() })
	return db
}

// Track installs the triggers of columns, each of which is given as "table.column".
func (w *World) Track(columns ...string) {
	w.T.Helper()
	own := w.open()
	w.Must(outbox.Migrate(w.Ctx, own, w.Dialect))
	var types []*runtime.Type
	options := []references.Option{references.Logger(w.logs.Logger())}
	for _, c := range columns {
		table, column, _ := strings.Cut(c, ".")
		t := &runtime.Type{Name: "models." + c, Package: "example.com/shop/models", Fields: []runtime.Field{{Path: "File", Column: column, Storage: "media"}}}
		types, options = append(types, t), append(options, references.Table(t, table))
	}
	refs, err := references.New(w.Ctx, own, w.Dialect, options...)
	w.Must(err)
	dir, err := storage.Dir(w.root)
	w.Must(err)
	w.T.Cleanup(func() { _ = dir.Close() })
	w.Must(outbox.Mark(dir, environment))
	clean, err := runtime.New(runtime.WithStorage("media", dir), runtime.WithTypes(types...), runtime.WithReferences(refs), runtime.WithLogger(w.logs.Logger()))
	w.Must(err)
	box, err := outbox.New(w.Ctx, clean, refs)
	w.Must(err)
	w.Must(box.InstallTriggers(w.Ctx))
	w.relay, err = box.Relay(w.Ctx, environment, outbox.WithRelayLogger(w.logs.Logger()), outbox.WithTriggers(outbox.TriggersRequired))
	w.Must(err)
}

// Must ends the test if there is an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Files makes files, for rows to name.
func (w *World) Files(names string) {
	w.T.Helper()
	for name := range strings.FieldsSeq(names) {
		w.Must(os.WriteFile(filepath.Join(w.root, name), nil, 0o644))
	}
}

// Want compares the files that are left after a call of the layer, which returned err, once
// a relay has run.
func (w *World) Want(call string, err error, files string) {
	w.T.Helper()
	if err != nil {
		w.T.Fatalf("%s: %v", call, err)
	}
	if _, err := w.relay.Drain(w.Ctx); err != nil {
		w.T.Fatalf("%s: %v", call, err)
	}
	entries, err := os.ReadDir(w.root)
	w.Must(err)
	var left []string
	for _, e := range entries {
		if e.Name() != outbox.MarkerName {
			left = append(left, e.Name())
		}
	}
	if got := strings.Join(left, " "); got != files {
		w.T.Errorf("%s: files left: %q, want %q\nlog:\n%s", call, got, files, w.logs)
	}
}

// Gone checks that a call was refused since a file is gone.
func (w *World) Gone(call string, err error) {
	w.T.Helper()
	if !outbox.IsGone(err) {
		w.T.Errorf("%s: %s", call, fmt.Sprint(err))
	}
}
