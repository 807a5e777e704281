package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// bucket is a storage that deletes many files in one call.
type bucket struct {
	afero.Fs
	max int

	mu    sync.Mutex
	calls [][]string
	fail  func(names []string) error
}

func (b *bucket) MaxRemove() int { return b.max }

func (b *bucket) RemoveMany(_ context.Context, names []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, names)
	if b.fail != nil {
		return b.fail(names)
	}
	for _, name := range names {
		if err := b.Fs.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (b *bucket) Remove(string) error {
	return errors.New("Remove of a storage with RemoveMany was called")
}

func newBucketWorld(t *testing.T, most, files int, options ...runtime.Option) (w *world, b *bucket, names []string) {
	t.Helper()
	w = newWorld(t, "")
	for i := range files {
		names = append(names, fmt.Sprintf("d%d/f%04d", i%7, i))
		w.write(names[i])
	}
	b = &bucket{Fs: w.files, max: most}
	return w.with(append([]runtime.Option{runtime.WithStorage("media", b)}, options...)...), b, names
}

func TestRemoveMany(t *testing.T) {
	w, storage, names := newBucketWorld(t, 1000, 2500)
	b := w.clean.Begin()
	remove(b, &doc{ID: 1, A: "missing", Gallery: names})
	report := w.commit(b)
	w.wantLeft("")
	if n := report.Count(runtime.Removed); n != 2501 {
		t.Errorf("%d removed", n)
	}
	var sizes []int
	for _, call := range storage.calls {
		sizes = append(sizes, len(call))
	}
	if !slices.Equal(sizes, []int{1000, 1000, 501}) {
		t.Errorf("calls of %v names", sizes)
	}
}

// TestRemoveManyFails: an error about some files concerns them alone, any other
// concerns all that were in the call.
func TestRemoveManyFails(t *testing.T) {
	for name, test := range map[string]struct {
		fail   func(names []string) error
		failed int
	}{
		"some": {func(names []string) error {
			return fmt.Errorf("bucket: %w", &storage.RemoveManyError{Failed: map[string]error{names[1]: errDown}})
		}, 3},
		"all":   {func([]string) error { return errDown }, 12},
		"panic": {func([]string) error { panic(errDown) }, 12},
	} {
		t.Run(name, func(t *testing.T) {
			w, storage, names := newBucketWorld(t, 4, 12)
			storage.fail = test.fail
			b := w.clean.Begin()
			remove(b, &doc{ID: 1, Gallery: names})
			report := w.commit(b)
			if report.Count(runtime.Failed) != test.failed || report.Count(runtime.Removed) != 12-test.failed {
				t.Errorf("report: %v", report)
			}
			for _, f := range report.Files {
				if f.Status == runtime.Failed && !errors.Is(f.Err, errDown) {
					t.Errorf("error: %v", f.Err)
				}
			}
		})
	}
}

// TestWorkers: no more calls of storages at once than the user allows, over all
// batches, and as many as that.
func TestWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, batches, files = 5, 20, 50
		var now, most, total atomic.Int64
		w := newWorld(t, "")
		w.with(runtime.WithWorkers(limit), runtime.WithTimeout(time.Hour), runtime.WithStorage("media", removeFs{w.files, func() {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			total.Add(1)
			time.Sleep(time.Second)
		}}))
		var all sync.WaitGroup
		begun := time.Now()
		for i := range batches {
			var names []string
			for j := range files {
				names = append(names, fmt.Sprintf("f%d-%d", i, j))
				w.write(names[j])
			}
			all.Go(func() {
				b := w.clean.Begin()
				remove(b, &doc{ID: i + 1, Gallery: names})
				w.commit(b)
			})
		}
		all.Wait()
		w.wantLeft("")
		if most.Load() != limit || total.Load() != batches*files {
			t.Errorf("%d calls, %d at once", total.Load(), most.Load())
		}
		if took := time.Since(begun); took > batches*files/limit*time.Second*11/10 { // of synctest's clock
			t.Errorf("took %v", took)
		}
	})
}

// A storage that hangs takes no other's turn.
func TestHangingStorage(t *testing.T) {
	called, hangs := make(chan struct{}), make(chan struct{})
	w := newWorld(t, "p q")
	stuck := removeFs{w.files, func() { called <- struct{}{}; <-hangs }}
	w = w.with(runtime.WithStorage("stuck", stuck), runtime.WithStorage("media", w.files), runtime.WithTimeout(time.Second))
	remove := func(ref runtime.Ref) runtime.Result {
		return w.clean.Delete(context.Background(), []runtime.Result{{Ref: ref}}, func(runtime.Result) bool { return true })[0]
	}
	done := make(chan runtime.Result)
	go func() { done <- remove(runtime.Ref{Storage: "stuck", Name: "q"}) }()
	<-called
	if r := remove(media("p")); r.Status != runtime.Removed {
		t.Errorf("%+v", r)
	}
	close(hangs)
	if r := <-done; r.Status != runtime.Removed {
		t.Errorf("%+v", r)
	}
	w.wantLeft("")
}

// removeFs calls a function before each Remove.
type removeFs struct {
	afero.Fs
	before func()
}

func (r removeFs) Remove(name string) error {
	r.before()
	return r.Fs.Remove(name)
}

// TestManyDirectories: files are found again in the directories that are opened
// for them, and a directory that is not there any more is no trouble.
func TestManyDirectories(t *testing.T) {
	files, path := newDir(t)
	w := (&world{t: t, files: files}).with(runtime.WithStorage("media", files), runtime.WithWorkers(4))
	var names []string
	for i := range 300 {
		name := fmt.Sprintf("d%d/e%d/f%d", i%3, i%5, i)
		w.write(name)
		names = append(names, name)
		w.write(name + ".keep")
	}
	names = append(names, "gone/a", "gone/b", "q/below", "q/below2")
	outside := filepath.Join(filepath.Dir(path), "outside")
	if err := os.Symlink(outside, filepath.Join(path, "link")); err == nil {
		names = append(names, "link/victim", "link/victim2")
	}
	b := w.clean.Begin()
	remove(b, &doc{ID: 1, Gallery: names})
	report := w.commit(b)
	if n := report.Count(runtime.Removed); n != 300 {
		t.Errorf("%d removed: %v", n, report)
	}
	for _, name := range names[300:] {
		got, _ := report.Of(media(name))
		want := runtime.Failed
		if strings.HasPrefix(name, "gone/") {
			want = runtime.Missing
		}
		if got.Status != want {
			t.Errorf("%v", got)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "victim")); err != nil {
		t.Error(err)
	}
	if n := strings.Count(w.left(), ".keep"); n != 300 {
		t.Errorf("%d of the 300 others are left", n)
	}
}
