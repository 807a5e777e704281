package deletion

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"sync/atomic"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/internal/guard"
	"github.com/filecleangen/filecleangen/storage"
)

// A Store is a storage, and how best to delete from it.
type Store struct {
	fs   afero.Fs
	dir  *storage.DirFs      // fs, if it is one
	many storage.ManyRemover // fs, if it is one
	most int                 // how many names it takes

	calls   chan struct{} // one in it for each goroutine that calls it to delete files
	hanging atomic.Int64  // calls that nobody waits for any more
}

// NewStore returns the store of a storage.
func NewStore(files afero.Fs) *Store {
	s := &Store{fs: files}
	s.dir, _ = files.(*storage.DirFs)
	if s.many, _ = files.(storage.ManyRemover); s.many != nil {
		if s.most = s.many.MaxRemove(); s.most < 1 {
			s.most = 1000
		}
	}
	return s
}

// chunkSize returns how many files to delete in one go, of n in all that many goroutines
// share.
func (s *Store) chunkSize(n, workers int) int {
	const least, most = 8, 128
	size := min(n/(4*workers), most)
	switch {
	case s.many != nil:
		return s.most
	case s.dir != nil: // a goroutine costs more than a few files
		return max(least, size)
	}
	return max(1, size)
}

// remove deletes files, as long as there is time, and notes what became of each.
func (s *Store) remove(ctx context.Context, files []*File) {
	if s.many != nil {
		if !late(ctx) {
			s.removeMany(ctx, files)
		}
		return
	}
	remove := func(name string) error { return storage.RemoveFile(s.fs, name) }
	if s.dir != nil {
		// All are in one directory. To open it once saves the way to it each time.
		if d, err := s.dir.Directory(path.Dir(files[0].Ref.Name)); err == nil {
			defer d.Close()
			remove = func(name string) error { return d.RemoveFile(path.Base(name)) }
		}
	}
	for _, f := range files {
		if late(ctx) {
			return
		}
		switch err := guard.Call(func() error { return remove(f.Ref.Name) }); {
		case err == nil:
			f.State, f.Err = Removed, nil
		case errors.Is(err, fs.ErrNotExist):
			f.State, f.Err = Missing, nil
		case errors.Is(err, storage.ErrIsDirectory):
			f.keep(IsDirectory, err)
		default:
			f.State, f.Err = Failed, err
		}
	}
}

func (s *Store) removeMany(ctx context.Context, files []*File) {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Ref.Name
	}
	err := guard.Call(func() error { return s.many.RemoveMany(ctx, names) })
	some := aboutSome(err)
	if some != nil {
		err = nil
	}
	for _, f := range files {
		fileErr := err
		if some != nil {
			fileErr = some.Failed[f.Ref.Name]
		}
		if f.State, f.Err = Removed, fileErr; fileErr != nil {
			f.State = Failed
		}
	}
}

// aboutSome returns the error about some files, and none of the others, that an error is
// or wraps alone: beside another one, that may be about all.
func aboutSome(err error) *storage.RemoveManyError {
	for ; err != nil; err = errors.Unwrap(err) {
		if some, ok := err.(*storage.RemoveManyError); ok { //nolint:errorlint // errors.As looks into joined ones
			return some
		}
	}
	return nil
}
