// Package sweep_test compares storages with the rows of each database.
package sweep_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
	"github.com/filecleangen/filecleangen/sweep"
)

const environment = "test"

// article has a cover with a derived file, and pages in a document.
func article() *runtime.Type {
	return &runtime.Type{Name: "shop.Article", Package: "example.com/shop", Fields: []runtime.Field{
		{Path: "Cover", Storage: "media", Column: "cover", Derived: []string{"{dir}/small/{name}"}, Defaults: []string{"covers/blank.png"}},
		{Path: "Pages", Storage: "media", Column: "pages", Shape: runtime.List},
	}}
}

// world is a database, a directory, and an outbox.
type world struct {
	*testing.T
	d     references.Dialect
	dsn   string
	root  string
	db    *sql.DB
	refs  *references.References
	clean *runtime.Cleaner
	box   *outbox.Outbox
	plan  string
}

func newWorld(t *testing.T, d references.Dialect, types ...*runtime.Type) *world {
	t.Helper()
	w := &world{T: t, d: d, dsn: databases.New(t, d), root: t.TempDir(), plan: filepath.Join(t.TempDir(), "plan")}
	w.db = w.handle()
	own := w.handle()
	w.must(outbox.Migrate(t.Context(), own, d))
	key := map[references.Dialect]string{references.SQLite: "integer PRIMARY KEY", references.PostgreSQL: "bigint PRIMARY KEY", references.MySQL: "bigint PRIMARY KEY"}[d]
	w.exec("CREATE TABLE article (id " + key + ", cover varchar(200), pages text)")
	if len(types) == 0 {
		types = []*runtime.Type{article()}
	}
	dir, err := storage.Dir(w.root)
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	w.must(outbox.Mark(dir, environment))
	log := logs.New().Logger()
	options := []references.Option{references.Program("shop"), references.Logger(log)}
	for _, typ := range types {
		columns := references.Columns{}
		for i := range typ.Fields {
			if typ.Fields[i].Shape == runtime.List {
				columns[typ.Fields[i].Path] = references.Column{Form: references.JSON}
			}
		}
		options = append(options, references.Table(typ, "article", columns))
	}
	w.refs, err = references.New(t.Context(), own, d, options...)
	w.must(err)
	w.clean, err = runtime.New(runtime.WithStorage("media", dir), runtime.WithTypes(types...), runtime.WithReferences(w.refs), runtime.WithLogger(log),
		runtime.WithProtected(func(ref runtime.Ref) bool { return ref.Name == "covers/protected.png" }))
	w.must(err)
	w.box, err = outbox.New(t.Context(), w.clean, w.refs)
	w.must(err)
	return w
}

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
	if len(args) > 0 {
		query = databases.Rebind(w.d, query)
	}
	if _, err := w.db.ExecContext(w.Context(), query, args...); err != nil {
		w.Fatalf("%s: %v", query, err)
	}
}

// article writes a row.
func (w *world) article(id int, cover, pages string) {
	w.Helper()
	w.exec("INSERT INTO article (id, cover, pages) VALUES (?, ?, ?)", id, cover, pages)
}

// file makes files that are some days old.
func (w *world) file(names ...string) {
	w.Helper()
	w.fileAt(time.Now().Add(-5*24*time.Hour), names...)
}

func (w *world) fileAt(at time.Time, names ...string) {
	w.Helper()
	for _, name := range names {
		full := filepath.Join(w.root, name)
		w.must(os.MkdirAll(filepath.Dir(full), 0o755))
		w.must(os.WriteFile(full, []byte(name), 0o600))
		w.must(os.Chtimes(full, at, at))
	}
}

// shop has rows and files that match: ten articles with a cover each.
func (w *world) shop() {
	w.Helper()
	for i := range 10 {
		name := fmt.Sprintf("covers/%d.png", i)
		w.article(i, name, "[]")
		w.file(name, fmt.Sprintf("covers/small/%d.png", i))
	}
}

func (w *world) sweeper(options ...sweep.Option) *sweep.Sweeper {
	w.Helper()
	s, err := sweep.New(w.box, environment, options...)
	w.must(err)
	return s
}

// scan scans, and returns what was found.
func (w *world) scan(options ...sweep.Option) *sweep.Report {
	w.Helper()
	r, err := w.sweeper(options...).Scan(w.Context(), "media", w.plan)
	w.must(err)
	return r
}

// drain has a relay do all that is to be done.
func (w *world) drain() {
	w.Helper()
	r, err := w.box.Relay(w.Context(), environment, outbox.WithRelayLogger(logs.New().Logger()))
	w.must(err)
	_, err = r.Drain(w.Context())
	w.must(err)
}

func (w *world) wantThere(names ...string) {
	w.Helper()
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(w.root, name)); err != nil {
			w.Errorf("%s should be there: %v", name, err)
		}
	}
}

func (w *world) wantGone(names ...string) {
	w.Helper()
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(w.root, name)); err == nil {
			w.Errorf("%s should be gone", name)
		}
	}
}
