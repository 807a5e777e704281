package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/runtime"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

const latency = 2 * time.Millisecond // of a call of the storage

// far is a storage that takes its time.
type far struct{ afero.Fs }

func (f far) Remove(name string) error { time.Sleep(latency); return f.Fs.Remove(name) }

// farMany is one that can delete many at once.
type farMany struct{ far }

func (farMany) MaxRemove() int { return 1000 }

func (f farMany) RemoveMany(_ context.Context, names []string) error {
	time.Sleep(latency)
	for _, name := range names {
		if err := f.Fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// many compares RemoveMany with Remove on a storage with latency.
func many(rounds int) error {
	const n = 5000
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("covers/%06d.png", i)
	}
	memory := afero.NewMemMapFs()
	jobOf := func(name string, storage afero.Fs, workers int) *job {
		return &job{
			name:  name,
			setUp: func() error { return writeAll(memory, names) },
			run:   func() (time.Duration, error) { return deleteThrough(storage, names, runtime.WithWorkers(workers)) },
		}
	}
	jobs := []*job{
		jobOf("Remove, 1 worker", far{memory}, 1),
		jobOf("Remove, 8 workers", far{memory}, 8),
		jobOf("RemoveMany", farMany{far{memory}}, 8),
	}
	if err := measure(jobs, rounds); err != nil {
		return err
	}
	table(fmt.Sprintf("%d files, a storage with %v a call", n, latency), "µs a file", n, jobs)
	return nil
}

func writeAll(storage afero.Fs, names []string) error {
	for _, name := range names {
		if err := afero.WriteFile(storage, name, nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// deleteThrough deletes files by a batch, and says how long that took from the
// first hook to the report.
func deleteThrough(storage afero.Fs, names []string, options ...runtime.Option) (time.Duration, error) {
	cleaner, err := runtime.New(append([]runtime.Option{
		runtime.WithStorage("media", storage), runtime.WithTypes(models.FileTypes()...), runtime.WithLogger(quiet()), runtime.WithTimeout(time.Hour),
		runtime.Unchecked(), // what is asked is measured elsewhere
	}, options...)...)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	b := cleaner.Begin()
	for i, name := range names {
		(&models.Article{ID: int64(i + 1)}).AfterDelete(b, models.ArticleFiles{Cover: name})
	}
	report, err := cleaner.Commit(context.Background(), b, nil, func() error { return nil })
	took := time.Since(begun)
	if err != nil {
		return 0, err
	}
	if got := report.Count(runtime.Removed); got != len(names) {
		return 0, fmt.Errorf("%d of %d files were removed", got, len(names))
	}
	return took, nil
}
