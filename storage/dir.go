package storage

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/afero"
)

// A DirFs is a local directory as a storage. Neither "..", nor an absolute
// name, nor a symbolic link leaves it: it is built on [os.Root], where
// afero.BasePathFs only compares paths. An attempt is an error, and not
// fs.ErrNotExist. Symbolic links that stay inside are followed; Remove and
// Rename act on the link itself.
//
// A DirFs is an afero.Fs and afero.Lstater, safe for concurrent use. Names are
// relative to the directory, which is ".".
//
// Names are compared as the file system does. Some fold case, so that A.png and a.png
// are one file: those of macOS and Windows usually, mounts of such, and directories of
// ext4 with the attribute casefold. Some fold Unicode normal forms (NFC and NFD), as APFS
// and HFS+ do, or casefold. [DirFs.Folding] says what this one does, and runtime.New
// warns of it: rows must not name one file by two spellings.
type DirFs struct {
	root *os.Root

	folding sync.Once
	folds   Folding // once folding was done
}

var (
	_ afero.Fs      = (*DirFs)(nil)
	_ afero.Lstater = (*DirFs)(nil)
)

// Dir opens a directory, which must exist, as a storage for runtime.WithStorage.
// Close it when nothing uses it any more. If the directory is renamed, it stays
// the same storage.
func Dir(path string) (*DirFs, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("filecleangen: open directory as storage: %w", err)
	}
	return &DirFs{root: root}, nil
}

// Close closes the directory. Every later call fails with os.ErrClosed.
func (d *DirFs) Close() error { return d.root.Close() }

// Name returns "DirFs" and the path it was opened with.
func (d *DirFs) Name() string { return "DirFs(" + d.root.Name() + ")" }

// Create opens a file for reading and writing, empty.
func (d *DirFs) Create(name string) (afero.File, error) {
	return file(d.root.Create(name))
}

// Open opens a file for reading.
func (d *DirFs) Open(name string) (afero.File, error) {
	return file(d.root.Open(name))
}

// OpenFile opens a file with the flags and mode of os.OpenFile.
func (d *DirFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	return file(d.root.OpenFile(name, flag, perm))
}

// file keeps a nil *os.File from becoming a non-nil afero.File.
func file(f *os.File, err error) (afero.File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Mkdir makes a directory.
func (d *DirFs) Mkdir(name string, perm os.FileMode) error { return d.root.Mkdir(name, perm) }

// MkdirAll makes a directory and its parents, as needed.
func (d *DirFs) MkdirAll(path string, perm os.FileMode) error { return d.root.MkdirAll(path, perm) }

// Remove removes a file, a symbolic link or an empty directory.
func (d *DirFs) Remove(name string) error { return d.root.Remove(name) }

// RemoveAll removes a file or a directory with all that is in it.
func (d *DirFs) RemoveAll(path string) error { return d.root.RemoveAll(path) }

// Rename renames a file or directory, over an existing file.
func (d *DirFs) Rename(oldname, newname string) error { return d.root.Rename(oldname, newname) }

// Stat describes a file, or what a symbolic link leads to.
func (d *DirFs) Stat(name string) (os.FileInfo, error) { return d.root.Stat(name) }

// LstatIfPossible describes a file or symbolic link.
func (d *DirFs) LstatIfPossible(name string) (os.FileInfo, bool, error) {
	info, err := d.root.Lstat(name)
	return info, true, err
}

// Chmod changes the mode of a file.
func (d *DirFs) Chmod(name string, mode os.FileMode) error { return d.root.Chmod(name, mode) }

// Chown changes the owner of a file.
func (d *DirFs) Chown(name string, uid, gid int) error { return d.root.Chown(name, uid, gid) }

// Chtimes changes the access and modification times of a file.
func (d *DirFs) Chtimes(name string, atime, mtime time.Time) error {
	return d.root.Chtimes(name, atime, mtime)
}

// RemoveFile removes the file of the directory that has this name, the last part of
// its own, and never a directory. The errors are those of [RemoveFile].
func (d *Directory) RemoveFile(base string) error {
	if strings.Contains(base, "/") || CheckName("d/"+base) != nil { // it would lead elsewhere
		return fmt.Errorf("%w %q: it is not the name of a file in one directory", ErrBadName, base)
	}
	return d.remove(base)
}
