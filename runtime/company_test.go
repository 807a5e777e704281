package runtime_test

import (
	"context"
	"errors"
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
		story func(w *world, one, two *runtime.Batch)
		left  string
	}{
		"the other holds it, and is open": {func(w *world, one, two *runtime.Batch) {
			insert(two, &doc{ID: 2, A: "p"})
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "p"},
		"the other held it, and was committed": {func(w *world, one, two *runtime.Batch) {
			remove(one, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			w.commit(two)
			w.commit(one)
		}, "p"},
		"the other held it, and was rolled back": {func(w *world, one, two *runtime.Batch) {
			remove(one, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			two.Rollback()
			w.commit(one)
		}, ""},
		"the other held it, and nobody knows": {func(w *world, one, two *runtime.Batch) {
			remove(one, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			_, _ = two.CommitWith(context.Background(), func() error { return errors.New("lost") })
			w.commit(one)
		}, "p"},
		"the other waited for the row, and lets go of it": {func(w *world, one, two *runtime.Batch) {
			insert(two, &doc{ID: 1, A: "p"})
			w.commit(two)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, ""},
		"the other waited for a row, and another row has it": {func(w *world, one, two *runtime.Batch) {
			insert(two, &doc{ID: 1, A: "p"})
			insert(two, &doc{ID: 2, A: "p"})
			w.commit(two)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "p"},
		"the other waited for a row without a key": {func(w *world, one, two *runtime.Batch) {
			insert(two, &doc{A: "p"})
			w.commit(two)
			remove(one, &doc{A: "p"})
			w.commit(one)
		}, "p"},
		"the other wrote the row after the first was committed, and was faster": {func(w *world, one, two *runtime.Batch) {
			remove(one, &doc{ID: 1, A: "p"})
			_, _ = one.CommitWith(context.Background(), func() error {
				insert(two, &doc{ID: 1, A: "p"})
				w.commit(two)
				return nil
			})
		}, "p"},
		"the other held it to a savepoint": {func(w *world, one, two *runtime.Batch) {
			s := two.Savepoint()
			insert(two, &doc{ID: 2, A: "p"})
			w.rollbackTo(two, s)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, ""},
		// Two rows share a file. The row of the second still names it.
		"both let go, the first is committed, the second is rolled back": {func(w *world, one, two *runtime.Batch) {
			remove(one, &doc{ID: 1, A: "p"})
			remove(two, &doc{ID: 2, A: "p"})
			w.commit(one)
			two.Rollback()
		}, "p"},
		"both let go, both are committed": {func(w *world, one, two *runtime.Batch) {
			remove(one, &doc{ID: 1, A: "p"})
			remove(two, &doc{ID: 2, A: "p"})
			w.commit(one)
			w.commit(two)
		}, ""},
		"the other held it and let go again": {func(w *world, one, two *runtime.Batch) {
			r := &doc{ID: 2, A: "p"}
			insert(two, r)
			remove(two, r)
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(two)
			w.commit(one)
		}, ""},
		"the other is uploading it": {func(w *world, one, two *runtime.Batch) {
			if err := w.files.Remove("p"); err != nil {
				w.t.Fatal(err)
			}
			w.upload(two, "p")
			remove(one, &doc{ID: 1, A: "p"})
			w.commit(one)
		}, "p"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p")
			test.story(w, w.clean.Begin(), w.clean.Begin())
			w.wantLeft(test.left)
		})
	}
}

// TestBatchAfterBatch: what a batch held is forgotten when no batch of its time
// is left.
func TestBatchAfterBatch(t *testing.T) {
	w := newWorld(t, "p")
	beside := w.clean.Begin()
	b := w.clean.Begin()
	insert(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	beside.Rollback()

	b = w.clean.Begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	w.wantLeft("")
}

// TestTakenUpWhileDeleting: a batch that takes up a name between the judgement
// and the deletion, and is committed, keeps its file.
func TestTakenUpWhileDeleting(t *testing.T) {
	for _, when := range []string{"before", "references", "earlier file"} {
		t.Run(when, func(t *testing.T) {
			var w *world
			var once sync.Once
			take := func() {
				once.Do(func() {
					b := w.clean.Begin()
					insert(b, &doc{ID: 2, B: "p"})
					w.commit(b)
				})
			}
			option := runtime.WithObserver(runtime.Observer{Before: func(_ context.Context, e runtime.Event) error {
				if when == "before" && e.Ref.Name == "p" || when == "earlier file" && e.Ref.Name == "a" {
					take()
				}
				return nil
			}})
			if when == "references" {
				option = runtime.WithReferences(runtime.ReferencesFunc(func(context.Context, []runtime.Ref) ([]runtime.Ref, error) {
					take()
					return nil, nil
				}))
			}
			w = newWorld(t, "a p", option)
			b := w.clean.Begin()
			remove(b, &doc{ID: 1, A: "a", B: "p"})
			report := w.commit(b)
			wantResult(t, report, "p", runtime.Kept, runtime.UsedElsewhere)
			w.wantLeft("p")

			// The memory of it is gone with the batch.
			b = w.clean.Begin()
			remove(b, &doc{ID: 2, B: "p"})
			w.commit(b)
			w.wantLeft("")
		})
	}
}

// TestLaterBatch: a batch that was opened after the other was committed is not
// held back by it, even while an older one is open.
func TestLaterBatch(t *testing.T) {
	w := newWorld(t, "p")
	old := w.clean.Begin()
	defer old.Rollback()
	b := w.clean.Begin()
	insert(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	b = w.clean.Begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	w.wantLeft("")
}

// TestParallelBatches: each of thousands of batches replaces the picture of its record
// by an upload that wants the same name as all others.
func TestParallelBatches(t *testing.T) {
	const records = 2000
	w := newWorld(t, "")
	for i := range records {
		w.write(fmt.Sprintf("old%d", i))
	}
	names := make([]string, records)
	var wg sync.WaitGroup
	for i := range records {
		wg.Go(func() {
			b := w.clean.Begin()
			defer b.Rollback()
			name := w.upload(b, "new")
			update(b, &doc{ID: i + 1, A: fmt.Sprintf("old%d", i)}, func(r *doc) { r.A = name })
			if i%10 == 0 {
				names[i] = fmt.Sprintf("old%d", i)
				return // rolled back
			}
			names[i] = name
			w.commit(b)
		})
	}
	wg.Wait()
	slices.Sort(names)
	w.wantLeft(strings.Join(names, " "))
}
