package django_test

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/django/models"
	"github.com/filecleangen/filecleangen/conformance/django/selected"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// schema has the tables of package models. Those of a cascade are on SQLite only.
var schema = map[references.Dialect][]string{
	references.SQLite: {
		"CREATE TABLE record (id INTEGER PRIMARY KEY, title TEXT NOT NULL DEFAULT '', image TEXT, other TEXT NOT NULL DEFAULT '')",
		`CREATE TABLE legacy ("Rec No" INTEGER PRIMARY KEY, "Img Path" TEXT NOT NULL)`,
		"CREATE TABLE root (id INTEGER PRIMARY KEY)",
		"CREATE TABLE child (id INTEGER PRIMARY KEY, root INTEGER NOT NULL REFERENCES root ON DELETE CASCADE, image TEXT NOT NULL)",
	},
	references.PostgreSQL: {
		"CREATE TABLE record (id bigint PRIMARY KEY, title text NOT NULL DEFAULT '', image text, other text NOT NULL DEFAULT '')",
		`CREATE TABLE legacy ("Rec No" bigint PRIMARY KEY, "Img Path" text NOT NULL)`,
	},
	references.MySQL: {
		"CREATE TABLE record (id bigint PRIMARY KEY, title varchar(200) NOT NULL DEFAULT '', image varchar(200), other varchar(200) NOT NULL DEFAULT '')",
		"CREATE TABLE legacy (`Rec No` bigint PRIMARY KEY, `Img Path` varchar(200) NOT NULL)",
	},
}

// world is a database, a directory and a cleaner.
type world struct {
	t     *testing.T
	d     references.Dialect
	root  string
	db    *sql.DB
	clean runtime.Keeper
	logs  *bytes.Buffer
	spy   *spy
	fail  func(error) // instead of failing the test; or nil
}

// spy is a storage that counts what it is asked, and may fail to remove.
type spy struct {
	*storage.DirFs
	calls  atomic.Int64
	fail   error
	looked func() // called when it was looked whether there is a file; or nil
	point  func() // called before and after each call that changes the storage; or nil
}

func (s *spy) at() {
	if s.point != nil {
		s.point()
	}
}

func (s *spy) Remove(name string) error {
	s.calls.Add(1)
	if s.fail != nil {
		return s.fail
	}
	s.at()
	defer s.at()
	return s.DirFs.Remove(name)
}

func (s *spy) LstatIfPossible(name string) (fs.FileInfo, bool, error) {
	s.calls.Add(1)
	info, is, err := s.DirFs.LstatIfPossible(name)
	if s.looked != nil {
		s.looked()
	}
	return info, is, err
}

func (s *spy) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	s.at()
	defer s.at()
	return s.DirFs.OpenFile(name, flag, perm)
}

func (s *spy) Open(name string) (afero.File, error) {
	s.calls.Add(1)
	return s.DirFs.Open(name)
}

// newWorld makes a world on SQLite whose storage has the named files.
func newWorld(t *testing.T, files string, options ...runtime.Option) *world {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "test.db") + "?_pragma=foreign_keys(1)"
	w := openWorld(t, references.SQLite, t.TempDir(), dsn, schema[references.SQLite], options...)
	w.write(files)
	return w
}

// newWorldOn is newWorld on a database of some kind.
func newWorldOn(t *testing.T, d references.Dialect, files string, options ...runtime.Option) *world {
	t.Helper()
	w := openWorld(t, d, t.TempDir(), databases.New(t, d), schema[d], options...)
	w.write(files)
	return w
}

// openWorld opens a directory and a database, after it has made the tables of a new one.
func openWorld(t *testing.T, d references.Dialect, root, dsn string, schema []string, options ...runtime.Option) *world {
	t.Helper()
	w := &world{t: t, d: d, root: root, logs: &bytes.Buffer{}}
	dir, err := storage.Dir(w.root)
	w.must(err)
	w.spy = &spy{DirFs: dir}
	w.db, err = databases.Open(d, dsn)
	w.must(err)
	own, err := databases.Open(d, dsn)
	w.must(err)
	t.Cleanup(func() {
		_ = w.db.Close()
		_ = own.Close()
		_ = dir.Close()
	})
	for _, statement := range schema {
		w.exec(w.db, statement)
	}
	refs, err := references.New(t.Context(), own, d, stored()...)
	w.must(err)
	w.clean, err = runtime.New(append([]runtime.Option{
		runtime.WithStorage("media", w.spy),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithTypes(selected.FileTypes()...),
		runtime.WithReferences(refs),
		runtime.WithRetry(runtime.Retry{Attempts: 1}),
		runtime.WithLogger(slog.New(slog.NewTextHandler(w.logs, nil))),
	}, options...)...)
	w.must(err)
	return w
}

