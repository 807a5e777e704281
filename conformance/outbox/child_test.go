package outbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// childTask is what a process does that a test starts, in the world of the test.
type childTask struct {
	Dialect   references.Dialect
	DSN, Root string
	Do        string // "play", "drain", "die" or "stop"

	Seed uint64 // of what it plays
	At   int64  // at which point it kills itself; 0: never
	Name string // the file whose removal it dies of
	Stop string // where it stops
}

const childVariable = "FILECLEANGEN_CHILD"

// child starts a process. What it prints can be read, and it reads what is written.
func (w *world) child(task childTask) (cmd *exec.Cmd, in io.WriteCloser, out *bufio.Reader) {
	w.t.Helper()
	task.Dialect, task.DSN, task.Root = w.d, w.dsn, w.root
	text, err := json.Marshal(task)
	w.must(err)
	cmd = exec.CommandContext(w.t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err = cmd.StdinPipe()
	w.must(err)
	pipe, err := cmd.StdoutPipe()
	w.must(err)
	w.must(cmd.Start())
	return cmd, in, bufio.NewReader(pipe)
}

// TestChild is the process that other tests start.
func TestChild(t *testing.T) {
	text := os.Getenv(childVariable)
	if text == "" {
		t.Skip("other tests run it")
	}
	var task childTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, d: task.Dialect, dsn: task.DSN, root: task.Root}
	switch task.Do {
	case "play":
		playForEver(w, task)
	case "drain":
		drainOnce(w)
	case "die":
		dieOnce(w, task)
	case "stop":
		stopOnce(w, task)
	}
}

// playForEver runs transactions and a relay until the process is killed.
func playForEver(w *world, task childTask) {
	var points atomic.Int64
	point := func() {
		if points.Add(1) == task.At {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	}
	with := settings{
		wrap:  func(fs afero.Fs) afero.Fs { return &pointFs{fs, point} },
		relay: []outbox.RelayOption{outbox.WithPoll(time.Millisecond)},
	}
	if task.Seed%3 == 0 { // as it is, with its directories grouped
		with.wrap = nil
	}
	w.openFiles()
	w.open(with)
	w.makeRelay(with)
	for g := range uint64(2) {
		go func() {
			p := newPlayer(w, task.Seed<<1|g)
			p.fair, p.at = true, point
			for {
				if err := p.play(context.Background()); err != nil {
					fmt.Println("failed:", err)
					os.Exit(1)
				}
				fmt.Println("step")
			}
		}()
	}
	w.must(w.relay.Run(context.Background()))
}

// pointFs calls a function before and after each call that changes something.
type pointFs struct {
	afero.Fs
	point func()
}

func (p *pointFs) Remove(name string) error {
	p.point()
	defer p.point()
	return p.Fs.Remove(name)
}

func (p *pointFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	p.point()
	defer p.point()
	return p.Fs.OpenFile(name, flag, perm)
}

// drainOnce drains the outbox when it is told to, and prints what it removed.
func drainOnce(w *world) {
	out := bufio.NewWriter(os.Stdout)
	removed := make(chan string)
	with := settings{
		wrap:  func(fs afero.Fs) afero.Fs { return &tellFs{fs, removed} },
		relay: []outbox.RelayOption{outbox.WithChunk(100)},
	}
	w.openFiles()
	w.open(with)
	w.makeRelay(with)
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	done := make(chan error)
	go func() {
		_, err := w.relay.Drain(context.Background())
		close(removed)
		done <- err
	}()
	for name := range removed {
		fmt.Fprintln(out, name)
	}
	w.must(<-done)
	w.must(out.Flush())
	os.Exit(0)
}

// tellFs tells of each file that it is told to remove.
type tellFs struct {
	afero.Fs
	removed chan<- string
}

func (f *tellFs) Remove(name string) error {
	f.removed <- name
	return f.Fs.Remove(name)
}
