package runtime_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

// TestExecInDoubt: where nobody knows what a write did to which row, the rows are asked,
// and without them the files that any row may name stay.
func TestExecInDoubt(t *testing.T) {
	set := func(b *txn, id int, old, now string, write func() (int64, error)) error {
		return b.Exec(func(b *runtime.Batch) { (&doc{ID: id, A: now}).BeforeUpdate(b, docFiles{A: old}) }, write)
	}
	for name, test := range map[string]struct {
		story           func(w *world, b *txn)
		left, unchecked string
	}{
		"a write inside a write to another row": {func(_ *world, b *txn) {
			_ = set(b, 1, "p", "r", func() (int64, error) {
				_ = set(b, 2, "q", "r", b.row(&doc{ID: 2, A: "r"}))
				return b.row(&doc{ID: 1, A: "r"})()
			})
		}, "r", "r"},
		"a write inside a write to the same row, before its statement": {func(_ *world, b *txn) {
			_ = set(b, 1, "p", "q", func() (int64, error) {
				_ = set(b, 1, "p", "r", b.row(&doc{ID: 1, A: "r"}))
				return b.row(&doc{ID: 1, A: "q"})()
			})
		}, "q r", "q r"},
		"a write inside a write to the same row, after its statement": {func(_ *world, b *txn) {
			_ = set(b, 1, "p", "q", func() (int64, error) {
				rows, err := b.row(&doc{ID: 1, A: "q"})()
				_ = set(b, 1, "q", "p", b.row(&doc{ID: 1, A: "p"}))
				return rows, err
			})
		}, "p r", "p r"},
		"a write that panics after the row was written": {func(_ *world, b *txn) {
			func() {
				defer func() { _ = recover() }()
				_ = set(b, 2, "", "p", func() (int64, error) { b.set(2, media("p")); panic("driver") })
			}()
			remove(b, &doc{ID: 1, A: "p"})
		}, "p q r", "p q r"},
		"one write for several records that hits fewer rows": {func(_ *world, b *txn) {
			b.read(1, media("p"))
			b.read(2, media("q"))
			_ = b.Exec(func(b *runtime.Batch) {
				(&doc{ID: 1}).AfterDelete(b, docFiles{A: "p"})
				(&doc{ID: 2}).AfterDelete(b, docFiles{A: "q"})
			}, b.gone(&doc{ID: 1}))
		}, "q r", "p q r"},
		"one write for several records that hits all": {func(_ *world, b *txn) {
			_ = b.Exec(func(b *runtime.Batch) {
				(&doc{ID: 1}).AfterDelete(b, docFiles{A: "p"})
				(&doc{ID: 2}).AfterDelete(b, docFiles{A: "q"})
			}, func() (int64, error) { return 2, nil })
		}, "r", "r"},
		"a commit inside a write": {func(w *world, b *txn) {
			b.read(1, media("p"))
			_ = set(b, 1, "p", "q", func() (int64, error) {
				w.commit(b)
				return 0, errors.New("nothing was changed")
			})
		}, "p q r", "p q r"},
		"a savepoint rolled back inside a write, whose rows are others' then": {func(_ *world, b *txn) {
			s := b.Savepoint()
			b.read(3, media("r"))
			_ = set(b, 1, "p", "q", func() (int64, error) {
				b.rollbackTo(s)
				_ = b.Exec(func(b *runtime.Batch) { (&doc{ID: 3}).AfterDelete(b, docFiles{A: "r"}) }, noRow)
				return 1, nil
			})
		}, "p q r", "p q r"},
	} {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, "p q r")
				b := w.begin()
				test.story(w, b)
				_, _ = w.tryCommit(b)
				w.wantLeft(map[string]string{"asked": test.left, "unchecked": test.unchecked}[mode])
			})
		}
	}
}

// TestUnknownOutcomeLandsLater: a transaction whose commit failed may be
// committed after all, long after; until then others read the old rows.
func TestUnknownOutcomeLandsLater(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p")
			b := w.begin()
			update(b, &doc{ID: 2}, func(r *doc) { r.A = "p" }) // moves p from 1 to 2
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "" })
			w.lose(b)

			b = w.begin()
			remove(b, &doc{ID: 1, A: "p"})
			wantResult(t, w.commit(b), "p", runtime.Kept, runtime.InDoubt)
			w.wantLeft("p")
		})
	}
}

// TestStatementInCommit: a statement that is its own transaction.
func TestStatementInCommit(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p")
			r := &doc{ID: 1, A: w.upload("n")}
			defer w.discard()
			b := w.begin()
			defer b.Rollback()
			_, err := w.clean.Commit(t.Context(), b.Batch, nil, func() error {
				err := b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, b.row(r))
				return errors.Join(err, b.land())
			})
			if err != nil {
				t.Fatal(err)
			}
			w.discard()
			w.wantLeft("n")
		})
	}
}

// TestMisuse panics where the mistake is, not in a commit.
func TestMisuse(t *testing.T) {
	w := newWorld(t, "")
	b := w.begin()
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
		runtime.WithObserver(runtime.Observer{After: func(context.Context, runtime.Result) { panic("observer") }}))
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p", B: "q", Gallery: []string{"../x"}})
	w.commit(b)
	w.wantLeft("")
	remove(b, &doc{ID: 1, A: "p"}) // is logged as an error
}

// TestExecWithoutHook: a statement that has nothing to do with files can be run, too.
func TestExecWithoutHook(t *testing.T) {
	w := newWorld(t, "")
	b := w.begin()
	ran := false
	must(t, b.Exec(nil, func() (int64, error) { ran = true; return 1, nil }))
	if report := w.commit(b); !ran || len(report.Files) > 0 {
		t.Errorf("%v, %v", ran, report)
	}
}
