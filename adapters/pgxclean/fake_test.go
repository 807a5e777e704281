package pgxclean_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/filecleangen/filecleangen/adapters/pgxclean"
	"github.com/filecleangen/filecleangen/adapters/pgxclean/internal/models"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// fake is a database that keeps what it is told, and fails where it is to.
type fake struct {
	said   []string
	points int
	fail   map[string]error // by what it is told
	id     int64            // what a query returns; 0 for no row
}

func (f *fake) tell(what string) error {
	f.said = append(f.said, what)
	return f.fail[what]
}

// BeginTx is called by InTx.
func (f *fake) BeginTx(_ context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	return &fakeTx{fake: f, commit: "COMMIT", rollback: "ROLLBACK"}, f.tell(strings.TrimSpace("BEGIN " + string(o.IsoLevel)))
}

// fakeTx is a transaction, or a savepoint in one. What is not written here is not called.
type fakeTx struct {
	pgx.Tx
	fake             *fake
	commit, rollback string
	ended            bool
}

func (tx *fakeTx) Begin(context.Context) (pgx.Tx, error) {
	tx.fake.points++
	name := fmt.Sprintf(" s%d", tx.fake.points)
	return &fakeTx{fake: tx.fake, commit: "RELEASE" + name, rollback: "ROLLBACK TO" + name}, tx.fake.tell("SAVEPOINT" + name)
}

func (tx *fakeTx) Commit(context.Context) error { return tx.end(tx.commit) }

// Rollback must work where the context of the caller is over.
func (tx *fakeTx) Rollback(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return tx.end(tx.rollback)
}

func (tx *fakeTx) end(what string) error {
	if tx.ended {
		return pgx.ErrTxClosed
	}
	tx.ended = true
	return tx.fake.tell(what)
}

func (tx *fakeTx) Exec(_ context.Context, query string, _ ...any) (pgconn.CommandTag, error) {
	return pgconn.NewCommandTag(query + " 1"), tx.fake.tell(query)
}

func (tx *fakeTx) QueryRow(_ context.Context, query string, _ ...any) pgx.Row {
	return fakeRow{tx.fake.id, tx.fake.tell(query)}
}

type fakeRow struct {
	id  int64
	err error
}

// Scan is called by Returning.
func (r fakeRow) Scan(dest ...any) error {
	switch {
	case r.err != nil:
		return r.err
	case r.id == 0:
		return pgx.ErrNoRows
	}
	*dest[0].(*int64) = r.id
	return nil
}

// small is a world without a database.
type small struct {
	fake
	t       *testing.T
	root    string
	cleaner *runtime.Cleaner
	reports []*runtime.Report
}

// newSmall makes a cleaner that believes what its batches know.
func newSmall(t *testing.T, files ...string) *small {
	t.Helper()
	w := &small{t: t, root: t.TempDir(), fake: fake{fail: map[string]error{}}}
	for _, name := range files {
		w.must(os.WriteFile(filepath.Join(w.root, name), nil, 0o644))
	}
	dir, err := storage.Dir(w.root)
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	w.cleaner, err = runtime.New(runtime.Unchecked(), runtime.WithStorage("media", dir),
		runtime.WithTypes(models.FileTypes()...), runtime.WithLogger(slog.New(slog.DiscardHandler)))
	w.must(err)
	return w
}

func (w *small) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *small) inTx(ctx context.Context, f func(tx pgx.Tx, b *runtime.Batch) error, more ...pgxclean.Option) error {
	report := pgxclean.WithReport(func(r *runtime.Report) { w.reports = append(w.reports, r) })
	return pgxclean.InTx(ctx, &w.fake, w.cleaner, f, append(more, report)...)
}

// letGo updates a row that named a file.
func (w *small) letGo(tx pgx.Tx, b *runtime.Batch, id int64, name string) error {
	a := &models.Article{ID: id}
	return pgxclean.Exec(context.Background(), tx, b, func(b *runtime.Batch) { a.BeforeUpdate(b, models.ArticleFiles{Cover: name}) }, "UPDATE")
}

// want checks what the database was told, which files are left, and that no batch is.
func (w *small) want(files string, told ...string) {
	w.t.Helper()
	if got, want := strings.Join(w.said, "\n"), strings.Join(told, "\n"); got != want {
		w.t.Errorf("the database was told:\n%s\nwant:\n%s", got, want)
	}
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
	w := newSmall(t, "a")
	w.must(w.inTx(t.Context(), func(tx pgx.Tx, b *runtime.Batch) error { return w.letGo(tx, b, 1, "a") },
		pgxclean.WithTxOptions(pgx.TxOptions{IsoLevel: pgx.Serializable})))
	w.want("", "BEGIN serializable", "UPDATE", "COMMIT")
	if len(w.reports) != 1 || w.reports[0].String() != "committed\n\tremoved media:a (models.Article.Cover updated)" {
		t.Errorf("reports: %v", w.reports)
	}
}

