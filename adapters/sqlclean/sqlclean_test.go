package sqlclean_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// article is a record, with what the generator would write for it.
type article struct {
	ID    int64
	Cover string
}

var articleType = &runtime.Type{
	Name:   "test.Article",
	Fields: []runtime.Field{{Path: "Cover", Column: "cover", Storage: "media"}},
}

func (a *article) afterCreate(b *runtime.Batch) {
	log := b.Created(articleType, runtime.IntKey(a.ID))
	log.Hold(0, a.Cover)
}

// setsCover is the hook of an UPDATE.
func setsCover(id int64, from, to string) func(*runtime.Batch) {
	return func(b *runtime.Batch) {
		log := b.Updated(articleType, runtime.IntKey(id))
		log.Hold(0, to)
		log.Release(0, from)
	}
}

// world is a fake database, a directory and a cleaner.
type world struct {
	*fake
	t       *testing.T
	db      *sql.DB
	root    string
	cleaner *runtime.Cleaner
	named   []runtime.Ref // by the rows, when they are asked
	reports []*runtime.Report
}

func newWorld(t *testing.T, files ...string) *world {
	t.Helper()
	w := &world{t: t, root: t.TempDir()}
	w.fake, w.db = newFake(t)
	for _, name := range files {
		w.must(os.WriteFile(filepath.Join(w.root, name), nil, 0o644))
	}
	w.know(runtime.WithReferences(runtime.ReferencesFunc(func(context.Context, []runtime.Ref) ([]runtime.Ref, error) { return w.named, nil })))
	return w
}

// know makes the cleaner, with references or without.
func (w *world) know(references runtime.Option) {
	w.t.Helper()
	dir, err := storage.Dir(w.root)
	w.must(err)
	w.t.Cleanup(func() { _ = dir.Close() })
	w.cleaner, err = runtime.New(references, runtime.WithStorage("media", dir), runtime.WithTypes(articleType), runtime.WithLogger(slog.New(slog.DiscardHandler)))
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// inTx is InTx, whose reports are kept.
func (w *world) inTx(ctx context.Context, f func(tx *sql.Tx, b *runtime.Batch) error, more ...sqlclean.Option) error {
	report := sqlclean.WithReport(func(r *runtime.Report) { w.reports = append(w.reports, r) })
	return sqlclean.InTx(ctx, w.db, w.cleaner, f, append(more, report)...)
}

func (w *world) setCover(tx *sql.Tx, b *runtime.Batch, id int64, from, to string) error {
	return sqlclean.Exec(context.Background(), tx, b, setsCover(id, from, to), "UPDATE", to, id)
}

func (w *world) has(name string) bool {
	_, err := os.Stat(filepath.Join(w.root, name))
	return err == nil
}

// wantFiles checks which files are left, and that no batch is.
func (w *world) wantFiles(files string) {
	w.t.Helper()
	all, err := os.ReadDir(w.root)
	w.must(err)
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != files {
		w.t.Errorf("files left: %q, want %q", got, files)
	}
	if n := w.cleaner.Stats().Open; n != 0 {
		w.t.Errorf("%d batches are open", n)
	}
}

var errNo = errors.New("no")

func TestFilesGoAfterTheCommit(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.on = func(told string) {
		if !w.has("a") {
			t.Errorf("the file went before %s", told)
		}
	}
	w.must(w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error { return w.setCover(tx, b, 1, "a", "b") }))
	w.want(t, "BEGIN", "UPDATE", "COMMIT")
	w.wantFiles("b")
	if len(w.reports) != 1 || w.reports[0].String() != "committed\n\tremoved media:a (test.Article.Cover updated)" {
		t.Errorf("reports: %v", w.reports)
	}
}

func TestACommitThatFailsKeepsEveryFileAndSaysSo(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.fail["COMMIT"] = errNo
	err := w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error { return w.setCover(tx, b, 1, "a", "b") })
	if !errors.Is(err, errNo) {
		t.Errorf("%v", err)
	}
	w.want(t, "BEGIN", "UPDATE", "COMMIT")
	w.wantFiles("a b")
	if len(w.reports) != 1 || w.reports[0].Outcome != runtime.Unknown || w.reports[0].Count(runtime.Kept) != 1 {
		t.Errorf("reports: %v", w.reports)
	}
}

