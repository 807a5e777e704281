package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// A Directory is a directory of a [DirFs] that is opened to remove files from it. If
// it is renamed it stays the same one: use it for a short time.
type Directory struct {
	file *os.File
	name string
}

// Directory opens a directory, or what a symbolic link to one leads to.
func (d *DirFs) Directory(name string) (*Directory, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &Directory{f, name}, nil
}

// Close closes the directory.
func (d *Directory) Close() { _ = d.file.Close() }

// remove is one unlinkat, which refuses directories. It looks first: where a file is on
// another machine, what is removed may be said to be missing, if that is asked twice.
func (d *Directory) remove(base string) error {
	missing := errors.Is(d.look(base), syscall.ENOENT)
	err := d.unlink(base)
	switch {
	case err == nil || errors.Is(err, syscall.ENOENT) && !missing:
		return nil
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s: %w", path.Join(d.name, base), ErrIsDirectory)
	}
	return &fs.PathError{Op: "unlinkat", Path: path.Join(d.name, base), Err: err}
}

// look returns ENOENT if there is nothing of that name, not even a link that leads nowhere.
func (d *Directory) look(base string) error {
	const noFollow = 0x100 // AT_SYMLINK_NOFOLLOW
	for {
		err := syscall.Faccessat(int(d.file.Fd()), base, 0, noFollow)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func (d *Directory) unlink(base string) error {
	for {
		err := syscall.Unlinkat(int(d.file.Fd()), base)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