func TestACommitThatFailsKeepsEveryFileAndSaysSo(t *testing.T) {
	w := newSmall(t, "a")
	w.fail["COMMIT"] = errNo
	if err := w.inTx(t.Context(), func(tx pgx.Tx, b *runtime.Batch) error { return w.letGo(tx, b, 1, "a") }); !errors.Is(err, errNo) {
		t.Errorf("%v", err)
	}
	w.want("a", "BEGIN", "UPDATE", "COMMIT")
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
			w := newSmall(t, "a")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			func() {
				defer func() {
					if p := recover(); p != c.panic {
						t.Errorf("recovered %v", p)
					}
				}()
				err := w.inTx(ctx, func(tx pgx.Tx, b *runtime.Batch) error {
					w.must(w.letGo(tx, b, 1, "a"))
					return c.end(cancel)
				})
				if !errors.Is(err, c.want) {
					t.Errorf("%v", err)
				}
			}()
			w.want("a", "BEGIN", "UPDATE", "ROLLBACK")
			if len(w.reports) != 0 {
				t.Errorf("reports: %v", w.reports)
			}
		})
	}
}

func TestNothingRunsWithoutATransaction(t *testing.T) {
	w := newSmall(t)
	w.fail["BEGIN"] = errNo
	err := w.inTx(t.Context(), func(pgx.Tx, *runtime.Batch) error {
		t.Error("f was called")
		return nil
	})
	if !errors.Is(err, errNo) {
		t.Errorf("%v", err)
	}
	w.want("", "BEGIN")
}

func TestASavepointThatFailsIsForgottenAndOthersAreNot(t *testing.T) {
	w := newSmall(t, "a", "b", "c")
	w.must(w.inTx(t.Context(), func(tx pgx.Tx, b *runtime.Batch) error {
		return pgxclean.InSavepoint(t.Context(), tx, b, func(outer pgx.Tx) error {
			w.must(w.letGo(outer, b, 1, "a"))
			err := pgxclean.InSavepoint(t.Context(), outer, b, func(inner pgx.Tx) error {
				return errors.Join(w.letGo(inner, b, 2, "b"), errNo)
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
				_ = pgxclean.InSavepoint(t.Context(), outer, b, func(inner pgx.Tx) error {
					w.must(w.letGo(inner, b, 3, "c"))
					panic("oh")
				})
			}()
			return nil
		})
	}))
	w.want("b c", "BEGIN", "SAVEPOINT s1", "UPDATE",
		"SAVEPOINT s2", "UPDATE", "ROLLBACK TO s2",
		"SAVEPOINT s3", "UPDATE", "ROLLBACK TO s3",
		"RELEASE s1", "COMMIT")
}

// Where a savepoint can't be rolled back to, who commits all the same loses no file.
func TestALostSavepointKeepsEveryFile(t *testing.T) {
	w := newSmall(t, "a", "b")
	w.fail["ROLLBACK TO s1"] = errors.New("gone")
	w.must(w.inTx(t.Context(), func(tx pgx.Tx, b *runtime.Batch) error {
		w.must(w.letGo(tx, b, 1, "a"))
		err := pgxclean.InSavepoint(t.Context(), tx, b, func(inner pgx.Tx) error {
			return errors.Join(w.letGo(inner, b, 2, "b"), errNo)
		})
		if !errors.Is(err, errNo) {
			t.Errorf("%v", err)
		}
		return nil
	}))
	w.want("a b", "BEGIN", "UPDATE", "SAVEPOINT s1", "UPDATE", "ROLLBACK TO s1", "COMMIT")
}

func TestNothingRunsWithoutASavepoint(t *testing.T) {
	w := newSmall(t)
	w.fail["SAVEPOINT s1"] = errNo
	w.must(w.inTx(t.Context(), func(tx pgx.Tx, b *runtime.Batch) error {
		err := pgxclean.InSavepoint(t.Context(), tx, b, func(pgx.Tx) error {
			t.Error("f was called")
			return nil
		})
		if !errors.Is(err, errNo) {
			t.Errorf("%v", err)
		}
		return nil
	}))
	w.want("", "BEGIN", "SAVEPOINT s1", "COMMIT")
}

func TestAStatementThatFailsLetsGoOfNothing(t *testing.T) {
	w := newSmall(t, "a")
	w.fail["UPDATE"] = errNo
	w.must(w.inTx(t.Context(), func(tx pgx.Tx, b *runtime.Batch) error {
		if err := w.letGo(tx, b, 1, "a"); !errors.Is(err, errNo) {
			t.Errorf("%v", err)
		}
		return nil
	}))
	w.want("a", "BEGIN", "UPDATE", "COMMIT")
}

func TestReturningPutsTheKeyIntoTheRecord(t *testing.T) {
	for name, c := range map[string]struct {
		id   int64
		fail error
		want error
	}{
		"a row":            {id: 7},
		"no row":           {want: pgx.ErrNoRows},
		"a failing insert": {fail: errNo, want: errNo},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSmall(t)
			w.id, w.fail["INSERT"] = c.id, c.fail
			a := &models.Article{Cover: "a"}
			err := w.inTx(t.Context(), func(tx pgx.Tx, b *runtime.Batch) error {
				return pgxclean.Returning(t.Context(), tx, b, a.AfterCreate, "INSERT", []any{a.Cover}, &a.ID)
			})
			if !errors.Is(err, c.want) || a.ID != c.id {
				t.Errorf("the key is %d, %v", a.ID, err)
			}
		})
	}
}
