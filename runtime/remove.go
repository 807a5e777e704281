package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/spf13/afero"
)

// remove deletes the files that are still pending, one after the other, and
// tells the observers. Nothing that happens to one of them affects the next.
func (c *Cleaner) remove(ctx context.Context, b *Batch, files []Result) {
	for i := range files {
		f := &files[i]
		if f.DerivedFrom != "" && !gone(files[:i], Ref{f.Ref.Storage, f.DerivedFrom}) {
			f.keep(FileKept, nil)
		}
		if f.Status != "" {
			continue
		}
		event := Event{Ref: f.Ref, Type: f.Type, Field: f.Field, Reason: f.Reason}
		if err := c.before(ctx, event); err != nil {
			f.keep(Vetoed, err)
			continue
		}
		// The reference check, observers and earlier deletions took their time.
		if c.company.takenUp(b, f.Ref) {
			f.keep(UsedElsewhere, nil)
			continue
		}
		err := guard(func() (err error) {
			f.Status, err = removeFile(c.storages[f.Ref.Storage], f.Ref.Name)
			return err
		})
		if f.Status == Removed && f.Field != nil && f.Field.Prune {
			c.prune(f.Ref)
		}
		switch {
		case errors.Is(err, errIsDirectory):
			f.Status, f.Cause, f.Err = Kept, IsDirectory, err
			continue
		case err != nil:
			f.Status, f.Err = Failed, err
		}
		event.Status, event.Err = f.Status, f.Err
		c.after(ctx, event)
	}
}

// gone reports whether a file is not, or no longer, there. Files come right
// before those that are derived from them.
func gone(files []Result, ref Ref) bool {
	for _, f := range slices.Backward(files) {
		if f.Ref == ref {
			return f.Status == Removed || f.Status == Missing
		}
	}
	return false
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
