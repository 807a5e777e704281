package main

import (
	"context"
	"fmt"
	stdruntime "runtime"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/runtime"
)

// memory tells what a ref takes in a batch: while it is in the journal, and when the
// journal was replayed and the deletions begin. The names themselves are the user's.
func memory() error {
	const refs = 200_000
	heap := func() uint64 {
		stdruntime.GC()
		var m stdruntime.MemStats
		stdruntime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var replayed uint64
	first := true
	cleaner, err := runtime.New(
		runtime.WithStorage("media", afero.NewMemMapFs()), runtime.WithTypes(models.FileTypes()...), runtime.WithWorkers(1), runtime.Unchecked(), runtime.WithLogger(quiet()),
		runtime.WithObserver(runtime.Observer{Before: func(context.Context, runtime.Result) error {
			if first {
				first, replayed = false, heap()
			}
			return nil
		}}),
	)
	if err != nil {
		return err
	}
	names := make([]string, refs)
	for i := range names {
		names[i] = fmt.Sprintf("covers/%06d.png", i)
	}
	before := heap()
	b := cleaner.Begin()
	for i, name := range names {
		(&models.Article{ID: int64(i + 1)}).AfterDelete(b, models.ArticleFiles{Cover: name})
	}
	logged := heap()
	report, err := cleaner.Commit(context.Background(), b, nil, func() error { return nil })
	if err != nil {
		return err
	}
	ended := heap()
	fmt.Printf("\nMemory of a ref, %d in one batch, one record each: %d bytes in the journal, %d when deletions begin, %d in the report.\n",
		refs, (logged-before)/refs, (replayed-before)/refs, (ended-before)/refs)
	stdruntime.KeepAlive(report)
	stdruntime.KeepAlive(names)
	return nil
}
