package conformance_test

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
	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/conformance/models"
	"github.com/filecleangen/filecleangen/conformance/selected"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const schema = `
CREATE TABLE record (id INTEGER PRIMARY KEY, title TEXT NOT NULL DEFAULT '', image TEXT, other TEXT NOT NULL DEFAULT '');
CREATE TABLE legacy ("Rec No" INTEGER PRIMARY KEY, "Img Path" TEXT NOT NULL);
CREATE TABLE root (id INTEGER PRIMARY KEY);
CREATE TABLE child (id INTEGER PRIMARY KEY, root INTEGER NOT NULL REFERENCES root ON DELETE CASCADE, image TEXT NOT NULL);
`

// world is a database, a directory and a cleaner.
type world struct {
	t     *testing.T
	root  string
	db    *sql.DB
	clean *runtime.Cleaner
	logs  *bytes.Buffer
	spy   *spy
	fail  func(error) // instead of failing the test; or nil
}

// spy is a storage that counts what it is asked, and may fail to remove.
type spy struct {
	*storage.DirFs
	calls atomic.Int64
	fail  error
	point func() // called before and after each call that changes the storage; or nil
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
	return s.DirFs.LstatIfPossible(name)
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

// newWorld makes a world whose storage has the named files.
func newWorld(t *testing.T, files string, options ...runtime.Option) *world {
	t.Helper()
	w := openWorld(t, t.TempDir(), filepath.Join(t.TempDir(), "test.db")+"?_pragma=foreign_keys(1)", options...)
	w.exec(w.db, schema)
	for name := range strings.FieldsSeq(files) {
		w.write(name)
	}
	return w
}

// openWorld opens a directory and a database.
func openWorld(t *testing.T, root, database string, options ...runtime.Option) *world {
	t.Helper()
	w := &world{t: t, root: root, logs: &bytes.Buffer{}}
	dir, err := storage.Dir(w.root)
	w.must(err)
	w.spy = &spy{DirFs: dir}
	w.clean, err = runtime.New(append([]runtime.Option{
		runtime.WithStorage("media", w.spy),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithTypes(selected.FileTypes()...),
		runtime.WithRetry(runtime.Retry{Attempts: 1}),
		runtime.WithLogger(slog.New(slog.NewTextHandler(w.logs, nil))),
	}, options...)...)
	w.must(err)
	w.db, err = sql.Open("sqlite", database)
	w.must(err)
	t.Cleanup(func() {
		_ = w.db.Close()
		_ = dir.Close()
	})
	return w
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

func (w *world) write(name string) {
	w.t.Helper()
	path := filepath.Join(w.root, filepath.FromSlash(name))
	w.must(os.MkdirAll(filepath.Dir(path), 0o755))
	w.must(os.WriteFile(path, []byte(name), 0o644))
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
	report, err := tx.CommitWith(w.t.Context(), tx.Commit)
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

// write runs one statement with the hook that belongs to it.
func (tx *transaction) write(hook func(*runtime.Batch), query string, args ...any) {
	tx.w.t.Helper()
	tx.w.must(tx.Batch.Exec(hook, func() (int64, error) {
		return runtime.Rows(tx.ExecContext(tx.w.t.Context(), query, args...))
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
	tx.w.must(tx.QueryRowContext(tx.w.t.Context(), "SELECT id, title, image, other FROM record WHERE id = ?", id).
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
