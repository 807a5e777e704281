package outbox_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const environment = "test"

// world is a database, a directory, a cleaner and its outbox.
type world struct {
	t     testing.TB
	d     references.Dialect
	root  string
	dsn   string
	db    *sql.DB
	own   *sql.DB // of the references
	refs  *references.References
	dir   *storage.DirFs
	clean *runtime.Cleaner
	box   *outbox.Outbox
	relay *outbox.Relay
	logs  *logs.Buffer
}

// settings are how a world differs from others.
type settings struct {
	cleaner []runtime.Option
	refs    []references.Option
	box     []outbox.Option
	relay   []outbox.RelayOption
	storage []runtime.StorageOption
	wrap    func(afero.Fs) afero.Fs // around the storage; or nil
}

func newWorld(tb testing.TB, d references.Dialect, with settings) *world {
	tb.Helper()
	w := &world{t: tb, d: d, root: tb.TempDir(), dsn: databases.New(tb, d)}
	w.openFiles()
	w.must(outbox.Migrate(tb.Context(), w.own, d))
	for s := range strings.SplitSeq(schema[d], ";") {
		w.exec(s)
	}
	w.must(outbox.Mark(w.dir, environment))
	w.open(with)
	w.makeRelay(with)
	return w
}

// openFiles opens the database and the directory of a world.
func (w *world) openFiles() {
	w.t.Helper()
	var err error
	w.db, err = databases.Open(w.d, w.dsn)
	w.must(err)
	w.db.SetMaxIdleConns(8)
	w.own, err = databases.Open(w.d, w.dsn)
	w.must(err)
	w.dir, err = storage.Dir(w.root)
	w.must(err)
	w.logs = logs.New()
	db, own, dir := w.db, w.own, w.dir
	w.t.Cleanup(func() {
		_ = db.Close()
		_ = own.Close()
		_ = dir.Close()
	})
}

// open makes the cleaner and the outbox of a world.
func (w *world) open(with settings) {
	w.t.Helper()
	media := afero.Fs(w.dir)
	if with.wrap != nil {
		media = with.wrap(media)
	}
	var err error
	w.refs, err = w.references(append(stored(), with.refs...)...)
	w.must(err)
	w.clean, err = runtime.New(append([]runtime.Option{
		runtime.WithStorage("media", media, append([]runtime.StorageOption{runtime.Exclusive()}, with.storage...)...),
		runtime.WithTypes(stores()...),
		runtime.WithReferences(w.refs),
		runtime.WithLogger(w.logs.Logger()),
	}, with.cleaner...)...)
	w.must(err)
	w.box, err = outbox.New(w.t.Context(), w.clean, w.refs, with.box...)
	w.must(err)
}

// references makes references to the rows of a world.
func (w *world) references(options ...references.Option) (*references.References, error) {
	return references.New(w.t.Context(), w.own, w.d, append(options, references.Logger(w.logs.Logger()))...)
}

// stores returns the types whose records a world has.
func stores() []*runtime.Type {
	return []*runtime.Type{models.AlbumFileType, models.PhotoFileType, models.ScanFileType}
}

// stored says where the records of a world are.
func stored() []references.Option {
	return []references.Option{
		references.Table(models.AlbumFileType, "album", references.Columns{"Photos[].File": {Name: "photos"}}),
		references.Table(models.ScanFileType, "scan"),
		references.NotStored(models.PhotoFileType, models.ThingFileType),
	}
}

// another is another process with the same database and directory.
func (w *world) another(options ...outbox.RelayOption) *world {
	w.t.Helper()
	other := &world{t: w.t, d: w.d, root: w.root, dsn: w.dsn}
	other.openFiles()
	other.open(settings{})
	other.makeRelay(settings{relay: options})
	return other
}

func (w *world) makeRelay(with settings) {
	w.t.Helper()
	var err error
	w.relay, err = w.box.Relay(w.t.Context(), environment, append([]outbox.RelayOption{
		outbox.WithRelayLogger(w.logs.Logger()),
		outbox.WithAttempts(5, 0, 0),
	}, with.relay...)...)
	w.must(err)
}

var schema = map[references.Dialect]string{
	references.SQLite: `CREATE TABLE album (id integer PRIMARY KEY, title text NOT NULL, cover text NOT NULL, banner text, pages text, photos text);
		CREATE TABLE scan (id integer PRIMARY KEY, file text NOT NULL)`,
	references.PostgreSQL: `CREATE TABLE album (id bigint PRIMARY KEY, title text NOT NULL, cover text NOT NULL, banner varchar(200), pages text[], photos jsonb);
		CREATE TABLE scan (id bigint PRIMARY KEY, file text NOT NULL)`,
	references.MySQL: `CREATE TABLE album (id bigint PRIMARY KEY, title text NOT NULL, cover varchar(200) NOT NULL, banner varchar(200), pages json, photos json, KEY (cover), KEY (banner));
		CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(200) NOT NULL)`,
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// q makes the placeholders of the database of question marks.
func (w *world) q(query string) string { return databases.Rebind(w.d, query) }

func (w *world) exec(query string) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), query)
	w.must(err)
}

