//go:build unix

package outbox_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

const leaseOfStopped = time.Second

// A process is stopped while it deletes files, for longer than its lease. Another one
// takes over. When the first goes on it removes no file but the one that it had begun
// with, and nobody has got the name of that.
func TestStoppedForLongerThanLease(t *testing.T) {
	for _, stop := range []string{"claimed", "before", "after"} {
		t.Run(stop, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				w := letGo(t, d, settings{}, "a", "b", "c")
				w.stopChild(stop)
			})
		})
	}
}

func (w *world) stopChild(stop string) {
	w.t.Helper()
	cmd, in, out := w.child(childTask{Do: "stop", Stop: stop})
	var status syscall.WaitStatus
	_, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	if err != nil || !status.Stopped() {
		w.t.Fatalf("the child did not stop: %v, %v", status, err)
	}
	stopped := time.Now()
	w.due()
	w.drain()
	w.want("")
	up, err := w.box.Create(w.t.Context(), "media", "a")
	w.must(err)
	w.must(up.Close())
	w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 2, Cover: up.Name()}) })
	w.write("b", "c") // whoever has made them
	time.Sleep(leaseOfStopped + 500*time.Millisecond - time.Since(stopped))
	w.must(cmd.Process.Signal(syscall.SIGCONT))
	_, err = in.Write([]byte("\n"))
	w.must(err)
	removed := w.readRemovals(out)
	if err := cmd.Wait(); err != nil {
		w.t.Error(err)
	}
	want := map[string]int{"claimed": 0, "before": 1, "after": 1}[stop]
	if removed != want {
		w.t.Errorf("stopped %s: the child removed %d files, want %d", stop, removed, want)
	}
	if _, err := w.dir.Stat(up.Name()); err != nil {
		w.t.Errorf("stopped %s: LOST: %v", stop, err)
	}
	w.due()
	w.drain()
	w.wantStats(0, 0)
}

// readRemovals returns how many files a child says that it removes.
func (w *world) readRemovals(out *bufio.Reader) (n int) {
	w.t.Helper()
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			return n
		}
		if strings.HasPrefix(line, "removes ") {
			n++
		}
	}
}

// stopOnce drains the outbox, and stops once: when a claim is committed, or before or
// after it removes a file.
func stopOnce(w *world, task childTask) {
	stopped := false
	stop := func(where string) {
		if where == task.Stop && !stopped {
			stopped = true
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // other threads may have gone on for a moment
		}
	}
	with := settings{
		wrap:    func(fs afero.Fs) afero.Fs { return &stoppingFs{fs, stop} },
		cleaner: []runtime.Option{runtime.WithTimeout(leaseOfStopped / 2), runtime.WithWorkers(1)},
		relay:   []outbox.RelayOption{outbox.WithLease(leaseOfStopped), outbox.WithChunk(100)},
	}
	w.openFiles()
	w.must(w.own.Close())
	claims := false
	w.own = w.tapped(func(query string) *fault {
		claims = claims || strings.Contains(query, "attempts = attempts + 1")
		if query == "COMMIT" && claims {
			claims = false
			return &fault{after: true, then: func() { stop("claimed") }}
		}
		return nil
	})
	w.open(with)
	w.makeRelay(with)
	_, err := w.relay.Drain(context.Background())
	w.must(err)
}

type stoppingFs struct {
	afero.Fs
	stop func(string)
}

func (s *stoppingFs) Remove(name string) error {
	fmt.Println("removes", name)
	s.stop("before")
	err := s.Fs.Remove(name)
	s.stop("after")
	return err
}
