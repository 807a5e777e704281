package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const directories = 256

// deleting compares a batch with other ways to delete the same files, in many
// directories, in random order where there is one. Before it is measured what
// was written is flushed.
func deleting(rounds, files int, on string, workers []int) error {
	top, err := os.MkdirTemp(on, "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }()
	names := make([]string, files)
	for i := range names {
		names[i] = fmt.Sprintf("d%02d/e%02d/f%06d.png", i%directories/16, i%16, i)
	}
	rand.Shuffle(files, func(i, j int) { names[i], names[j] = names[j], names[i] })
	root := filepath.Join(top, "media")
	jobOf := func(name string, run func() (time.Duration, error)) *job {
		return &job{name: name, setUp: func() error { return plant(root, names) }, run: func() (time.Duration, error) {
			took, err := run()
			return took, firstOf(err, os.RemoveAll(root)) // directories, where only files were deleted
		}}
	}
	command := func(name string, args ...string) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			begun := time.Now()
			err := exec.Command(name, args...).Run()
			return time.Since(begun), err
		}
	}
	batch := func(workers int) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			media, err := storage.Dir(root)
			if err != nil {
				return 0, err
			}
			defer media.Close()
			return deleteThrough(media, names, runtime.WithWorkers(workers))
		}
	}
	jobs := []*job{
		jobOf("os.Remove, one after the other", func() (time.Duration, error) {
			begun := time.Now()
			for _, name := range names {
				if err := os.Remove(filepath.Join(root, name)); err != nil {
					return 0, err
				}
			}
			return time.Since(begun), nil
		}),
		jobOf("rm -rf", command("rm", "-rf", root)),
		jobOf("find -type f -delete", command("find", root, "-type", "f", "-delete")),
	}
	for _, n := range workers {
		jobs = append(jobs, jobOf(fmt.Sprintf("a batch, %d workers", n), batch(n)))
	}
	if err := measure(jobs, rounds); err != nil {
		return err
	}
	table(fmt.Sprintf("%d files in %d directories", files, directories), "µs a file", files, jobs)
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func plant(root string, names []string) error {
	for i := range directories {
		if err := os.MkdirAll(filepath.Join(root, fmt.Sprintf("d%02d/e%02d", i/16, i%16)), 0o755); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(root, name), []byte("sixteen bytes ok"), 0o644); err != nil {
			return err
		}
	}
	return exec.Command("sync").Run()
}
