package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/runtime"
)

const calls = 20_000 // of a method, each time it is measured

// hooks compares generated methods with the same written by hand.
func hooks(rounds int) error {
	cleaner, err := runtime.New(runtime.WithStorage("media", afero.NewMemMapFs()), runtime.WithTypes(models.FileTypes()...), runtime.Unchecked())
	if err != nil {
		return err
	}
	article := &models.Article{ID: 1, Cover: "covers/a.png", Banner: "banners/b.png"}
	old := article.FileSnapshot()
	changed := models.ArticleFiles{Cover: "covers/old.png", Banner: "banners/b.png"}
	pairs := map[string][2]func(*runtime.Batch){
		"FileSnapshot, 2 fields": {
			func(*runtime.Batch) { keep(article.ByHandSnapshot()) },
			func(*runtime.Batch) { keep(article.FileSnapshot()) },
		},
		"BeforeUpdate, nothing changed": {
			func(b *runtime.Batch) { article.ByHandUpdate(b, old) },
			func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
		},
		"BeforeUpdate, one changed": {
			func(b *runtime.Batch) { article.ByHandUpdate(b, changed) },
			func(b *runtime.Batch) { article.BeforeUpdate(b, changed) },
		},
		"AfterDelete": {
			func(b *runtime.Batch) { article.ByHandDelete(b, old) },
			func(b *runtime.Batch) { article.AfterDelete(b, old) },
		},
	}
	order := []string{"FileSnapshot, 2 fields", "BeforeUpdate, nothing changed", "BeforeUpdate, one changed", "AfterDelete"}
	for _, n := range []int{1, 10, 1000} {
		album := &models.Album{ID: 1}
		for i := range n {
			album.Pages = append(album.Pages, fmt.Sprintf("pages/%04d.png", i))
		}
		old := album.FileSnapshot()
		add := func(name string, byHand, generated func(*runtime.Batch)) {
			name = fmt.Sprintf("%s, list of %d", name, n)
			pairs[name] = [2]func(*runtime.Batch){byHand, generated}
			order = append(order, name)
		}
		add("FileSnapshot",
			func(*runtime.Batch) { keepList(album.ByHandSnapshot()) },
			func(*runtime.Batch) { keepList(album.FileSnapshot()) })
		add("BeforeUpdate, nothing changed",
			func(b *runtime.Batch) { album.ByHandUpdate(b, old) },
			func(b *runtime.Batch) { album.BeforeUpdate(b, old) })
		add("AfterDelete",
			func(b *runtime.Batch) { album.ByHandDelete(b, old) },
			func(b *runtime.Batch) { album.AfterDelete(b, old) })
	}
	fmt.Print("\n| method | by hand, ns: median | generated, ns: median (min–max) | ratio | allocations by hand | generated |\n|---|---|---|---|---|---|\n")
	for _, name := range order {
		jobs := []*job{hookJob(cleaner, "by hand", pairs[name][0]), hookJob(cleaner, "generated", pairs[name][1])}
		if err := measure(jobs, rounds); err != nil {
			return err
		}
		hand, gen := jobs[0].median(), jobs[1].median()
		lo, hi := spread(jobs[1])
		fmt.Printf("| %s | %.0f | %.0f (%.0f–%.0f) | %.2f | %.0f | %.0f |\n", name, perCall(hand), perCall(gen), perCall(lo), perCall(hi),
			float64(gen)/float64(hand), allocations(cleaner, pairs[name][0]), allocations(cleaner, pairs[name][1]))
	}
	return nil
}

func perCall(d time.Duration) float64 { return float64(d) / calls }

func spread(j *job) (lo, hi time.Duration) {
	lo, hi = j.took[0], j.took[0]
	for _, d := range j.took {
		lo, hi = min(lo, d), max(hi, d)
	}
	return lo, hi
}

// hookJob calls a method many times, a few in each batch, as transactions do.
func hookJob(cleaner *runtime.Cleaner, name string, hook func(*runtime.Batch)) *job {
	return &job{name: name, run: func() (took time.Duration, err error) {
		const inBatch = 4
		for range calls / inBatch {
			b := cleaner.Begin()
			begun := time.Now()
			for range inBatch {
				hook(b)
			}
			took += time.Since(begun)
			b.Rollback()
		}
		return took, nil
	}}
}

// allocations are those of one call in a batch whose log has room.
func allocations(cleaner *runtime.Cleaner, hook func(*runtime.Batch)) float64 {
	b := cleaner.Begin()
	defer b.Rollback()
	s := b.Savepoint()
	hook(b)
	return testing.AllocsPerRun(1000, func() {
		_ = b.RollbackTo(s)
		hook(b)
	})
}

// keep and keepList do nothing that the compiler knows of, so that what they get
// has to be made.
//
//go:noinline
func keep(models.ArticleFiles) {}

//go:noinline
func keepList(models.AlbumFiles) {}
