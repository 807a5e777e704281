package deletion

import (
	"errors"
	"io"
	"path"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/internal/guard"
	"github.com/filecleangen/filecleangen/storage"
)

// prune removes the directories above files that were removed, as far as they are empty
// and a file wants it, but never the root of the storage. What goes wrong is of no
// consequence: an empty directory stays.
func (s *Store) prune(files []*File) {
	if s.many != nil {
		return
	}
	done := ""
	for _, f := range files {
		if dir := path.Dir(f.Ref.Name); f.State == Removed && f.Prune && dir != done {
			_ = guard.Call(func() error { return pruneFrom(s.fs, dir) })
			done = dir
		}
	}
}

func pruneFrom(files afero.Fs, dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		if !isEmpty(files, dir) {
			return nil
		}
		// A file may be made in it right now. Storages that have directories refuse to
		// remove one that is not empty, and an upload makes it again.
		if err := files.Remove(dir); err != nil {
			return err
		}
	}
	return nil
}

// isEmpty reports whether a directory is there and surely empty. It looks first since
// some storages remove directories with all that is in them.
func isEmpty(files afero.Fs, dir string) bool {
	info, err := storage.Lstat(files, dir)
	if err != nil || !info.IsDir() {
		return false
	}
	f, err := files.Open(dir)
	if err != nil {
		return false
	}
	names, err := f.Readdirnames(1)
	closeErr := f.Close()
	return len(names) == 0 && (err == nil || errors.Is(err, io.EOF)) && closeErr == nil
}
