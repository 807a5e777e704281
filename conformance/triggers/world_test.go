package triggers_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const environment = "test"

// kinds are the databases that triggers are made for.
var kinds = []references.Dialect{references.SQLite, references.PostgreSQL, references.MySQL}

func each(t *testing.T, test func(t *testing.T, d references.Dialect)) {
	t.Helper()
	databases.On(t, test, kinds...)
}

// The types whose records the tables have.
var (
	article = &runtime.Type{Name: "models.Article", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "Cover", Column: "cover", Storage: "media", Defaults: []string{"blank.png"}},
		{Path: "Banner", Column: "banner", Storage: "media"},
		{Path: "Original", Column: "original", Storage: "media", Keep: true},
		{Path: "Pages", Column: "pages", Storage: "media", Shape: runtime.List},
		{Path: "Photos[].File", Column: "photos", Storage: "media", Shape: runtime.List},
		{Path: "Link", Column: "link", Storage: "cdn"},
	}}
	scan = &runtime.Type{Name: "models.Scan", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "File", Column: "file", Storage: "media"},
	}}
)

var schema = map[references.Dialect]string{
	references.SQLite: `CREATE TABLE article (id integer PRIMARY KEY, title text NOT NULL DEFAULT '', cover text COLLATE NOCASE, banner text, original text, pages text, photos text, link text);
		CREATE TABLE scan (id integer PRIMARY KEY, article_id bigint REFERENCES article (id) ON DELETE CASCADE, file text)`,
	references.PostgreSQL: `CREATE TABLE article (id bigint PRIMARY KEY, title text NOT NULL DEFAULT '', cover text, banner varchar(200), original text, pages text[], photos jsonb, link text);
		CREATE TABLE scan (id bigint PRIMARY KEY, article_id bigint REFERENCES article (id) ON DELETE CASCADE, file text)`,
	references.MySQL: `CREATE TABLE article (id bigint PRIMARY KEY, title text, cover text, banner varchar(200) CHARACTER SET latin1, original text, pages json, photos longtext, link text);
		CREATE TABLE scan (id bigint PRIMARY KEY, article_id bigint, file text, FOREIGN KEY (article_id) REFERENCES article (id) ON DELETE CASCADE)`,
}

// world is a database with triggers, a directory and a relay.
type world struct {
	t     testing.TB
	d     references.Dialect
	dsn   string
	root  string
	db    *sql.DB
	own   *sql.DB
	dir   *storage.DirFs
	box   *outbox.Outbox
	relay *outbox.Relay
	logs  *logs.Buffer
	types []*runtime.Type // beside those that all worlds have
}

func newWorld(tb testing.TB, d references.Dialect) *world {
	tb.Helper()
	w := bareWorld(tb, d)
	for s := range strings.SplitSeq(schema[d], ";") {
		w.exec(s)
	}
	w.open(w.tables(scan)...)
	w.must(w.box.InstallTriggers(tb.Context()))
	return w
}

// tables are those of the articles and of a version of the scans.
func (w *world) tables(scans *runtime.Type) []references.Option {
	return []references.Option{
		references.Table(article, "article", references.Columns{"Photos[].File": {Form: forms[w.d]}, "Pages": {Form: pages[w.d]}}),
		references.Table(scans, "scan"),
	}
}

// forms are what documents are said to be.
var forms = map[references.Dialect]references.Form{references.SQLite: references.JSON, references.PostgreSQL: references.Auto, references.MySQL: references.JSON}

// pages are what lists are said to be.
var pages = map[references.Dialect]references.Form{references.MySQL: references.JSON}

// bareWorld is a database that has the tables of an outbox.
func bareWorld(tb testing.TB, d references.Dialect) *world {
	tb.Helper()
	return bareWorldAt(tb, d, databases.New(tb, d))
}

func bareWorldAt(tb testing.TB, d references.Dialect, dsn string) *world {
	tb.Helper()
	w := &world{t: tb, d: d, root: tb.TempDir(), logs: logs.New()}
	w.connect(dsn)
	var err error
	w.dir, err = storage.Dir(w.root)
	w.must(err)
	tb.Cleanup(func() { _ = w.dir.Close() })
	w.must(outbox.Migrate(tb.Context(), w.own, d))
	w.must(outbox.Mark(w.dir, environment))
	return w
}

// connect opens a database.
func (w *world) connect(dsn string) {
	w.t.Helper()
	if w.dsn = dsn; w.d == references.SQLite {
		w.dsn += "&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)"
	}
	for _, db := range []**sql.DB{&w.db, &w.own} {
		var err error
		*db, err = databases.Open(w.d, w.dsn)
		w.must(err)
		opened := *db
		w.t.Cleanup(func() { _ = opened.Close() })
	}
}

