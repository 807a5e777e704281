package storagetest_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage/storagetest"
)

// liar is a storage with a fault.
type liar struct {
	afero.Fs
	name       func(string) string
	remove     func(fs afero.Fs, name string) error
	stat       func(fs afero.Fs, name string) (os.FileInfo, error)
	flags      int // not passed on
	removeMany func(fs afero.Fs, names []string) error
}

func (l *liar) of(name string) string {
	if l.name == nil {
		return name
	}
	return l.name(name)
}

func (l *liar) Remove(name string) error {
	if l.remove != nil {
		return l.remove(l.Fs, name)
	}
	return l.Fs.Remove(l.of(name))
}

func (l *liar) Stat(name string) (os.FileInfo, error) {
	if l.stat != nil {
		return l.stat(l.Fs, name)
	}
	return l.Fs.Stat(l.of(name))
}

func (l *liar) Open(name string) (afero.File, error) { return l.Fs.Open(l.of(name)) }

func (l *liar) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	return l.Fs.OpenFile(l.of(name), flag&^l.flags, perm)
}

func (l *liar) Rename(from, to string) error { return l.Fs.Rename(l.of(from), l.of(to)) }

// manyLiar is one with RemoveMany.
type manyLiar struct{ *liar }

func (manyLiar) MaxRemove() int { return 3 }

func (l manyLiar) RemoveMany(_ context.Context, names []string) error {
	return l.removeMany(l.Fs, names)
}

// racy is a storage that looks first and creates then. Two always look before
// one creates.
type racy struct {
	afero.Fs
	mu    sync.Mutex
	first map[string]chan struct{} // of who looked and waits
}

func (r *racy) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	if _, err := r.Stat(name); err == nil {
		return nil, fs.ErrExist
	}
	if strings.Contains(name, "/race/") && !strings.HasSuffix(name, "exclusive") {
		r.mu.Lock()
		wait := r.first[name]
		if wait == nil {
			wait = make(chan struct{})
			r.first[name] = wait
			r.mu.Unlock()
			<-wait
		} else {
			select {
			case <-wait:
			default:
				close(wait)
			}
			r.mu.Unlock()
		}
	}
	return r.Fs.OpenFile(name, flag&^os.O_EXCL, perm)
}

// TestLiars: each fault is found, and nothing else.
func TestLiars(t *testing.T) {
	errOwn := errors.New("NoSuchKey")
	removeAll := func(fs afero.Fs, names []string) error {
		for _, name := range names {
			_ = fs.Remove(name)
		}
		return nil
	}
	for name, test := range map[string]struct {
		storage afero.Fs
		verdict storagetest.Verdict
		check   string
	}{
		"removes nothing": {
			&liar{remove: func(afero.Fs, string) error { return nil }},
			storagetest.Leaks, "a file can be created (O_EXCL), read and removed",
		},
		"has its own error for missing files": {
			&liar{stat: func(fs afero.Fs, name string) (os.FileInfo, error) {
				info, err := fs.Stat(name)
				if err != nil && strings.HasSuffix(name, "not") {
					return nil, errOwn
				}
				return info, err
			}},
			storagetest.Leaks, "a missing file is fs.ErrNotExist",
		},
		"removes by prefix": {
			&liar{remove: func(fs afero.Fs, name string) error {
				if strings.HasSuffix(name, "near/one") {
					_ = fs.Remove(name + "two")
				}
				return fs.Remove(name)
			}},
			storagetest.Unsafe, "Remove removes no other file",
		},
		"ignores case": {
			&liar{name: strings.ToLower},
			storagetest.Unsafe, "names that differ are different files",
		},
		"can't remove names with a plus": {
			&liar{remove: func(fs afero.Fs, name string) error {
				if strings.Contains(name, "+") {
					return nil
				}
				return fs.Remove(name)
			}},
			storagetest.Leaks, "unusual names work",
		},
		"takes directories for files": {
			&liar{stat: func(fs afero.Fs, name string) (os.FileInfo, error) {
				if strings.HasSuffix(name, "/dir") {
					name += "/file"
				}
				return fs.Stat(name)
			}},
			storagetest.Unsafe, "a directory is seen to be one",
		},
		"knows no O_EXCL": {&liar{flags: os.O_EXCL}, storagetest.Note, "a file that exists is not created again (O_EXCL)"},
		"looks first":     {&racy{Fs: afero.NewMemMapFs(), first: map[string]chan struct{}{}}, storagetest.Unsafe, "of several who create a file one does"},
		"removes some of many": {
			manyLiar{&liar{removeMany: func(fs afero.Fs, names []string) error { return removeAll(fs, names[1:]) }}},
			storagetest.Unsafe, "RemoveMany, where there is one, removes the files",
		},
		"removes more than many": {
			manyLiar{&liar{removeMany: func(fs afero.Fs, names []string) error {
				return removeAll(fs, append([]string{path.Dir(names[0]) + "/onetwo"}, names...))
			}}},
			storagetest.Unsafe, "RemoveMany, where there is one, removes the files",
		},
		"removes many": {manyLiar{&liar{removeMany: removeAll}}, storagetest.OK, "RemoveMany, where there is one, removes the files"},
	} {
		t.Run(name, func(t *testing.T) {
			switch l := test.storage.(type) {
			case *liar:
				l.Fs = afero.NewMemMapFs()
			case manyLiar:
				l.Fs = afero.NewMemMapFs()
			}
			findings := storagetest.Examine(test.storage)
			for _, f := range findings {
				want := storagetest.OK
				switch {
				case f.Check == test.check:
					want = test.verdict
				case strings.Contains(f.Check, "option prune"), strings.Contains(f.Check, "of several"):
					continue // MemMapFs's own
				}
				if f.Verdict != want {
					t.Errorf("%v; want %s", f, want)
				}
			}
			if test.verdict == storagetest.Leaks || test.verdict == storagetest.Unsafe {
				if err := findings.Err(); err == nil || !strings.Contains(err.Error(), test.check) {
					t.Errorf("error: %v", err)
				}
			}
		})
	}
}
