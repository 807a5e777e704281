package random_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

const childVariable = "FILECLEANGEN_RANDOM_CHILD"

// childTask says what the process does.
type childTask struct {
	Dialect   references.Dialect
	DSN, Root string
	Seed      uint64
	Stream    uint64
	At        int64 // the step at which it kills itself; or 0
}

// startChild starts a process with a relay that plays beside the program. kill ends it, if
// it did not do so itself: between statements, or right before or after a call of a storage.
func (l *lane) startChild(stream uint64) (kill func()) {
	l.t.Helper()
	task := childTask{Dialect: l.d, DSN: l.dsn, Root: l.root, Seed: l.seed, Stream: stream}
	if l.random.IntN(2) == 0 {
		task.At = 1 + l.random.Int64N(60)
	}
	text, err := json.Marshal(task)
	l.must(err)
	cmd := exec.CommandContext(l.t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	l.must(err)
	l.must(cmd.Start())
	out := bufio.NewReader(pipe)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		l.t.Errorf("the child says %s, %v", line, err)
	}
	wait := time.Duration(l.random.IntN(40)) * time.Millisecond
	return func() {
		l.t.Helper()
		if task.At == 0 {
			time.Sleep(wait)
			_ = cmd.Process.Kill()
		}
		said, _ := io.ReadAll(out)
		if said := strings.ReplaceAll(string(said), "step\n", ""); said != "" {
			l.t.Errorf("the child says %s", said)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
			l.t.Errorf("the child was not killed: %v", err)
		}
	}
}

// TestChild is the process that another test starts.
func TestChild(t *testing.T) {
	text := os.Getenv(childVariable)
	if text == "" {
		t.Skip("another test runs it")
	}
	var task childTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	var steps atomic.Int64
	step := func() {
		if steps.Add(1) == task.At {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	}
	w := &world{t: t, d: task.Dialect, dsn: task.DSN, root: task.Root}
	w.openFiles()
	w.own.SetMaxOpenConns(2) // to connect is what takes longest
	w.open(func(fs afero.Fs) afero.Fs { return &steppedFs{fs, step} })
	relay := w.newRelay(outbox.WithPoll(2 * time.Millisecond))
	fmt.Println("ready")
	for n := range uint64(2) {
		go func() {
			p := w.newPlayer()
			p.at = step
			for turn := n; ; turn += 2 {
				p.restart(rand.New(rand.NewPCG(task.Seed^turn<<32, task.Stream)))
				if err := p.turn(context.Background()); err != nil {
					fmt.Println("failed:", err)
					os.Exit(1)
				}
			}
		}()
	}
	w.must(relay.Run(context.Background()))
}

// steppedFs calls a function before and after each call that changes something.
type steppedFs struct {
	afero.Fs
	step func()
}

func (s *steppedFs) Remove(name string) error {
	s.step()
	defer s.step()
	return s.Fs.Remove(name)
}

func (s *steppedFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	s.step()
	defer s.step()
	return s.Fs.OpenFile(name, flag, perm)
}