// open makes an outbox and its relay.
func (w *world) open(options ...references.Option) {
	w.t.Helper()
	w.box = w.newBox(options...)
	w.relay = w.newRelay(w.box)
}

func (w *world) newBox(options ...references.Option) *outbox.Outbox {
	w.t.Helper()
	return w.newBoxOf([]*runtime.Type{article, scan}, options...)
}

func (w *world) newBoxOf(types []*runtime.Type, options ...references.Option) *outbox.Outbox {
	w.t.Helper()
	options = append([]references.Option{references.Logger(w.logs.Logger()), references.Program("shop"), references.Values("cdn", references.Prefix("https://cdn.example/"))}, options...)
	refs, err := references.New(w.t.Context(), w.own, w.d, options...)
	w.must(err)
	clean, err := runtime.New(
		runtime.WithStorage("media", w.dir, runtime.Exclusive()),
		runtime.WithStorage("cdn", w.dir, runtime.Names(references.Prefix("https://cdn.example/").Name)),
		runtime.WithTypes(append(types, w.types...)...),
		runtime.WithReferences(refs),
		runtime.WithLogger(w.logs.Logger()))
	w.must(err)
	box, err := outbox.New(w.t.Context(), clean, refs)
	w.must(err)
	return box
}

func (w *world) newRelay(box *outbox.Outbox, options ...outbox.RelayOption) *outbox.Relay {
	w.t.Helper()
	relay, err := box.Relay(w.t.Context(), environment, append([]outbox.RelayOption{outbox.WithRelayLogger(w.logs.Logger()), outbox.WithAttempts(5, 0, 0)}, options...)...)
	w.must(err)
	return relay
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	w.must(w.try(query, args...))
}

func (w *world) try(query string, args ...any) error {
	_, err := w.db.ExecContext(w.t.Context(), databases.Rebind(w.d, query), args...)
	return err
}

// in runs statements in one transaction, which is committed, or rolled back.
func (w *world) in(commit bool, statements ...string) {
	w.t.Helper()
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	w.must(err)
	for _, s := range statements {
		if _, err := tx.ExecContext(w.t.Context(), s); err != nil {
			_ = tx.Rollback()
			w.t.Fatalf("%s: %v", s, err)
		}
	}
	if !commit {
		w.must(tx.Rollback())
		return
	}
	w.must(tx.Commit())
}

func (w *world) write(names ...string) {
	w.t.Helper()
	for _, name := range names {
		path := filepath.Join(w.root, filepath.FromSlash(name))
		w.must(os.MkdirAll(filepath.Dir(path), 0o755))
		w.must(os.WriteFile(path, []byte(name), 0o644))
	}
}

// upload creates a file for a row to name.
func (w *world) upload(storage, name string) {
	w.t.Helper()
	up, err := w.box.Create(w.t.Context(), storage, name)
	w.must(err)
	_, err = up.Write([]byte(name))
	w.must(err)
	w.must(up.Close())
}

func (w *world) drain() outbox.Drained {
	w.t.Helper()
	done, err := w.relay.Drain(w.t.Context())
	w.must(err)
	return done
}

// want runs the relay, and checks which files are left.
func (w *world) want(files string) {
	w.t.Helper()
	w.drain()
	left := w.left()
	if got := strings.Join(left, " "); got != files {
		w.t.Errorf("files left: %q, want %q\nlog:\n%s", got, files, w.logs)
	}
}

// wantRows checks what the outbox has, as "state name", but for tombstones.
func (w *world) wantRows(want ...string) {
	w.t.Helper()
	rows, err := w.db.QueryContext(w.t.Context(), "SELECT state, name FROM filecleangen_outbox WHERE state <> 'gone' ORDER BY name")
	w.must(err)
	defer func() { _ = rows.Close() }()
	got := []string{}
	for rows.Next() {
		var state, name string
		w.must(rows.Scan(&state, &name))
		got = append(got, state+" "+name)
	}
	w.must(rows.Err())
	if !slices.Equal(got, want) {
		w.t.Errorf("the outbox has %q, want %q", got, want)
	}
}

// left returns the files that are there, sorted.
func (w *world) left() (left []string) {
	w.t.Helper()
	w.must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != outbox.MarkerName {
			rel, _ := filepath.Rel(w.root, path)
			left = append(left, filepath.ToSlash(rel))
		}
		return err
	}))
	slices.Sort(left)
	return left
}
