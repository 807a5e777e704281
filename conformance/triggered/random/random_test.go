package random_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// TestRandomPrograms runs random SQL on the same few rows, in several sessions at once,
// beside relays and beside processes that are killed. After each program every file that a
// row names must be there, and none that no row names. Each lane has a database of its own:
// programs mostly wait for each other's transactions, and lanes don't.
func TestRandomPrograms(t *testing.T) {
	seed := uint64(number(t, "FILECLEANGEN_SEED", 1))
	programs := number(t, "FILECLEANGEN_PROGRAMS", 8)
	lanes := min(number(t, "FILECLEANGEN_LANES", 3), 1+programs/25)
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		did, mu := map[string]int{}, sync.Mutex{}
		t.Cleanup(func() {
			for _, what := range slices.Sorted(maps.Keys(did)) {
				t.Log(what, did[what])
			}
		})
		for lane := range lanes {
			t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
				t.Parallel()
				l := newLane(t, d, seed, uint64(lane))
				l.run((programs + lane) / lanes)
				mu.Lock()
				defer mu.Unlock()
				for _, p := range l.players {
					for what, n := range p.did {
						did[what] += n
					}
				}
				did["processes killed"] += l.killed
			})
		}
	})
}

// TestMain has databases and files in memory, where the system has room for such: it is
// processes that are killed here, not the machine.
func TestMain(m *testing.M) {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

func number(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lane is a world in which one program runs after the other.
type lane struct {
	*world
	seed, number uint64
	random       *rand.Rand
	players      []*player
	relays       []*outbox.Relay
	killed       int
}

func newLane(t *testing.T, d references.Dialect, seed, number uint64) *lane {
	t.Helper()
	l := &lane{world: newWorld(t, d, number), seed: seed, number: number}
	for range 4 {
		l.players = append(l.players, l.newPlayer())
	}
	l.relays = []*outbox.Relay{
		l.newRelay(outbox.WithPoll(20 * time.Millisecond)),
		l.newRelay(outbox.WithPoll(100*time.Millisecond), outbox.WithChunk(3)),
	}
	return l
}

// run runs so many programs. What the players do depends on the seed; where they run at the
// same time, not only on that.
func (l *lane) run(programs int) {
	l.t.Helper()
	for n := range uint64(programs) {
		stream := l.number<<48 | n<<8
		l.random = rand.New(rand.NewPCG(l.seed, stream|0xff))
		for i, p := range l.players {
			p.restart(rand.New(rand.NewPCG(l.seed, stream|uint64(i))))
		}
		l.logs.Reset()
		l.program(stream)
		l.check()
		if l.t.Failed() {
			l.t.Fatalf("seed %d, lane %d, program %d\n%s\n%s", l.seed, l.number, n, l.history(), l.logs)
		}
		if n%50 == 49 {
			l.forget(l.players)
		}
	}
}

// program has each player make some turns, beside relays, and now and then beside a process
// that is killed.
func (l *lane) program(stream uint64) {
	l.t.Helper()
	kill := func() {}
	if l.random.IntN(16) == 0 {
		kill = l.startChild(stream | 0xf0)
		l.killed++
	}
	ctx, stop := context.WithCancel(l.t.Context())
	var playing, relaying sync.WaitGroup
	for _, r := range l.relays {
		relaying.Go(func() {
			if err := r.Run(ctx); err != nil {
				l.t.Error(err)
			}
		})
	}
	for _, p := range l.players {
		playing.Go(func() {
			for range 2 {
				if err := p.turn(l.t.Context()); err != nil {
					l.t.Error(err)
				}
			}
		})
	}
	playing.Wait()
	kill()
	if l.random.IntN(4) > 0 {
		l.untilDone() // or relays are stopped in the middle of it, and have to connect anew
	}
	stop()
	relaying.Wait()
}

// history is what the players did in the last program.
func (l *lane) history() string {
	var all []string
	for i, p := range l.players {
		for _, line := range p.history {
			all = append(all, strings.Replace(line, " ", fmt.Sprintf(" %d: ", i), 1))
		}
	}
	slices.Sort(all) // by time
	return strings.Join(all, "\n")
}
