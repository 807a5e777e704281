package runtime

import (
	"errors"
	"io"
	"path"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// prune removes the directories above files that were removed, as far as they
// are empty and a field wants it, but never the root of the storage. What goes
// wrong is of no consequence: an empty directory stays.
func (c *Cleaner) prune(s *store, files []*Result) {
	if s.many != nil {
		return
	}
	done := ""
	for _, f := range files {
		dir := path.Dir(f.Ref.Name)
		if f.Status == Removed && f.Field != nil && f.Field.Prune && dir != done {
			_ = guard(func() error { return pruneFrom(s.fs, dir) })
			done = dir
		}
	}
}

func pruneFrom(storage afero.Fs, dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		if !isEmpty(storage, dir) {
			return nil
		}
		// A file may be made in it right now. Storages that have directories
		// refuse to remove one that is not empty, and Create makes it again.
		if err := storage.Remove(dir); err != nil {
			return err
		}
	}
	return nil
}

// isEmpty reports whether a directory is there and surely empty. It looks first
// since some storages remove directories with all that is in them.
func isEmpty(in afero.Fs, dir string) bool {
	info, err := storage.Lstat(in, dir)
	if err != nil || !info.IsDir() {
		return false
	}
	f, err := in.Open(dir)
	if err != nil {
		return false
	}
	names, err := f.Readdirnames(1)
	closeErr := f.Close()
	return len(names) == 0 && (err == nil || errors.Is(err, io.EOF)) && closeErr == nil
}
