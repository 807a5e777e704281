package storagetest_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/spf13/afero"
)

// honest is a storage that nothing is wrong with: a MemMapFs that creates exclusively,
// and does not remove directories with files in them.
type honest struct {
	afero.Fs
	mu sync.Mutex
}

func newHonest() *honest { return &honest{Fs: afero.NewMemMapFs()} }

func (h *honest) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Fs.OpenFile(name, flag, perm)
}

func (h *honest) Remove(name string) error {
	if info, err := h.Stat(name); err == nil && info.IsDir() {
		if empty, err := afero.IsEmpty(h.Fs, name); err != nil || !empty {
			return errors.New("directory not empty")
		}
	}
	return h.Fs.Remove(name)
}

// liar is a storage with a fault.
type liar struct {
	afero.Fs
	says       bool // that it creates exclusively
	name       func(string) string
	remove     func(fs afero.Fs, name string) error
	stat       func(fs afero.Fs, name string) (os.FileInfo, error)
	create     func(fs afero.Fs, name string, flag int) (afero.File, error)
	removeMany func(fs afero.Fs, names []string) error
}

func (l *liar) CreatesExclusively() bool { return l.says }

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
	if l.create != nil && flag&os.O_CREATE != 0 {
		return l.create(l.Fs, name, flag)
	}
	return l.Fs.OpenFile(l.of(name), flag, perm)
}

func (l *liar) Rename(from, to string) error { return l.Fs.Rename(l.of(from), l.of(to)) }

// manyLiar is one with RemoveMany.
type manyLiar struct {
	*liar
	most int
}

func (l manyLiar) MaxRemove() int { return l.most }

func (l manyLiar) RemoveMany(_ context.Context, names []string) error {
	return l.removeMany(l.Fs, names)
}

// racing returns a create that looks first and creates then. Of those who create a file
// in the race, two always look before one creates.
func racing() func(afero.Fs, string, int) (afero.File, error) {
	var mu sync.Mutex
	first := map[string]chan struct{}{} // of who looked and waits
	return func(files afero.Fs, name string, flag int) (afero.File, error) {
		if _, err := files.Stat(name); err == nil {
			return nil, fs.ErrExist
		}
		if strings.Contains(name, "/race/") {
			mu.Lock()
			wait := first[name]
			if wait == nil {
				wait = make(chan struct{})
				first[name] = wait
				mu.Unlock()
				<-wait
			} else {
				select {
				case <-wait:
				default:
					close(wait)
				}
				mu.Unlock()
			}
		}
		return files.OpenFile(name, flag&^os.O_EXCL, 0o644)
	}
}

// The lies about creation.
func ignoreExclusive(files afero.Fs, name string, flag int) (afero.File, error) {
	return files.OpenFile(name, flag&^os.O_EXCL, 0o644)
}

func overwrite(files afero.Fs, name string, flag int) (afero.File, error) {
	return files.OpenFile(name, flag&^os.O_EXCL|os.O_TRUNC, 0o644)
}

func truncateAndRefuse(files afero.Fs, name string, flag int) (afero.File, error) {
	f, err := files.OpenFile(name, flag, 0o644)
	if errors.Is(err, fs.ErrExist) {
		_ = afero.WriteFile(files, name, nil, 0o644)
	}
	return f, err
}

func ownErrorIfThere(files afero.Fs, name string, flag int) (afero.File, error) {
	f, err := files.OpenFile(name, flag, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, errOwn
	}
	return f, err
}

// forgetful loses what is written.
type forgetful struct{ afero.File }

func (forgetful) WriteString(s string) (int, error) { return len(s), nil }
func (forgetful) Write(p []byte) (int, error)       { return len(p), nil }

func forget(files afero.Fs, name string, flag int) (afero.File, error) {
	f, err := files.OpenFile(name, flag, 0o644)
	return forgetful{f}, err
}

var errOwn = errors.New("NoSuchKey")

// The lies about removal.

// asPattern removes a file, and all in its directory that the name is a pattern of.
func asPattern(files afero.Fs, name string) error {
	infos, _ := afero.ReadDir(files, path.Dir(name))
	for _, info := range infos {
		if ok, _ := path.Match(path.Base(name), info.Name()); ok && !info.IsDir() {
			_ = files.Remove(path.Join(path.Dir(name), info.Name()))
		}
	}
	return nil
}

// asPrefix removes all files in the directory whose names begin like this one.
func asPrefix(files afero.Fs, name string) error {
	infos, _ := afero.ReadDir(files, path.Dir(name))
	for _, info := range infos {
		if strings.HasPrefix(info.Name(), path.Base(name)) && !info.IsDir() {
			_ = files.Remove(path.Join(path.Dir(name), info.Name()))
		}
	}
	return nil
}

func removeEach(files afero.Fs, names []string) error {
	for _, name := range names {
		_ = files.Remove(name)
	}
	return nil
}

// trimmed is for a Remove that takes another name for this one.
func trimmed(suffix string) func(afero.Fs, string) error {
	return func(files afero.Fs, name string) error { return files.Remove(strings.TrimSuffix(name, suffix)) }
}