// stored says where the records of package models, and of selected, are stored.
func stored() []references.Option {
	return []references.Option{
		references.Table(models.RecordFileType, "record"),
		references.Table(models.SecondFileType, "record"),
		references.Table(models.LegacyFileType, "legacy"),
		references.Table(models.WithDefaultsFileType, "record"),
		references.Table(models.WithThumbFileType, "record"),
		references.Table(models.ChildFileType, "record", references.Columns{
			"Parent.Image": {Name: "image", Form: references.Text}, "Own": {Name: "other"},
		}),
		references.Table(selected.MarkedFileType, "record"),
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil && w.fail != nil {
		w.fail(err)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// write makes the named files.
func (w *world) write(files string) {
	w.t.Helper()
	for name := range strings.FieldsSeq(files) {
		path := filepath.Join(w.root, filepath.FromSlash(name))
		w.must(os.MkdirAll(filepath.Dir(path), 0o755))
		w.must(os.WriteFile(path, []byte(name), 0o644))
	}
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (w *world) exec(db execer, query string) {
	w.t.Helper()
	_, err := db.ExecContext(w.t.Context(), query)
	w.must(err)
}

// transaction is a transaction and its batch.
type transaction struct {
	*sql.Tx
	*runtime.Batch
	w *world
}

func (w *world) begin() *transaction {
	w.t.Helper()
	b := w.clean.Begin()
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	w.must(err)
	return &transaction{Tx: tx, Batch: b, w: w}
}

// commit runs a transaction that is committed.
func (w *world) commit(do func(tx *transaction)) *runtime.Report {
	w.t.Helper()
	tx := w.begin()
	do(tx)
	report, err := w.clean.Commit(w.t.Context(), tx.Batch, tx.Tx, tx.Commit)
	w.must(err)
	return report
}

// rollback runs a transaction that is rolled back.
func (w *world) rollback(do func(tx *transaction)) {
	w.t.Helper()
	tx := w.begin()
	do(tx)
	w.must(tx.Tx.Rollback())
	tx.Batch.Rollback()
}

// upload creates a file, for a transaction that begins later. Discard it when that is
// over.
func (w *world) upload(name string) *runtime.Upload {
	w.t.Helper()
	up, err := w.clean.Create(w.t.Context(), "media", name)
	w.must(err)
	_, err = up.Write([]byte(name))
	w.must(err)
	w.must(up.Close())
	return up
}

// write runs one statement with the hook that belongs to it.
func (tx *transaction) write(hook func(*runtime.Batch), query string, args ...any) {
	tx.w.t.Helper()
	tx.w.must(tx.Batch.Exec(hook, func() (int64, error) {
		return runtime.Rows(tx.ExecContext(tx.w.t.Context(), databases.Rebind(tx.w.d, query), args...))
	}))
}

func image(name string) sql.NullString { return sql.NullString{String: name, Valid: name != ""} }

func (tx *transaction) insert(r *models.Record) {
	tx.w.t.Helper()
	tx.write(r.AfterCreate, "INSERT INTO record (id, title, image, other) VALUES (?, ?, ?, ?)", r.ID, r.Title, r.Image, r.Other)
}

func (tx *transaction) update(r *models.Record, old models.RecordFiles) {
	tx.w.t.Helper()
	tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, old) },
		"UPDATE record SET title = ?, image = ?, other = ? WHERE id = ?", r.Title, r.Image, r.Other, r.ID)
}

func (tx *transaction) remove(r *models.Record, old models.RecordFiles) {
	tx.w.t.Helper()
	tx.write(func(b *runtime.Batch) { r.AfterDelete(b, old) }, "DELETE FROM record WHERE id = ?", r.ID)
}

// load reads a record and takes its snapshot.
func (tx *transaction) load(id int64) (*models.Record, models.RecordFiles) {
	tx.w.t.Helper()
	r := &models.Record{}
	tx.w.must(tx.QueryRowContext(tx.w.t.Context(), databases.Rebind(tx.w.d, "SELECT id, title, image, other FROM record WHERE id = ?"), id).
		Scan(&r.ID, &r.Title, &r.Image, &r.Other))
	return r, r.FileSnapshot()
}

// create inserts record 1 with an image, in a transaction of its own.
func (w *world) create(name string) {
	w.t.Helper()
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 1, Image: image(name)}) })
}

// want checks which files are left, and that no row names one that is gone.
func (w *world) want(files string) {
	w.t.Helper()
	var left []string
	w.must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
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

// value returns the image in the row of record 1.
func (w *world) value() string {
	w.t.Helper()
	var name sql.NullString
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT image FROM record WHERE id = 1").Scan(&name))
	return name.String
}
