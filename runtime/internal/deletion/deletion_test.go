package deletion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

var errDown = errors.New("503 slow down")

// disk is a storage that keeps a diary, and whose Remove does first what it is told.
type disk struct {
	afero.Fs
	before func(name string) error

	mu      sync.Mutex
	removed []string
}

func newDisk(before func(name string) error, names ...string) *disk {
	d := &disk{Fs: afero.NewMemMapFs(), before: before}
	for _, name := range names {
		_ = afero.WriteFile(d.Fs, name, nil, 0o644)
	}
	return d
}

func (d *disk) Remove(name string) error {
	if d.before != nil {
		if err := d.before(name); err != nil {
			return err
		}
	}
	err := d.Fs.Remove(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removed = append(d.removed, name)
	return err
}

// diary returns the names that were removed.
func (d *disk) diary() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.removed, " ")
}

// bench is a deleter, and what it says.
type bench struct {
	*Deleter
	registry *registry.Registry

	mu      sync.Mutex
	retried []string
	keep    map[string]bool // what a row names
	asked   int
}

// newBench makes a deleter for a storage "". Time is synctest's.
func newBench(files afero.Fs, change func(*Config)) *bench {
	b := &bench{registry: registry.New(), keep: map[string]bool{}}
	c := Config{
		Stores: map[string]*Store{"": NewStore(files)}, Registry: b.registry, Workers: 1, Timeout: time.Minute,
		Retry:  Retry{Attempts: 1},
		Detach: func(tag any) any { return tag },
		Ask: func(_ context.Context, files []*File) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.asked++
			for _, f := range files {
				if f.State == Undecided && b.keep[f.Ref.Name] {
					f.State = Kept
				}
			}
		},
		Before: func(context.Context, *File) error { return nil },
		After:  func(context.Context, *File) {},
		Retried: func(_ context.Context, files []*File, attempts int) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, f := range files {
				b.retried = append(b.retried, fmt.Sprint(f.Ref.Name, " ", attempts, " ", words[f.State]))
			}
		},
	}
	if change != nil {
		change(&c)
	}
	b.Deleter = New(c)
	return b
}

var words = map[State]string{Undecided: "undecided", Removed: "removed", Missing: "missing", Kept: "kept", Failed: "failed", Waiting: "waiting"}

func retrying(attempts int) func(*Config) {
	return func(c *Config) { c.Retry = Retry{Attempts: attempts, First: time.Second, Longest: time.Minute} }
}

// named says that a row names a file.
func (b *bench) named(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep[name] = true
}

// file is "p", or "thumb<p" for one that goes with p.
func file(words string) *File {
	name, from, _ := strings.Cut(words, "<")
	return &File{Ref: storage.Ref{Name: name}, DerivedFrom: from}
}

// plan makes a plan of files, as a batch does.
func (b *bench) plan(names ...string) ([]*File, *Plan) {
	var files []*File
	set := registry.Refs{}
	for _, name := range names {
		f := file(name)
		files, set[f.Ref] = append(files, f), struct{}{}
	}
	return files, NewPlan(files, b.registry.Enter(set))
}

// delete deletes files, and says what became of each.
func (b *bench) delete(names ...string) string {
	files, p := b.plan(names...)
	b.Delete(context.Background(), p)
	return states(files)
}

func states(files []*File) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Ref.Name+" "+words[f.State])
	}
	return strings.Join(all, ", ")
}

func TestDelete(t *testing.T) {
	b := newBench(newDisk(func(name string) error {
		switch name {
		case "broken":
			return errDown
		case "panics":
			panic(errDown)
		}
		return nil
	}, "p", "broken", "panics", "named", "dir/file"), nil)
	b.named("named")
	want := "p removed, broken failed, panics failed, named kept, gone missing, dir kept"
	if got := b.delete("p", "broken", "panics", "named", "gone", "dir"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if n := len(b.registry.Pending()); n > 0 {
		t.Errorf("%d are pending", n)
	}
}

// TestMentioned: what a batch came to mention before it was its turn stays, also in a
// later attempt.
func TestMentioned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		b := newBench(newDisk(func(string) error {
			if down {
				return errDown
			}
			return nil
		}, "p", "q"), retrying(5))
		mention := func(name string) {
			id := b.registry.Open(func(registry.Refs, registry.Refs) {})
			b.registry.Mention(id, func(mention func(storage.Ref, bool)) { mention(storage.Ref{Name: name}, true) })
			b.registry.Close(id)
		}
		files, p := b.plan("p", "q")
		mention("p")
		b.Delete(context.Background(), p)
		if got := states(files); got != "p kept, q waiting" || files[0].Why != Mentioned {
			t.Error(got)
		}
		synctest.Wait()
		mention("q")
		down = false
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Join(b.retried, ", "); got != "q 2 kept" {
			t.Error(got)
		}
		if n := len(b.registry.Pending()); n > 0 {
			t.Errorf("%d are pending", n)
		}
	})
}

// TestDerived files go after theirs, and only if these have gone.
func TestDerived(t *testing.T) {
	for name, test := range map[string]struct {
		plan    []string
		want    string
		removed string
	}{
		"after it":             {[]string{"t<p", "p"}, "t removed, p removed", "p t"},
		"of a missing file":    {[]string{"t<gone", "gone"}, "t removed, gone missing", "t"},
		"of one that is named": {[]string{"named", "t<named"}, "named kept, t kept", ""},
		"of one that fails":    {[]string{"broken", "t<broken"}, "broken failed, t kept", ""},
		"of one that moved":    {[]string{"t<p"}, "t kept", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(func(name string) error {
				if name == "broken" {
					return errDown
				}
				return nil
			}, "p", "t", "named", "broken")
			b := newBench(d, nil)
			b.named("named")
			if got := b.delete(test.plan...); got != test.want {
				t.Error(got)
			}
			if got := d.diary(); got != test.removed {
				t.Errorf("removed %s", got)
			}
		})
	}
}

// TestOnce: nothing is tried again.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(newDisk(func(name string) error {
			if name == "broken" {
				return errDown
			}
			time.Sleep(40 * time.Second)
			return nil
		}, "broken", "a", "b", "c"), retrying(5))
		files, p := b.plan("broken", "a", "b", "c")
		b.Once(t.Context(), p)
		if got := states(files); got != "broken failed, a removed, b removed, c failed" || !errors.Is(files[3].Err, ErrNoTime) {
			t.Errorf("%s, %v", got, files[3].Err)
		}
		if n := b.Waiting() + len(b.registry.Pending()); n > 0 || b.asked != 0 {
			t.Errorf("%d are left; asked %d times", n, b.asked)
		}
		files, p = b.plan("c")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if b.Once(cancelled, p); states(files) != "c failed" {
			t.Error(states(files))
		}
	})
}
