package storage

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/afero"
)

// ErrIsDirectory is wrapped by the errors about what was to be removed as a file
// and is a directory.
var ErrIsDirectory = errors.New("is a directory")

// RemoveFile removes a file by a name that was checked, and never a directory. It
// looks first, since the Remove of most storages also removes an empty directory.
// The error is nil if the file was there and is not any more, fs.ErrNotExist if it was
// missing before the storage was asked to remove it, wraps [ErrIsDirectory] if the name
// is a directory's, and is the storage's otherwise.
func RemoveFile(storage afero.Fs, name string) error {
	info, err := Lstat(storage, name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s: %w", name, ErrIsDirectory)
	}
	err = storage.Remove(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// It was there a moment ago. The storage can't remove it and says so in the wrong
	// words, as afero.CopyOnWriteFs does; or it is gone: somebody else was faster, or this
	// is the answer to the same question asked twice, as by who did not get the first one.
	switch _, again := Lstat(storage, name); {
	case again == nil:
		return fmt.Errorf("the file is still there after: %v", err) //nolint:errorlint // it is no fs.ErrNotExist
	case !errors.Is(again, fs.ErrNotExist):
		return again
	}
	return nil
}

// Lstat describes a file, or a symbolic link where the storage can tell.
func Lstat(storage afero.Fs, name string) (fs.FileInfo, error) {
	if l, ok := storage.(afero.Lstater); ok {
		info, _, err := l.LstatIfPossible(name)
		return info, err
	}
	return storage.Stat(name)
}
