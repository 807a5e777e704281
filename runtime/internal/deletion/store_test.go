package deletion

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// TestWorkers: no more calls of a storage at once than there are workers, over all plans,
// and as many as that.
func TestWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, plans, files = 5, 20, 50
		var now, most, total atomic.Int64
		d := newDisk(func(string) error {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			total.Add(1)
			time.Sleep(time.Second)
			return nil
		})
		b := newBench(d, func(c *Config) { c.Workers, c.Timeout = limit, time.Hour })
		var all sync.WaitGroup
		begun := time.Now()
		for i := range plans {
			var names []string
			for j := range files {
				names = append(names, fmt.Sprintf("f%d-%d", i, j))
				_ = afero.WriteFile(d.Fs, names[j], nil, 0o644)
			}
			all.Go(func() { b.delete(names...) })
		}
		all.Wait()
		if most.Load() != limit || total.Load() != plans*files || len(d.removed) != plans*files {
			t.Errorf("%d calls, %d at once", total.Load(), most.Load())
		}
		if took := time.Since(begun); took > plans*files/limit*time.Second*11/10 {
			t.Errorf("took %v", took)
		}
	})
}

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

func newBucket(most, n int) (b *bucket, names []string) {
	b = &bucket{Fs: afero.NewMemMapFs(), max: most}
	for i := range n {
		names = append(names, fmt.Sprintf("d%d/f%04d", i%7, i))
		_ = afero.WriteFile(b.Fs, names[i], nil, 0o644)
	}
	return b, names
}

func TestRemoveMany(t *testing.T) {
	for most, want := range map[int][]int{1000: {1000, 1000, 501}, 0: {1000, 1000, 501}, 2501: {2501}} {
		d, names := newBucket(most, 2500)
		b := newBench(d, nil)
		got := b.delete(append([]string{"missing"}, names...)...)
		if n := strings.Count(got, "removed"); n != 2501 {
			t.Errorf("%d removed", n)
		}
		var sizes []int
		for _, call := range d.calls {
			sizes = append(sizes, len(call))
		}
		if !slices.Equal(sizes, want) {
			t.Errorf("at most %d: calls of %v names", most, sizes)
		}
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
			d, names := newBucket(4, 12)
			d.fail = test.fail
			b := newBench(d, nil)
			files, p := b.plan(names...)
			b.Delete(t.Context(), p)
			failed := 0
			for _, f := range files {
				if f.State == Failed {
					failed++
					if !errors.Is(f.Err, errDown) {
						t.Errorf("error: %v", f.Err)
					}
				} else if f.State != Removed {
					t.Errorf("%s: %s", f.Ref, words[f.State])
				}
			}
			if failed != test.failed {
				t.Errorf("%d failed", failed)
			}
		})
	}
}

// TestChunks: what is deleted in one go is in one storage, in a directory of the local
// disk in one directory, and no more than leaves work for all.
func TestChunks(t *testing.T) {
	dir, err := storage.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	bucket, _ := newBucket(100, 0)
	b := newBench(nil, func(c *Config) {
		c.Workers = 2
		c.Stores = map[string]*Store{"mem": NewStore(afero.NewMemMapFs()), "dir": NewStore(dir), "bucket": NewStore(bucket)}
	})
	var files []*File
	for i := range 120 {
		for _, s := range []string{"mem", "dir", "bucket"} {
			files = append(files, &File{Ref: storage.Ref{Storage: s, Name: fmt.Sprintf("d%d/f%d", i%3, i)}})
		}
	}
	largest, seen := map[string]int{}, 0
	for _, c := range b.chunks(files) {
		first := c.files[0].Ref
		largest[first.Storage] = max(largest[first.Storage], len(c.files))
		for _, f := range c.files {
			if seen++; f.Ref.Storage != first.Storage || c.store != b.Stores[first.Storage] || first.Storage == "dir" && f.Ref.Name[:2] != first.Name[:2] {
				t.Errorf("%s beside %s", f.Ref, first)
			}
		}
	}
	if seen != len(files) || largest["mem"] != 45 || largest["dir"] != 40 || largest["bucket"] != 100 {
		t.Errorf("%d files, chunks of %v", seen, largest)
	}
}

// TestPrune: directories go that became empty by a removal, if a file wants it, and the
// root never does.
func TestPrune(t *testing.T) {
	d := newDisk(nil, "a/b/c/p", "a/other", "d/p", "d/q", "e/p", "p", "f/gone/x")
	b := newBench(d, nil)
	_ = d.Fs.Remove("f/gone/x")
	files, plan := b.plan("a/b/c/p", "d/p", "e/p", "p", "f/gone/y")
	for _, f := range files {
		f.Prune = f.Ref.Name != "e/p"
	}
	b.Delete(t.Context(), plan)
	for dir, want := range map[string]bool{"a": true, "a/b": false, "d": true, "e": true, "f/gone": true} {
		if got, err := afero.DirExists(d.Fs, dir); got != want || err != nil {
			t.Errorf("%s: %t, %v", dir, got, err)
		}
	}
	if slices.Contains(d.removed, ".") || slices.Contains(d.removed, "") {
		t.Errorf("removed %q", d.removed)
	}
}
