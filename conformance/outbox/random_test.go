package outbox_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// programs is how many random programs a test runs on each database.
func programs(t *testing.T, usual int) int {
	t.Helper()
	if text := os.Getenv("FILECLEANGEN_PROGRAMS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return usual
}

// TestRandomPrograms runs writers beside relays, each a process of its own as far
// as the outbox is concerned, in rounds; after each, every file that a row names
// must be there, and none that no row names.
func TestRandomPrograms(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		var players []*player
		for seed := range uint64(3) {
			p := newPlayer(w.another(), seed)
			pauses := rand.New(rand.NewPCG(seed, 7))
			p.at = func() { // now and then there is time for the others to do much
				if pauses.IntN(10) == 0 {
					time.Sleep(time.Duration(pauses.IntN(20)) * time.Millisecond)
				}
			}
			players = append(players, p)
		}
		often := outbox.WithPoll(5 * time.Millisecond)
		relays := []*world{w.another(often), w.another(often)}
		for n := range programs(t, 12) {
			ctx, stop := context.WithCancel(t.Context())
			var writing, relaying sync.WaitGroup
			for _, r := range relays {
				relaying.Go(func() {
					if err := r.relay.Run(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			for _, p := range players {
				writing.Go(func() {
					for range 10 {
						if err := p.play(t.Context()); err != nil {
							t.Errorf("program %d: %v", n, err)
						}
					}
				})
			}
			writing.Wait()
			stop()
			relaying.Wait()
			w.check(fmt.Sprintf("program %d", n), players...)
			if t.Failed() {
				return
			}
		}
	})
}

// check drains the outbox and compares files with rows.
func (w *world) check(program string, players ...*player) {
	w.t.Helper()
	// A relay that was stopped in the middle of a transaction leaves it to the server, which
	// may yet run its last statement: Drain passes by the rows that it locks.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		w.due()
		w.drain()
		if s, err := w.box.Stats(w.t.Context()); err != nil || s.Pending+s.Deleting == 0 {
			break
		}
	}
	w.wantStats(0, 0)
	rows, err := albums(w.t.Context(), w.d, w.db, "")
	w.must(err)
	named := map[string]bool{}
	for _, a := range rows {
		for _, name := range names(a) {
			named[name] = true
			if _, err := w.dir.Stat(name); err != nil {
				w.t.Errorf("%s: LOST: row %d names %s", program, a.ID, name)
			}
		}
	}
	w.must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == outbox.MarkerName {
			return err
		}
		name, _ := filepath.Rel(w.root, path)
		if name = filepath.ToSlash(name); !named[name] {
			leaked := false
			for _, p := range players {
				leaked = leaked || p.leaked[name]
			}
			if !leaked { // or it stays: rows may come to name it again, by stale records
				w.t.Errorf("%s: left behind: %s", program, name)
				w.must(os.Remove(path))
			}
		}
		return nil
	}))
}
