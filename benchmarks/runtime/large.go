package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/storage"
)

// large measures what a batch of many files writes to the outbox, each file released or
// taken, in a transaction that is rolled back then.
func large(rounds, refs int, on string) error {
	return inEachDatabase(on, func(m *mall, _ string, media *storage.DirFs) error {
		if err := m.stock(media); err != nil {
			return err
		}
		fmt.Printf("\n| %v | µs a file: median (min–max) | × a batch of 1,000 |\n|---|---|---|\n", m.d)
		for _, what := range []string{"released", "taken"} {
			few := &job{run: func() (time.Duration, error) { return m.flushOnce(1000, what == "taken") }}
			many := &job{run: func() (time.Duration, error) { return m.flushOnce(refs, what == "taken") }}
			if err := measure([]*job{few, many}, rounds); err != nil {
				return err
			}
			fmt.Printf("| 1,000 files %s | %s | 1.00 |\n", what, few.micros(1000))
			fmt.Printf("| %d files %s | %s | %.2f |\n", refs, what, many.micros(refs), many.times(few)*1000/float64(refs))
		}
		return nil
	})
}

// flushOnce flushes one batch, and rolls back.
func (m *mall) flushOnce(n int, take bool) (time.Duration, error) {
	ctx := context.Background()
	b := m.clean.Begin()
	for i := range n {
		a := &models.Article{ID: int64(i + 1), Cover: fmt.Sprintf("bulk/%07d.png", i)}
		if take {
			a.AfterCreate(b)
		} else {
			a.AfterDelete(b, a.FileSnapshot())
		}
	}
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	begun := time.Now()
	_, err = m.box.Flush(ctx, b, tx)
	return time.Since(begun), err
}

// gone measures how long it takes from a commit that lets go of a file until the file
// is gone, with a relay in the same process.
func gone(files int, on string) error {
	fmt.Printf("\n| from the commit to file gone, of %d | p50, ms | p90 | p99 |\n|---|---|---|---|\n", files)
	return inEachDatabase(on, func(m *mall, root string, media *storage.DirFs) error {
		if err := firstOf(m.stock(media), os.WriteFile(filepath.Join(root, ".filecleangen"), []byte("benchmark\n"), 0o644)); err != nil {
			return err
		}
		ctx, stop := context.WithCancel(context.Background())
		over := make(chan error)
		go func() { over <- m.relay.Run(ctx) }()
		var took []time.Duration
		for i := range files {
			d, err := m.untilGone(filepath.Join(root, fmt.Sprintf("gone%d", i)))
			if err != nil {
				stop()
				return err
			}
			took = append(took, d)
		}
		stop()
		slices.Sort(took)
		at := func(part float64) float64 { return took[int(part*float64(files))].Seconds() * 1000 }
		fmt.Printf("| %v | %.2f | %.2f | %.2f |\n", m.d, at(0.5), at(0.9), at(0.99))
		return <-over
	})
}

func (m *mall) untilGone(path string) (time.Duration, error) {
	ctx := context.Background()
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		return 0, err
	}
	b := m.clean.Begin()
	defer b.Rollback()
	a := &models.Article{ID: 1, Cover: filepath.Base(path)}
	a.AfterDelete(b, a.FileSnapshot())
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	if _, err := m.box.Flush(ctx, b, tx); err != nil {
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	begun := time.Now()
	m.box.Nudge()
	for time.Since(begun) < time.Minute {
		if _, err := os.Lstat(path); err != nil {
			return time.Since(begun), nil
		}
		time.Sleep(50 * time.Microsecond)
	}
	return 0, fmt.Errorf("%s is still there", path)
}

// idle measures a relay's look at an outbox where nothing is due, empty, and with so many
// rows parked and gone.
func idle(rounds int, on string) error {
	const parked, tombstones, looks = 300_000, 1_000_000, 100
	return inEachDatabase(on, func(m *mall, _ string, media *storage.DirFs) error {
		if err := firstOf(m.stock(media), m.refill()); err != nil {
			return err
		}
		look := func() (time.Duration, error) {
			begun := time.Now()
			for range looks {
				if _, err := m.relay.Drain(context.Background()); err != nil {
					return 0, err
				}
			}
			return time.Since(begun), nil
		}
		empty, full := &job{name: "empty", run: look}, &job{name: fmt.Sprintf("%d parked, %d gone", parked, tombstones), run: look}
		if err := firstOf(measure([]*job{empty}, rounds), m.fillUp("parked", parked), m.fillUp("gone", tombstones), measure([]*job{full}, rounds)); err != nil {
			return err
		}
		table(fmt.Sprintf("a look, %v", m.d), "µs", looks, []*job{empty, full})
		return nil
	})
}

// fillUp puts so many rows into the outbox that are never due.
func (m *mall) fillUp(state string, n int) error {
	const chunk = 1000
	gone := "NULL"
	if state == "gone" {
		gone = strconv.FormatInt(time.Now().UnixMilli(), 10)
	}
	for from := 0; from < n; from += chunk {
		var rows []string
		for i := range chunk {
			rows = append(rows, fmt.Sprintf("('media', 'old/%s%07d.png', '%[1]s', 9223372036854775807, %[3]s)", state, from+i, gone))
		}
		if _, err := m.db.ExecContext(context.Background(), "INSERT INTO filecleangen_outbox (storage, name, state, not_before, gone_at) VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}
