package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/storage"
)

// drain compares a relay that drains an outbox with deleting the same files
// directly. Each file is looked for in two columns of a table.
func drain(rounds, files int, on string) error {
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
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	media, err := storage.Dir(root)
	if err != nil {
		return err
	}
	defer media.Close()
	if err := outbox.Mark(media, "benchmark"); err != nil {
		return err
	}
	return eachDatabase(top, func(m *mall) error {
		if err := m.stock(media); err != nil {
			return err
		}
		plantFiles := func() error { return plant(root, names) }
		jobs := []*job{
			{name: "os.Remove, one after the other", setUp: plantFiles, run: func() (time.Duration, error) {
				begun := time.Now()
				for _, name := range names {
					if err := os.Remove(filepath.Join(root, name)); err != nil {
						return 0, err
					}
				}
				return time.Since(begun), nil
			}},
			{name: "a batch, in memory", setUp: plantFiles, run: func() (time.Duration, error) { return deleteThrough(media, names) }},
			{name: "a relay", setUp: func() error { return firstOf(m.refill(), m.promise(names), plantFiles()) }, run: func() (time.Duration, error) {
				begun := time.Now()
				done, err := m.relay.Drain(context.Background())
				if err == nil && done.Removed != files {
					err = fmt.Errorf("%+v", done)
				}
				return time.Since(begun), err
			}},
		}
		if err := measure(jobs, rounds); err != nil {
			return err
		}
		table(fmt.Sprintf("%d files, %v", files, m.d), "µs a file", files, jobs)
		return nil
	})
}

// promise puts a row for each file into the outbox.
func (m *mall) promise(names []string) error {
	const chunk = 500
	for from := 0; from < len(names); from += chunk {
		var rows []string
		for _, name := range names[from:min(from+chunk, len(names))] {
			rows = append(rows, "('media', '"+name+"')")
		}
		if _, err := m.db.ExecContext(context.Background(), "INSERT INTO filecleangen_outbox (storage, name) VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}
