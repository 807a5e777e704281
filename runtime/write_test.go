package runtime_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// TestExecInDoubt: where nobody knows what a write did to which row, or in
// which order, the files that any row may name stay.
func TestExecInDoubt(t *testing.T) {
	set := func(b *runtime.Batch, id int, old, now string, write func() (int64, error)) error {
		return b.Exec(func(b *runtime.Batch) { (&doc{ID: id, A: now}).BeforeUpdate(b, docFiles{A: old}) }, write)
	}
	for name, test := range map[string]struct {
		story func(w *world, b *runtime.Batch)
		left  string
	}{
		"a write inside a write to the same row, which it undoes": {func(_ *world, b *runtime.Batch) {
			_ = set(b, 1, "p", "q", func() (int64, error) { // after the outer statement
				_ = set(b, 1, "q", "p", oneRow)
				return 1, nil
			})
		}, "p q r"},
		"a write inside a write to the same row, before its statement": {func(_ *world, b *runtime.Batch) {
			_ = set(b, 1, "p", "q", func() (int64, error) {
				_ = set(b, 1, "p", "r", oneRow)
				return 1, nil
			})
		}, "q r"},
		"a later write lets go of what was in doubt": {func(_ *world, b *runtime.Batch) {
			_ = set(b, 1, "p", "q", func() (int64, error) {
				_ = set(b, 1, "q", "p", oneRow)
				return 1, nil
			})
			_ = set(b, 1, "p", "r", oneRow)
			_ = set(b, 1, "q", "r", oneRow)
		}, "r"},
		"a write inside a write to another row": {func(_ *world, b *runtime.Batch) {
			_ = set(b, 1, "p", "r", func() (int64, error) {
				_ = set(b, 2, "q", "r", oneRow)
				return 1, nil
			})
		}, "r"},
		"a write that panics after the row was written": {func(_ *world, b *runtime.Batch) {
			func() {
				defer func() { _ = recover() }()
				_ = set(b, 2, "", "p", func() (int64, error) { panic("driver") })
			}()
			remove(b, &doc{ID: 1, A: "p"})
		}, "p q r"},
		"one write for several records that hits fewer rows": {func(_ *world, b *runtime.Batch) {
			_ = b.Exec(func(b *runtime.Batch) {
				(&doc{ID: 1}).AfterDelete(b, docFiles{A: "p"})
				(&doc{ID: 2}).AfterDelete(b, docFiles{A: "q"})
			}, oneRow)
		}, "p q r"},
		"one write for several records that hits all": {func(_ *world, b *runtime.Batch) {
			_ = b.Exec(func(b *runtime.Batch) {
				(&doc{ID: 1}).AfterDelete(b, docFiles{A: "p"})
				(&doc{ID: 2}).AfterDelete(b, docFiles{A: "q"})
			}, func() (int64, error) { return 2, nil })
		}, "r"},
		"a commit inside a write": {func(w *world, b *runtime.Batch) {
			_ = set(b, 1, "p", "q", func() (int64, error) {
				w.commit(b)
				return 0, errors.New("nothing was changed")
			})
		}, "p q r"},
		"a savepoint rolled back inside a write of no row": {func(w *world, b *runtime.Batch) {
			s := b.Savepoint()
			_ = set(b, 2, "", "p", func() (int64, error) {
				w.rollbackTo(b, s)
				return 0, nil // MySQL: the row had the value
			})
			remove(b, &doc{ID: 1, A: "p"})
		}, "p q r"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p q r")
			b := w.clean.Begin()
			test.story(w, b)
			_, _ = b.CommitWith(t.Context(), func() error { return nil })
			w.wantLeft(test.left)
		})
	}
}

// TestUnknownOutcomeLandsLater: a transaction whose commit failed may be
// committed after all, long after; until then others read the old rows.
func TestUnknownOutcomeLandsLater(t *testing.T) {
	w := newWorld(t, "p")
	b := w.clean.Begin()
	update(b, &doc{ID: 2}, func(r *doc) { r.A = "p" }) // moves p from 1 to 2
	update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "" })
	_, _ = b.CommitWith(t.Context(), func() error { return errors.New("connection lost") })

	b = w.clean.Begin()
	remove(b, &doc{ID: 1, A: "p"})
	wantResult(t, w.commit(b), "p", runtime.Kept, runtime.InDoubt)
	w.wantLeft("p")
}

// TestStatementInCommit: a statement that is its own transaction.
func TestStatementInCommit(t *testing.T) {
	w := newWorld(t, "p")
	b := w.clean.Begin()
	defer b.Rollback()
	r := &doc{ID: 1, A: w.upload(b, "n")}
	_, err := b.CommitWith(t.Context(), func() error {
		return b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, oneRow)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.wantLeft("n")
}

// TestMisuse panics where the mistake is, not in a commit.
func TestMisuse(t *testing.T) {
	w := newWorld(t, "")
	b := w.clean.Begin()
	for name, misuse := range map[string]func(){
		"hold":    func() { r := b.Created(docType, runtime.Key{}); r.Hold(len(docType.Fields), "p") },
		"release": func() { r := b.Deleted(docType, runtime.Key{}); r.Release(-1, "p") },
		"no type": func() { b.Updated(nil, runtime.Key{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse()
		}()
	}
	remove(b, &doc{ID: 1, A: "p"}) // the batch still works
	w.commit(b)
	if _, err := runtime.New(nil); err == nil {
		t.Error("a nil option was taken")
	}
}

type panickingLog struct{ slog.Handler }

func (panickingLog) Enabled(context.Context, slog.Level) bool { return true }

func (panickingLog) Handle(context.Context, slog.Record) error { panic("log") }

// TestLoggerPanics: what the logger does is of no consequence.
func TestLoggerPanics(t *testing.T) {
	w := newWorld(t, "p q", runtime.WithLogger(slog.New(panickingLog{slog.DiscardHandler})),
		runtime.WithObserver(runtime.Observer{After: func(context.Context, runtime.Event) { panic("observer") }}))
	b := w.clean.Begin()
	remove(b, &doc{ID: 1, A: "p", B: "q", Gallery: []string{"../x"}})
	w.commit(b)
	w.wantLeft("")
	remove(b, &doc{ID: 1, A: "p"}) // is logged as an error
}

// endingStorage rolls a batch back while a file is created for it.
type endingStorage struct {
	afero.Fs
	batch *runtime.Batch
}

func (s *endingStorage) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	s.batch.Rollback()
	return s.Fs.OpenFile(name, flag, perm)
}

// TestRollbackDuringCreate: the file goes, though the rollback did not know it.
func TestRollbackDuringCreate(t *testing.T) {
	storage := &endingStorage{Fs: afero.NewMemMapFs()}
	w := (&world{t: t, files: storage}).with(runtime.WithStorage("media", storage))
	storage.batch = w.clean.Begin()
	if _, err := storage.batch.Create(t.Context(), "media", "n"); !errors.Is(err, runtime.ErrEnded) {
		t.Errorf("error %v", err)
	}
	w.wantLeft("")
}