// No COMMIT is sent where f did not return well, nor where it would fail, since its
// outcome would be unknown.
func TestRollsBack(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(cancel func()) error
		want  error
		panic any
	}{
		"on an error":              {end: func(func()) error { return errNo }, want: errNo},
		"on a panic":               {end: func(func()) error { panic("oh") }, panic: "oh"},
		"when the context is over": {end: func(cancel func()) error { cancel(); return nil }, want: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a", "b")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			func() {
				defer func() {
					if p := recover(); p != c.panic {
						t.Errorf("recovered %v", p)
					}
				}()
				err := w.inTx(ctx, func(tx *sql.Tx, b *runtime.Batch) error {
					w.must(w.setCover(tx, b, 1, "a", "b"))
					return c.end(cancel)
				})
				if !errors.Is(err, c.want) {
					t.Errorf("%v", err)
				}
			}()
			w.want(t, "BEGIN", "UPDATE", "ROLLBACK")
			w.wantFiles("a b")
			if len(w.reports) != 0 {
				t.Errorf("reports: %v", w.reports)
			}
		})
	}
}

func TestNothingRunsWithoutATransaction(t *testing.T) {
	w := newWorld(t)
	w.fail["BEGIN"] = errNo
	err := w.inTx(t.Context(), func(*sql.Tx, *runtime.Batch) error {
		t.Error("f was called")
		return nil
	})
	if !errors.Is(err, errNo) {
		t.Errorf("%v", err)
	}
	w.wantFiles("")
}

func TestOptionsReachTheTransaction(t *testing.T) {
	w := newWorld(t)
	w.must(w.inTx(t.Context(), func(*sql.Tx, *runtime.Batch) error { return nil },
		sqlclean.WithTxOptions(&sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})))
	w.want(t, "BEGIN Serializable read only", "COMMIT")
}

// An upload is created before the transaction, and goes unless that takes it.
func TestUploads(t *testing.T) {
	for name, fails := range map[string]error{"taken": nil, "not taken": errNo} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			err := func() error {
				up, err := w.cleaner.Create(t.Context(), "media", "up")
				w.must(err)
				defer up.Discard()
				w.must(up.Close())
				a := &article{ID: 1, Cover: up.Name()}
				return w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
					w.must(sqlclean.Exec(t.Context(), tx, b, a.afterCreate, "INSERT"))
					if fails == nil {
						w.named = append(w.named, up.Ref())
					}
					return fails
				})
			}()
			if !errors.Is(err, fails) {
				t.Errorf("%v", err)
			}
			w.wantFiles(map[bool]string{true: "up"}[fails == nil])
		})
	}
}

func TestASavepointThatFailsIsForgottenAndOthersAreNot(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.must(w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
		return sqlclean.InSavepoint(t.Context(), tx, b, func() error {
			w.must(w.setCover(tx, b, 1, "a", ""))
			err := sqlclean.InSavepoint(t.Context(), tx, b, func() error {
				return errors.Join(w.setCover(tx, b, 2, "b", ""), errNo)
			})
			if !errors.Is(err, errNo) {
				t.Errorf("%v", err)
			}
			func() {
				defer func() {
					if p := recover(); p != "oh" {
						t.Errorf("recovered %v", p)
					}
				}()
				_ = sqlclean.InSavepoint(t.Context(), tx, b, func() error {
					w.must(w.setCover(tx, b, 3, "c", ""))
					panic("oh")
				})
			}()
			return nil
		})
	}))
	w.want(t, "BEGIN", "SAVEPOINT s1", "UPDATE",
		"SAVEPOINT s2", "UPDATE", "ROLLBACK TO SAVEPOINT s2",
		"SAVEPOINT s3", "UPDATE", "ROLLBACK TO SAVEPOINT s3",
		"RELEASE SAVEPOINT s1", "COMMIT")
	w.wantFiles("b c")
}

