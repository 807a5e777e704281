package deletion

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

// TestRetryOfDerived: a derived file waits for its file, and then for itself.
func TestRetryOfDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := map[string]int{"p": 1, "t": 2}
		d := newDisk(func(name string) error {
			if failures[name]--; failures[name] >= 0 {
				return errDown
			}
			return nil
		}, "p", "t")
		b := newBench(d, retrying(9))
		if got := b.delete("t<p", "p"); got != "t waiting, p waiting" {
			t.Error(got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		want := "t 2 waiting, p 2 removed, t 3 waiting, t 4 removed"
		if got := strings.Join(b.retried, ", "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// TestRetryEnds: what fails for good is not tried for ever, and what is named by then, or
// can't pass, not again.
func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(newDisk(func(name string) error {
			switch name {
			case "unsupported":
				return fmt.Errorf("storage: %w", errors.ErrUnsupported)
			case "invalid":
				return fs.ErrInvalid
			}
			return errDown
		}, "p", "named", "unsupported", "invalid"), retrying(3))
		want := "p waiting, named waiting, unsupported failed, invalid failed"
		if got := b.delete("p", "named", "unsupported", "invalid"); got != want {
			t.Error(got)
		}
		if n := b.Waiting(); n != 2 {
			t.Errorf("%d wait", n)
		}
		b.named("named")
		time.Sleep(time.Hour)
		synctest.Wait()
		want = "p 2 waiting, named 2 kept, p 3 failed"
		if got := strings.Join(b.retried, ", "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if n := b.Waiting() + len(b.registry.Pending()); n > 0 || b.asked != 3 {
			t.Errorf("%d are left; asked %d times", n, b.asked)
		}
	})
}

func TestWait(t *testing.T) {
	r := Retry{First: time.Second, Longest: time.Minute}
	for tries, longest := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 7: time.Minute, 10_000: time.Minute} {
		for range 100 {
			if d := r.wait(tries); d < longest/2 || d > longest {
				t.Errorf("%d tries: %v", tries, d)
			}
		}
	}
	if d := (Retry{}).wait(3); d != 0 {
		t.Error(d)
	}
}

// TestQueueIsFull: during a long outage memory does not grow without end.
func TestQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(&bucket{Fs: afero.NewMemMapFs(), max: 1000, fail: func([]string) error { return errDown }}, retrying(2))
		names := make([]string, MaxWaiting)
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
		files, p := b.plan(names...)
		b.Delete(t.Context(), p)
		if n := b.Waiting(); n != MaxWaiting || files[0].State != Waiting {
			t.Errorf("%d wait", n)
		}
		if got := b.delete("p"); got != "p failed" {
			t.Error(got)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(b.registry.Pending()); n > 0 {
			t.Errorf("%d are pending", n)
		}
	})
}

// TestQueues: a storage that takes long does not hold up what waits for another.
func TestQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := func(wait time.Duration) func(string) error {
			first := true
			return func(string) error {
				if first {
					first = false
					return errDown
				}
				time.Sleep(wait)
				return nil
			}
		}
		slow, fast := newDisk(fails(50*time.Second), "p"), newDisk(fails(0), "p")
		b := newBench(nil, func(c *Config) {
			retrying(2)(c)
			c.Stores = map[string]*Store{"slow": NewStore(slow), "fast": NewStore(fast)}
		})
		one, two := &File{Ref: storage.Ref{Storage: "slow", Name: "p"}}, &File{Ref: storage.Ref{Storage: "fast", Name: "p"}}
		b.Delete(t.Context(), NewPlan([]*File{one, two}, b.registry.Enter(registry.Refs{one.Ref: {}, two.Ref: {}})))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := b.Waiting(); n != 0 || slow.diary() != "" || fast.diary() != "p" {
			t.Errorf("%d wait, removed %q and %q", n, slow.diary(), fast.diary())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
	})
}

// TestTimeout: what there was no time for goes in the background.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(func(string) error { time.Sleep(40 * time.Second); return nil }, "a", "b", "c")
		b := newBench(d, retrying(5))
		begun := time.Now()
		if got := b.delete("a", "b", "c"); got != "a removed, b removed, c waiting" {
			t.Error(got)
		}
		if took := time.Since(begun); took != 80*time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := d.diary(); got != "a b c" {
			t.Error(got)
		}
	})
}

// TestHangingCalls: of one file no more than two calls hang, and others are made.
func TestHangingCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		var calls atomic.Int64
		b := newBench(newDisk(func(name string) error {
			if name == "stuck" {
				calls.Add(1)
				<-answer
			}
			return nil
		}, "stuck", "p", "q"), retrying(20))
		begun := time.Now()
		files, p := b.plan("stuck", "p")
		b.Delete(t.Context(), p)
		if got := states(files); got != "stuck waiting, p waiting" {
			t.Error(got)
		}
		if !errors.Is(files[0].Err, ErrHangs) || time.Since(begun) != 2*time.Minute {
			t.Errorf("%v after %v", files[0].Err, time.Since(begun))
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := calls.Load(); n != mostHanging {
			t.Errorf("%d calls", n)
		}
		if got := b.delete("q"); got != "q removed" {
			t.Error(got)
		}
		close(answer)
		synctest.Wait()
		if n := len(b.registry.Pending()); n > 0 {
			t.Errorf("%d are pending", n)
		}
	})
}

// TestClose: what waits gets its last attempt at once, and what fails is told of.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := map[string]int{}
		b := newBench(newDisk(func(name string) error {
			if attempts[name]++; name == "a" && attempts[name] > 1 {
				return nil
			}
			return errDown
		}, "a", "b", "c"), retrying(5))
		if got := b.delete("a", "b"); got != "a waiting, b waiting" {
			t.Error(got)
		}
		begun := time.Now()
		if err := b.Close(t.Context()); err != nil || time.Since(begun) != 0 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if got := strings.Join(b.retried, ", "); got != "a 2 removed, b 2 failed" {
			t.Error(got)
		}
		if got := b.delete("c"); got != "c failed" { // after Close
			t.Error(got)
		}
		if got := b.Failed(); len(got) != 2 || got[0].Name != "b" || got[1].Name != "c" {
			t.Errorf("%v", got)
		}
	})
}

// TestCloseDuringOutage: with no time left, nothing more is tried.
func TestCloseDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		d := newDisk(func(string) error { calls.Add(1); time.Sleep(time.Second); return errDown })
		var names []string
		for i := range 50 {
			names = append(names, fmt.Sprint("f", i))
			_ = afero.WriteFile(d.Fs, names[i], nil, 0o644)
		}
		b := newBench(d, retrying(5))
		b.delete(names...)
		calls.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n := len(b.registry.Pending()); n != 50 {
			t.Errorf("%d are pending", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := calls.Load(); n == 0 || n > 25 { // the chunk that is under way goes on
			t.Errorf("%d calls", n)
		}
		if n := len(b.registry.Pending()); n > 0 {
			t.Errorf("%d are pending", n)
		}
	})
}