func (w *world) write(names ...string) {
	w.t.Helper()
	for _, name := range names {
		path := filepath.Join(w.root, filepath.FromSlash(name))
		w.must(os.MkdirAll(filepath.Dir(path), 0o755))
		w.must(os.WriteFile(path, []byte(name), 0o644))
	}
}

// upload creates a file, for a transaction to name that begins later.
func (w *world) upload(name string) *runtime.Upload {
	w.t.Helper()
	up, err := w.box.Create(w.t.Context(), "media", name)
	w.must(err)
	_, err = up.Write([]byte(name))
	w.must(err)
	w.must(up.Close())
	return up
}

// transaction is a transaction and its batch.
type transaction struct {
	*sql.Tx
	b *runtime.Batch
	w *world
}

func (w *world) begin() *transaction {
	w.t.Helper()
	b := w.clean.Begin()
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	w.must(err)
	return &transaction{Tx: tx, b: b, w: w}
}

// commit runs a transaction that is committed.
func (w *world) commit(do func(tx *transaction)) *runtime.Report {
	w.t.Helper()
	tx := w.begin()
	do(tx)
	report, err := w.box.Commit(w.t.Context(), tx.b, tx.Tx, tx.Commit)
	w.must(err)
	return report
}

// rollback runs a transaction that is rolled back.
func (w *world) rollback(do func(tx *transaction)) {
	w.t.Helper()
	tx := w.begin()
	do(tx)
	w.must(tx.Rollback())
	tx.b.Rollback()
}

func (tx *transaction) try(hook func(*runtime.Batch), query string, args ...any) error {
	return tx.b.Exec(hook, func() (int64, error) {
		return runtime.Rows(tx.ExecContext(tx.w.t.Context(), tx.w.q(query), args...))
	})
}

func null(name string) sql.NullString { return sql.NullString{String: name, Valid: name != ""} }

// columns returns what an album's columns hold.
func columns(d references.Dialect, a *models.Album) []any {
	pages, _ := json.Marshal(a.Pages)
	photos, _ := json.Marshal(a.Photos)
	if d == references.PostgreSQL {
		pages = []byte("{}")
		if len(a.Pages) > 0 {
			pages = []byte(`{"` + strings.Join(a.Pages, `","`) + `"}`)
		}
	}
	return []any{a.Title, a.Cover, a.Banner, string(pages), string(photos)}
}

func (tx *transaction) insert(a *models.Album) {
	tx.w.t.Helper()
	tx.w.must(tx.try(a.AfterCreate, "INSERT INTO album (title, cover, banner, pages, photos, id) VALUES (?, ?, ?, ?, ?, ?)", append(columns(tx.w.d, a), a.ID)...))
}

func (tx *transaction) update(a *models.Album, old models.AlbumFiles) {
	tx.w.t.Helper()
	tx.w.must(tx.try(func(b *runtime.Batch) { a.BeforeUpdate(b, old) },
		"UPDATE album SET title = ?, cover = ?, banner = ?, pages = ?, photos = ? WHERE id = ?", append(columns(tx.w.d, a), a.ID)...))
}

func (tx *transaction) remove(a *models.Album) {
	tx.w.t.Helper()
	tx.w.must(tx.try(func(b *runtime.Batch) { a.AfterDelete(b, a.FileSnapshot()) }, "DELETE FROM album WHERE id = ?", a.ID))
}

// drain runs the relay until nothing is due.
func (w *world) drain() outbox.Drained {
	w.t.Helper()
	done, err := w.relay.Drain(w.t.Context())
	w.must(err)
	return done
}

// want checks which files are left.
func (w *world) want(files string) {
	w.t.Helper()
	var left []string
	w.must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != outbox.MarkerName {
			rel, _ := filepath.Rel(w.root, path)
			left = append(left, filepath.ToSlash(rel))
		}
		return err
	}))
	slices.Sort(left)
	if got := strings.Join(left, " "); got != files {
		w.t.Errorf("files left: %q, want %q\nlog:\n%s", got, files, w.logs)
	}
}

// wantStats checks how many rows the outbox has.
func (w *world) wantStats(pending, parked int) {
	w.t.Helper()
	s, err := w.box.Stats(w.t.Context())
	w.must(err)
	if s.Pending+s.Uploads != pending || s.Deleting != 0 || s.Parked != parked {
		w.t.Errorf("%+v, want %d pending, %d parked", s, pending, parked)
	}
}

// due makes rows due that wait for their time. Sessions of processes that were killed
// may still be at it.
func (w *world) due() {
	w.t.Helper()
	err := errors.New("not tried")
	for tries := 0; err != nil && tries < 10; tries++ {
		if _, err = w.db.ExecContext(w.t.Context(), "UPDATE filecleangen_outbox SET not_before = 0 WHERE state <> 'gone'"); !databases.Refused(err) {
			break
		}
	}
	w.must(err)
}