// Where the database does not have a savepoint any more, the error says what to do, and
// who commits all the same loses no file.
func TestALostSavepointKeepsEveryFile(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.know(runtime.Unchecked()) // what the batch knows must do
	w.fail["ROLLBACK TO"] = connection("gone")
	w.must(w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
		w.must(w.setCover(tx, b, 1, "a", ""))
		err := sqlclean.InSavepoint(t.Context(), tx, b, func() error {
			return errors.Join(w.setCover(tx, b, 2, "b", ""), errNo)
		})
		if !errors.Is(err, errNo) || !errors.Is(err, connection("gone")) || !strings.Contains(err.Error(), "must be rolled back") {
			t.Errorf("%v", err)
		}
		return nil
	}))
	w.wantFiles("a b")
	if n := w.reports[0].Count(runtime.Kept); n != 2 {
		t.Errorf("%v", w.reports[0])
	}
}

// connection is an error of it.
type connection string

// Error returns what is wrong.
func (e connection) Error() string { return string(e) }

func TestNothingRunsWithoutASavepoint(t *testing.T) {
	w := newWorld(t)
	w.fail["SAVEPOINT"] = errNo
	err := w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
		return sqlclean.InSavepoint(t.Context(), tx, b, func() error {
			t.Error("f was called")
			return nil
		})
	})
	if !errors.Is(err, errNo) {
		t.Errorf("%v", err)
	}
}

func TestASavepointThatIsNotReleasedIsRolledBack(t *testing.T) {
	w := newWorld(t, "a")
	w.fail["RELEASE"] = errNo
	w.must(w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
		err := sqlclean.InSavepoint(t.Context(), tx, b, func() error { return w.setCover(tx, b, 1, "a", "") })
		if !errors.Is(err, errNo) {
			t.Errorf("%v", err)
		}
		return nil
	}))
	w.want(t, "BEGIN", "SAVEPOINT s1", "UPDATE", "RELEASE SAVEPOINT s1", "ROLLBACK TO SAVEPOINT s1", "COMMIT")
	w.wantFiles("a")
}

func TestAStatementThatFailsLetsGoOfNothing(t *testing.T) {
	w := newWorld(t, "a")
	w.know(runtime.Unchecked())
	w.fail["UPDATE"] = errNo
	w.must(w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
		if err := w.setCover(tx, b, 1, "a", ""); !errors.Is(err, errNo) {
			t.Errorf("%v", err)
		}
		return nil
	}))
	w.wantFiles("a")
}

// The key that the database made comes to the record, and an error to the caller.
func TestInsert(t *testing.T) {
	for name, c := range map[string]struct {
		result driver.Result
		fail   error
		want   error
		id     int64
	}{
		"a key":           {result: inserted{id: 7}, id: 7},
		"no key":          {result: inserted{err: errNo}, want: errNo},
		"no row inserted": {result: inserted{id: 7}, fail: errNo, want: errNo},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.result = c.result
			if c.fail != nil {
				w.fail["INSERT"] = c.fail
			}
			a := &article{Cover: "a"}
			err := w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
				return sqlclean.Insert(t.Context(), tx, b, a.afterCreate, &a.ID, "INSERT", a.Cover)
			})
			if !errors.Is(err, c.want) || a.ID != c.id {
				t.Errorf("the key is %d, %v", a.ID, err)
			}
		})
	}
}

func TestReturning(t *testing.T) {
	for name, c := range map[string]struct {
		row  []driver.Value
		fail error
		want error
		id   int64
	}{
		"a row":            {row: []driver.Value{int64(7)}, id: 7},
		"no row":           {want: sql.ErrNoRows},
		"a failing insert": {fail: errNo, want: errNo},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.row = c.row
			if c.fail != nil {
				w.fail["INSERT"] = c.fail
			}
			a := &article{Cover: "a"}
			err := w.inTx(t.Context(), func(tx *sql.Tx, b *runtime.Batch) error {
				return sqlclean.Returning(t.Context(), tx, b, a.afterCreate, "INSERT RETURNING id", []any{a.Cover}, &a.ID)
			})
			if !errors.Is(err, c.want) || a.ID != c.id {
				t.Errorf("the key is %d, %v", a.ID, err)
			}
		})
	}
}
