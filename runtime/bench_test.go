package runtime_test

import (
	"context"
	"testing"
)

// BenchmarkUnchanged saves a record that names four files and did not change.
func BenchmarkUnchanged(b *testing.B) {
	w := newWorld(b, "")
	r := &doc{ID: 1, A: "a", B: "b", Gallery: []string{"c", "d"}}
	old := r.FileSnapshot()
	commit := func() error { return nil }

	// The generated method alone, 64 times in a batch: the growth of the log
	// counts, the batch itself does not matter much.
	b.Run("BeforeUpdate×64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			batch := w.clean.Begin()
			for range 64 {
				r.BeforeUpdate(batch, old)
			}
			batch.Rollback()
		}
	})
	// The whole life of a batch for one record.
	b.Run("Batch", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			batch := w.clean.Begin()
			r.BeforeUpdate(batch, old)
			if _, err := w.clean.Commit(context.Background(), batch, nil, commit); err != nil {
				b.Fatal(err)
			}
		}
	})
}
