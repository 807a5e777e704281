package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/afero"
)

// A ManyRemover is a storage that can delete many files in one call, as object
// stores can. A storage given to [WithStorage] that implements it is asked to,
// and its Remove is not called. It must not have directories that RemoveMany
// could delete, and the option prune does nothing in it.
type ManyRemover interface {
	// RemoveMany deletes the named files; one that does not exist is no error.
	// It returns nil if none of them is left, a *RemoveManyError if that is true
	// of the others, and any other error if nothing is known of any of them.
	// They are tried again then, some perhaps for no reason.
	//
	// It is called from several goroutines at once, see [WithWorkers].
	RemoveMany(ctx context.Context, names []string) error

	// MaxRemove returns how many names RemoveMany takes at most; 1,000 where it
	// returns less than 1. It is asked once.
	MaxRemove() int
}

// A RemoveManyError says which of the files given to [ManyRemover.RemoveMany]
// are left, and why.
type RemoveManyError struct {
	Failed map[string]error // by name
}

// Error names the files, up to three of them with their errors.
func (e *RemoveManyError) Error() string {
	names := slices.Sorted(maps.Keys(e.Failed))
	var b strings.Builder
	fmt.Fprintf(&b, "%d files could not be deleted", len(names))
	for i, name := range names {
		if i == 3 {
			b.WriteString("; …")
			break
		}
		fmt.Fprintf(&b, "; %s: %v", name, e.Failed[name])
	}
	return b.String()
}

// storage is an afero.Fs and how best to delete from it.
type storage struct {
	fs   afero.Fs
	dir  *DirFs      // fs, if it is one
	many ManyRemover // fs, if it is one
	most int         // how many names it takes
	name func(value string) string

	calls   chan struct{} // one in it for each goroutine that calls it to delete files
	hanging atomic.Int64  // calls that nobody waits for any more
}

func newStorage(fs afero.Fs) *storage {
	s := &storage{fs: fs}
	s.dir, _ = fs.(*DirFs)
	if s.many, _ = fs.(ManyRemover); s.many != nil {
		if s.most = s.many.MaxRemove(); s.most < 1 {
			s.most = 1000
		}
	}
	return s
}

// nameOf returns the name of the file that the value of a column means. The
// storage may be one that the cleaner was not told of.
func (s *storage) nameOf(value string) string {
	if s == nil || s.name == nil {
		return value
	}
	return s.name(value)
}

// portionSize returns how many files to delete in one go, of n in all that many
// goroutines share.
func (s *storage) portionSize(n, workers int) int {
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
func (s *storage) remove(ctx context.Context, files []*Result) {
	if s.many != nil {
		if !late(ctx) {
			s.removeMany(ctx, files)
		}
		return
	}
	remove := func(name string) (Status, error) { return removeFile(s.fs, name) }
	if s.dir != nil {
		// All are in one directory. To open it once saves the way to it each time.
		if d, err := s.dir.directory(path.Dir(files[0].Ref.Name)); err == nil {
			defer d.close()
			remove = d.remove
		}
	}
	for _, f := range files {
		if late(ctx) {
			return
		}
		f.Err = guard(func() (err error) {
			f.Status, err = remove(f.Ref.Name)
			return err
		})
		switch {
		case errors.Is(f.Err, errIsDirectory):
			f.Status, f.Cause = Kept, IsDirectory
		case f.Err != nil:
			f.Status = Failed
		}
	}
}

func (s *storage) removeMany(ctx context.Context, files []*Result) {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Ref.Name
	}
	err := guard(func() error { return s.many.RemoveMany(ctx, names) })
	var some *RemoveManyError
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

var errIsDirectory = errors.New("is a directory")

// removeFile removes a file by a name that was checked. It looks first, since
// the Remove of most storages also removes an empty directory.
func removeFile(storage afero.Fs, name string) (Status, error) {
	info, err := lstat(storage, name)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return Failed, err
	}
	if info.IsDir() {
		return Kept, fmt.Errorf("%s: %w", name, errIsDirectory)
	}
	err = storage.Remove(name)
	if err == nil {
		return Removed, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Failed, err
	}
	// It was there a moment ago. Somebody else was faster, or the storage can't
	// remove it and says so in the wrong words, as afero.CopyOnWriteFs does.
	if _, again := lstat(storage, name); again == nil {
		return Failed, fmt.Errorf("the file is still there after: %w", err)
	}
	return Missing, nil
}

func lstat(storage afero.Fs, name string) (fs.FileInfo, error) {
	if l, ok := storage.(afero.Lstater); ok {
		info, _, err := l.LstatIfPossible(name)
		return info, err
	}
	return storage.Stat(name)
}
