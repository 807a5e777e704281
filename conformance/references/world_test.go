// Package references_test asks databases which names their rows name.
package references_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// one is a type with a file in a column, and many one with files in another.
var (
	one  = &runtime.Type{Name: "shop.One", Package: "example.com/shop", Fields: []runtime.Field{{Path: "File", Storage: "media", Column: "file"}}}
	many = &runtime.Type{Name: "shop.Many", Package: "example.com/shop", Fields: []runtime.Field{{Path: "Files", Storage: "media", Column: "files", Shape: runtime.List}}}
)

// world is a database.
type world struct {
	*testing.T
	d    references.Dialect
	dsn  string
	db   *sql.DB // of the program
	own  *sql.DB // of the references
	logs *logs.Buffer
}

func newWorld(t *testing.T, d references.Dialect) *world {
	t.Helper()
	w := &world{T: t, d: d, dsn: databases.New(t, d), logs: logs.New()}
	w.db, w.own = w.handle(), w.handle()
	return w
}

// handle opens the database once more.
func (w *world) handle() *sql.DB {
	w.Helper()
	db, err := databases.Open(w.d, w.dsn)
	w.must(err)
	w.Cleanup(func() { _ = db.Close() })
	return db
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) exec(query string, args ...any) {
	w.Helper()
	w.execOn(w.db, query, args...)
}

func (w *world) execOn(db *sql.DB, query string, args ...any) {
	w.Helper()
	if len(args) > 0 {
		query = databases.Rebind(w.d, query)
	}
	if _, err := db.ExecContext(w.Context(), query, args...); err != nil {
		w.Fatalf("%s: %v", query, err)
	}
}

// migrate makes the tables of an outbox.
func (w *world) migrate() {
	w.Helper()
	w.must(outbox.Migrate(w.Context(), w.db, w.d))
}

func (w *world) try(options ...references.Option) (*references.References, error) {
	return references.New(w.Context(), w.own, w.d, append(options, references.Logger(w.logs.Logger()))...)
}

func (w *world) references(options ...references.Option) *references.References {
	w.Helper()
	refs, err := w.try(options...)
	w.must(err)
	return refs
}

// asked asks about names of storage media, and returns those that rows name.
func (w *world) asked(refs *references.References, names ...string) (named []string) {
	w.Helper()
	answer, err := ask(w.T, refs, names...)
	w.must(err)
	for ref, err := range answer.Unknown {
		w.Errorf("%s is unknown: %v", ref, err)
	}
	for _, ref := range answer.Named {
		named = append(named, ref.Name)
	}
	slices.Sort(named)
	return named
}

func ask(t *testing.T, refs *references.References, names ...string) (runtime.Answer, error) {
	t.Helper()
	all := make([]runtime.Ref, len(names))
	for i, name := range names {
		all[i] = runtime.Ref{Storage: "media", Name: name}
	}
	return refs.Ask(t.Context(), all)
}

// wantNamed asks about names and checks which rows name.
func (w *world) wantNamed(refs *references.References, want string, names ...string) {
	w.Helper()
	if named := strings.Join(w.asked(refs, names...), " "); named != want {
		w.Errorf("rows name %q, want %q", named, want)
	}
}

// wantError asks about a name and checks that nobody can tell.
func (w *world) wantError(refs *references.References, text string) {
	w.Helper()
	if _, err := ask(w.T, refs, "a"); err == nil || !strings.Contains(err.Error(), text) {
		w.Errorf("%v, want an error with %q", err, text)
	}
}
