package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"syscall"

	"github.com/spf13/afero"
)

// A File is a file as a listing has it.
type File struct {
	Name string
	Mode fs.FileMode // its type bits; 0 for a regular file

	// Info is what the listing says of size and age; nil where that has to be asked: see
	// [Lstat].
	Info fs.FileInfo
}

// A Lister is a storage that can list its files in the order of the bytes of their names,
// as object stores can.
type Lister interface {
	// List lists the files whose names are not before from, in the order of the bytes of
	// the names. It ends with an error where the list is not complete. Files that are
	// made or removed meanwhile may be in it or not.
	List(ctx context.Context, from string) iter.Seq2[File, error]
}

// List lists the files of a storage whose names are not before from, in the order of the
// bytes of their full names: a-b, a.b, a/x. What is no directory is a file; symbolic links
// are not followed, where the storage can tell. Names are as the storage has them, also
// such that [CheckName] refuses. The list ends with an error where it is not complete.
//
// A storage that is a [Lister] lists by itself. Of others the directories are read, one
// after the other: memory grows with the largest directory up to some 100,000 entries,
// and what is more is sorted in temporary files.
func List(ctx context.Context, files afero.Fs, from string) iter.Seq2[File, error] {
	if l, ok := files.(Lister); ok {
		return l.List(ctx, from)
	}
	return listTree(ctx, from, func(dir string) (entryReader, error) {
		f, err := files.Open(dir)
		if err != nil {
			return nil, err
		}
		return aferoDirectory{f}, nil
	})
}

// List lists the files of the directory: see the function [List].
func (d *DirFs) List(ctx context.Context, from string) iter.Seq2[File, error] {
	return listTree(ctx, from, func(dir string) (entryReader, error) {
		f, err := d.root.Open(dir)
		if err != nil {
			return nil, err
		}
		return &rootDirectory{File: f, root: d.root, name: dir}, nil
	})
}

// entryReader is a directory that is read, some entries at a time, until io.EOF.
type entryReader interface {
	read() ([]entry, error)
	Close() error
}

// readAtOnce is how many entries are read at once.
const readAtOnce = 4096

type aferoDirectory struct{ afero.File }

func (d aferoDirectory) read() ([]entry, error) {
	found, err := d.Readdir(readAtOnce)
	entries := make([]entry, len(found))
	for i, info := range found {
		entries[i] = newEntry(info.Name(), info.Mode(), info)
	}
	return entries, err
}

// tree is a listing of directories.
type tree struct {
	ctx   context.Context
	from  string
	open  func(dir string) (entryReader, error)
	yield func(File, error) bool
}

func listTree(ctx context.Context, from string, open func(dir string) (entryReader, error)) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		t := &tree{ctx: ctx, from: from, open: open, yield: yield}
		t.list("")
	}
}

// list lists what is below a directory, "" or a name that ends with a slash, and reports
// whether more is wanted.
func (t *tree) list(prefix string) (more bool) {
	entries, err := t.read(prefix)
	defer func() { _ = entries.Close() }()
	if vanished(err) && prefix != "" {
		return true
	}
	if err != nil {
		return t.fail(prefix, err)
	}
	for e, err := range entries.all() {
		if err != nil {
			return t.fail(prefix, err)
		}
		if !t.entry(prefix, e) {
			return false
		}
	}
	return true
}

// vanished reports whether a directory is not there any more since its parent was read.
func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (t *tree) fail(prefix string, err error) bool {
	t.yield(File{}, fmt.Errorf("filecleangen: listing the directory %q: %w", rootOr(prefix), err))
	return false
}

// rootOr returns the name by which a storage opens a directory.
func rootOr(prefix string) string {
	if prefix == "" {
		return "."
	}
	return strings.TrimSuffix(prefix, "/")
}

// entry lists a file, or what is in a directory.
func (t *tree) entry(prefix string, e entry) (more bool) {
	name := prefix + e.key
	switch {
	case strings.HasSuffix(name, "/"):
		if name < t.from && !strings.HasPrefix(t.from, name) { // all names in it are before from
			return true
		}
		return t.list(name)
	case name < t.from:
		return true
	}
	return t.yield(File{Name: name, Mode: e.mode, Info: e.info}, nil)
}

// read reads a directory.
func (t *tree) read(prefix string) (entries, error) {
	var all entries
	d, err := t.open(rootOr(prefix))
	if err != nil {
		return all, err
	}
	defer func() { _ = d.Close() }()
	for {
		if err := t.ctx.Err(); err != nil {
			return all, err
		}
		some, err := d.read()
		if err := all.add(some); err != nil {
			return all, err
		}
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, err
		}
	}
}
