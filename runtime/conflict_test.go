package runtime_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

// TestTwoBatches tells of batches that are open at the same time.
func TestTwoBatches(t *testing.T) {
	tests := map[string]struct {
		story func(w *world, one, two *txn)
		left  string
		// asked says that only the rows know: what a batch held that was committed is not
		// remembered, and Unchecked asks for programs in which it does not matter.
		asked bool
	}{
		"the other holds it, and is open": {func(w *world, one, two *txn) {
			insert(two, &doc{ID: 2, A: "p"})
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "p", false},
		"the other held it, and was committed": {func(w *world, one, two *txn) {
			remove(one, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			w.commit(two)
			w.commit(one)
		}, "p", true},
		"the other held it, and was rolled back": {func(w *world, one, two *txn) {
			remove(one, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			two.Rollback()
			w.commit(one)
		}, "", false},
		"the other held it, and nobody knows": {func(w *world, one, two *txn) {
			remove(one, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			w.lose(two)
			w.commit(one)
		}, "p", false},
		"the other waited for the row, and lets go of it": {func(w *world, one, two *txn) {
			insert(two, &doc{ID: 1, A: "p"})
			w.commit(two)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "", false},
		"the other waited for a row, and another row has it": {func(w *world, one, two *txn) {
			insert(two, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			w.commit(two)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "p", true},
		"the other waited for a row without a key": {func(w *world, one, two *txn) {
			insert(two, &doc{A: "p"})
			w.commit(two)
			remove(one, &doc{A: "p"})
			w.commit(one)
		}, "p", true},
		"the other wrote the row after the first was committed, and was faster": {func(w *world, one, two *txn) {
			remove(one, &doc{ID: 1, A: "p"})
			_, _ = w.clean.Commit(context.Background(), one.Batch, nil, func() error {
				_ = one.land()
				insert(two, &doc{ID: 1, A: "p"})
				w.commit(two)
				return nil
			})
		}, "p", true},
		"the other held it to a savepoint": {func(w *world, one, two *txn) {
			s := two.Savepoint()
			insert(two, &doc{ID: 2, A: "p"})
			two.rollbackTo(s)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "", false},
		// Two rows share a file. The row of the second still names it.
		"both let go, the first is committed, the second is rolled back": {func(w *world, one, two *txn) {
			remove(one, &doc{ID: 1, A: "p"})
			remove(two, &doc{ID: 2, A: "p"})
			w.commit(one)
			two.Rollback()
		}, "p", false},
		"both let go, both are committed": {func(w *world, one, two *txn) {
			remove(one, &doc{ID: 1, A: "p"})
			remove(two, &doc{ID: 2, A: "p"})
			w.commit(one)
			w.commit(two)
		}, "", false},
		"the other held it and let go again": {func(w *world, one, two *txn) {
			r := &doc{ID: 2, A: "p"}
			insert(two, r)
			remove(two, r)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(two)
			w.commit(one)
		}, "", false},
		"it is an upload": {func(w *world, one, _ *txn) {
			if err := w.files.Remove("p"); err != nil {
				w.t.Fatal(err)
			}
			w.upload("p")
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "p", false},
	}
	for name, test := range tests {
		for mode, newWorld := range modes {
			if test.asked && mode != "asked" {
				continue
			}
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, "p")
				test.story(w, w.begin(), w.begin())
				w.wantLeft(test.left)
			})
		}
	}
}

// TestTakenUpWhileDeleting: a batch that takes up a name between the decision
// and the deletion, and is committed, keeps its file.
func TestTakenUpWhileDeleting(t *testing.T) {
	for when, newWorld := range map[string]func(testing.TB, string, ...runtime.Option) *world{
		"before": newWorld, "earlier file": newWorld, "after the rows were asked": newWorld,
		"before, unchecked": newUnchecked, "earlier file, unchecked": newUnchecked,
	} {
		t.Run(when, func(t *testing.T) {
			var w *world
			var once sync.Once
			take := func() {
				once.Do(func() {
					b := w.begin()
					insert(b, &doc{ID: 2, B: "p"})
					w.commit(b)
				})
			}
			w = newWorld(t, "a p", runtime.WithObserver(runtime.Observer{Before: func(_ context.Context, e runtime.Result) error {
				if strings.HasPrefix(when, "before") && e.Ref.Name == "p" || strings.HasPrefix(when, "earlier file") && e.Ref.Name == "a" {
					take()
				}
				return nil
			}}))
			if when == "after the rows were asked" {
				files := w.files
				w = newAsking(t, func(ctx context.Context, refs []runtime.Ref) ([]runtime.Ref, error) {
					answer, err := w.rows.Ask(ctx, refs)
					take()
					return answer.Named, err
				}, "")
				w = w.with(runtime.WithStorage("media", files))
				w.files = files
			}
			b := w.begin()
			remove(b, &doc{ID: 1, A: "a", B: "p"})
			report := w.commit(b)
			wantResult(t, report, "p", runtime.Kept, runtime.UsedElsewhere)
			w.wantLeft("p")

			// The memory of it is gone with the batch.
			b = w.begin()
			remove(b, &doc{ID: 2, B: "p"})
			w.commit(b)
			w.wantLeft("")
		})
	}
}

// TestLaterBatch: what a batch held that was committed holds back nothing, even while
// one is open that is older.
func TestLaterBatch(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p")
			old := w.begin()
			defer old.Rollback()
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			w.commit(b)
			b = w.begin()
			remove(b, &doc{ID: 1, A: "p"})
			w.commit(b)
			w.wantLeft("")
		})
	}
}

// TestParallelBatches: each of thousands of batches replaces the picture of its record
// by an upload that wants the same name as all others.
func TestParallelBatches(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) { parallelBatches(t, newWorld(t, "")) })
	}
}

func parallelBatches(t *testing.T, w *world) {
	t.Helper()
	const records = 2000
	for i := range records {
		w.write(fmt.Sprintf("old%d", i))
	}
	names := make([]string, records)
	var wg sync.WaitGroup
	for i := range records {
		wg.Go(func() {
			up, err := w.clean.Create(t.Context(), "media", "new")
			if err != nil {
				t.Error(err)
				return
			}
			defer up.Discard()
			if err := up.Close(); err != nil {
				t.Error(err)
			}
			b := w.begin()
			defer b.Rollback()
			update(b, &doc{ID: i + 1, A: fmt.Sprintf("old%d", i)}, func(r *doc) { r.A = up.Name() })
			if i%10 == 0 {
				names[i] = fmt.Sprintf("old%d", i)
				return // rolled back
			}
			names[i] = up.Name()
			w.commit(b)
		})
	}
	wg.Wait()
	slices.Sort(names)
	w.wantLeft(strings.Join(names, " "))
}
