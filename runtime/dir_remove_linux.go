package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// directory is a directory of a DirFs that is opened to remove files from it. If
// it is renamed it stays the same one: use it for a short time.
type directory struct{ file *os.File }

func (d *DirFs) directory(name string) (*directory, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &directory{f}, nil
}

func (d *directory) close() { _ = d.file.Close() }

// remove removes a file of the directory, and never a directory: it is one
// unlinkat, which refuses them.
func (d *directory) remove(name string) (Status, error) {
	base := path.Base(name)
	err := d.unlink(base)
	switch {
	case err == nil:
		return Removed, nil
	case errors.Is(err, fs.ErrNotExist):
		return Missing, nil
	case errors.Is(err, syscall.EISDIR):
		return Kept, fmt.Errorf("%s: %w", name, errIsDirectory)
	}
	return Failed, &fs.PathError{Op: "unlinkat", Path: name, Err: err}
}

func (d *directory) unlink(base string) error {
	for {
		err := syscall.Unlinkat(int(d.file.Fd()), base)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
