package runtime

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"sync/atomic"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// store is an afero.Fs and how best to delete from it.
type store struct {
	fs   afero.Fs
	dir  *storage.DirFs      // fs, if it is one
	many storage.ManyRemover // fs, if it is one
	most int                 // how many names it takes
	name func(value string) string

	calls   chan struct{} // one in it for each goroutine that calls it to delete files
	hanging atomic.Int64  // calls that nobody waits for any more
}

func newStore(fs afero.Fs) *store {
	s := &store{fs: fs}
	s.dir, _ = fs.(*storage.DirFs)
	if s.many, _ = fs.(storage.ManyRemover); s.many != nil {
		if s.most = s.many.MaxRemove(); s.most < 1 {
			s.most = 1000
		}
	}
	return s
}

// nameOf returns the name of the file that the value of a column means. The
// storage may be one that the cleaner was not told of.
func (s *store) nameOf(value string) string {
	if s == nil || s.name == nil {
		return value
	}
	return s.name(value)
}

// portionSize returns how many files to delete in one go, of n in all that many
// goroutines share.
func (s *store) portionSize(n, workers int) int {
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

// remove deletes files whose names were checked, as long as there is time, and notes
// what became of each.
func (s *store) remove(ctx context.Context, files []*Result) {
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
		f.Err = guard(func() (err error) {
			f.Status, err = statusOf(remove(f.Ref.Name))
			return err
		})
		switch {
		case errors.Is(f.Err, storage.ErrIsDirectory):
			f.Status, f.Cause = Kept, IsDirectory
		case f.Err != nil:
			f.Status = Failed
		}
	}
}

func (s *store) removeMany(ctx context.Context, files []*Result) {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Ref.Name
	}
	err := guard(func() error { return s.many.RemoveMany(ctx, names) })
	var some *storage.RemoveManyError
	if errors.As(err, &some) {
		err = nil
	}
	for _, f := range files {
		fileErr := err
		if some != nil {
			fileErr = some.Failed[f.Ref.Name]
		}
		if f.Status, f.Err = Removed, fileErr; fileErr != nil {
			f.Status = Failed
		}
	}
}

// statusOf says what became of a file from the error of [storage.RemoveFile].
func statusOf(err error) (Status, error) {
	switch {
	case err == nil:
		return Removed, nil
	case errors.Is(err, fs.ErrNotExist):
		return Missing, nil
	case errors.Is(err, storage.ErrIsDirectory):
		return Kept, err
	}
	return Failed, err
}
