package runtime_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// TestGone: a batch that began before another deleted a file can't make a row
// name it.
func TestGone(t *testing.T) {
	tests := map[string]struct {
		take func(w *world, b *txn) error
		want error
	}{
		"the write is not made": {func(_ *world, b *txn) error {
			return b.Exec((&doc{ID: 2, B: "p"}).AfterCreate, func() (int64, error) { t.Error("it was"); return 1, nil })
		}, runtime.ErrGone},
		"without Exec, the commit is not made": {func(w *world, b *txn) error {
			(&doc{ID: 2, B: "p"}).AfterCreate(b.Batch)
			_, err := w.clean.Commit(t.Context(), b.Batch, nil, func() error { t.Error("it was"); return nil })
			return err
		}, runtime.ErrGone},
		"after a write that was not made, it is": {func(w *world, b *txn) error {
			_ = b.Exec((&doc{ID: 2, B: "p"}).AfterCreate, oneRow)
			w.commit(b)
			return nil
		}, nil},
		"a file that was made anew": {func(w *world, b *txn) error {
			w.write("p")
			r := &doc{ID: 2, B: "p"}
			err := b.Exec(r.AfterCreate, b.row(r))
			w.commit(b)
			return err
		}, nil},
		"an upload under the same name": {func(w *world, b *txn) error {
			r := &doc{ID: 2, B: w.upload("p")}
			err := b.Exec(r.AfterCreate, b.row(r))
			w.commit(b)
			return err
		}, nil},
		"a row that lets go of it": {func(w *world, b *txn) error {
			remove(b, &doc{ID: 2, B: "p"})
			wantResult(t, w.commit(b), "p", runtime.Missing, "")
			return nil
		}, nil},
		"a batch that began later": {func(w *world, _ *txn) error {
			b := w.begin()
			insert(b, &doc{ID: 2, B: "p"}) // a mistake, as any name of no file is
			w.commit(b)
			return nil
		}, nil},
	}
	for name, test := range tests {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, "p")
				old := w.begin()
				defer old.Rollback()
				b := w.begin()
				remove(b, &doc{ID: 1, A: "p"})
				w.commit(b)
				if err := test.take(w, old); !errors.Is(err, test.want) {
					t.Errorf("error: %v", err)
				}
			})
		}
	}
}

// TestGoneAtThisMoment: while the storage is deleting a file, and the file is
// still there, no batch can take it up, however late it began; when that has
// failed, it can.
func TestGoneAtThisMoment(t *testing.T) {
	for name, fail := range map[string]error{"gone": nil, "failed": errDown} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p")
			take := func() error {
				b := w.begin()
				defer b.Rollback()
				return b.Exec((&doc{ID: 2, A: "p"}).AfterCreate, oneRow)
			}
			files, during := w.files, errors.New("never")
			w.with(runtime.WithStorage("media", &faulty{Fs: files, remove: func(string) error {
				during = take()
				return fail
			}}))
			b := w.begin()
			remove(b, &doc{ID: 1, A: "p"})
			w.commit(b)
			if !errors.Is(during, runtime.ErrGone) {
				t.Errorf("during: %v", during)
			}
			if err := take(); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	}
}

// TestParallelHandOver: one batch lets go of a file, and others, each in its own
// goroutine, take it up at the same time. Whoever committed has the file.
func TestParallelHandOver(t *testing.T) {
	const rounds, takers = 300, 3
	w := newWorld(t, "")
	w.with(runtime.WithStorage("media", w.files), runtime.WithWorkers(4))
	kept, gone := 0, 0
	for i := range rounds {
		name := fmt.Sprintf("f%d", i)
		w.write(name)
		var all sync.WaitGroup
		taken := make([]bool, takers)
		owner := w.begin()
		for j := range takers {
			b := w.begin()
			all.Go(func() {
				defer b.Rollback()
				for range rand.IntN(2000) { // anything from before to after
				}
				r := &doc{ID: 10*i + j + 10, A: name}
				if b.Exec(r.AfterCreate, b.row(r)) != nil {
					return
				}
				_, err := w.tryCommit(b)
				taken[j] = err == nil
			})
		}
		all.Go(func() {
			remove(owner, &doc{ID: 10*i + 9, A: name})
			_, _ = w.tryCommit(owner)
		})
		all.Wait()
		exists, _ := afero.Exists(w.files, name)
		switch {
		case exists:
			kept++
		case taken[0] || taken[1] || taken[2]:
			t.Fatalf("%s is gone, and rows name it: %v", name, taken)
		default:
			gone++
		}
	}
	t.Logf("%d were taken up, %d were deleted", kept, gone)
}
