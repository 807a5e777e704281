package outbox_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// kills is how many processes a test kills, in all its lanes: few unless
// FILECLEANGEN_KILLS says how many times as many.
func kills(t *testing.T, d references.Dialect) int {
	t.Helper()
	n := map[references.Dialect]int{references.SQLite: 50, references.PostgreSQL: 10, references.MySQL: 10}[d]
	if text := os.Getenv("FILECLEANGEN_KILLS"); text != "" {
		times, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		n *= times
	}
	return n
}

// TestCrash kills processes that run random transactions and relays: from
// outside, at any moment, and from inside, at a step of a transaction or right
// before or after a call of the storage. When they were started again, the time
// of all intents is over and the outbox is drained, no file that a row names is
// gone, and none is left that no row names.
func TestCrash(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		const lanes = 2
		rounds := kills(t, d) / lanes / 2
		for lane := range uint64(lanes) {
			t.Run(strconv.FormatUint(lane, 10), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, d, settings{})
				random := rand.New(rand.NewPCG(lane, 5))
				for round := range rounds {
					w.killTwo(random, lane<<32|uint64(round)<<1)
					w.checkCrash(fmt.Sprintf("lane %d, round %d", lane, round))
					if t.Failed() {
						return
					}
				}
			})
		}
	})
}

// killTwo runs two processes until both have been killed.
func (w *world) killTwo(random *rand.Rand, seed uint64) {
	w.t.Helper()
	var all []func()
	for i := range uint64(2) {
		task := childTask{Do: "play", Seed: seed | i}
		if random.IntN(2) == 0 {
			task.At = 1 + random.Int64N(150)
		}
		cmd, _, out := w.child(task)
		steps := random.IntN(25)
		all = append(all, func() { w.waitKilled(cmd, out, task, steps) })
	}
	for _, wait := range all {
		wait()
	}
}

// waitKilled kills a process after so many steps, unless it kills itself.
func (w *world) waitKilled(cmd *exec.Cmd, out *bufio.Reader, task childTask, steps int) {
	w.t.Helper()
	for n := 0; task.At > 0 || n < steps; n++ {
		line, err := out.ReadString('\n')
		if err != nil {
			break // it is dead
		}
		if line != "step\n" {
			w.t.Errorf("%+v: the child says %s", task, line)
		}
	}
	_ = cmd.Process.Kill()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		w.t.Errorf("%+v: the child was not killed: %v", task, err)
	}
}

// checkCrash drains the outbox and compares files with rows. Servers take their
// time to notice that a process is gone, and to roll its transactions back.
func (w *world) checkCrash(when string) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		w.due()
		w.drain()
		s, err := w.box.Stats(w.t.Context())
		w.must(err)
		if s == (outbox.Stats{}) || time.Now().After(deadline) {
			break
		}
	}
	w.check(when)
}
