package runtime

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/runtime/internal/deletion"
)

var (
	// ErrNoTime is the error of a file that there was no time left to try to delete, see
	// [WithTimeout].
	ErrNoTime = deletion.ErrNoTime

	// ErrHangs is the error of a file whose deletion a storage was asked for and has
	// neither made nor refused: nobody knows what will become of it.
	ErrHangs = deletion.ErrHangs
)

// An UnfinishedError is returned by [Cleaner.Close] and says which files it leaves behind.
type UnfinishedError struct {
	Files []Ref // whose deletion failed, or may not have been made; sorted
	Err   error // why Close did not wait longer, or nil
}

// Error names the files, up to ten.
func (e *UnfinishedError) Error() string {
	var b strings.Builder
	b.WriteString("filecleangen: still to be deleted: ")
	for i, ref := range e.Files {
		if i == 10 {
			fmt.Fprintf(&b, ", … (%d in all)", len(e.Files))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(ref.String())
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	return b.String()
}

// Unwrap returns why Close did not wait longer, or nil.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Close waits for the deletions that are under way. Those that wait for another attempt
// get it now, and it is their last. Call it when the program ends, with a context that
// says how long there is.
//
// If files are left, because their deletion failed or ctx ended, the error is an
// [*UnfinishedError] that names them. After ctx has ended, calls of storages that are
// under way go on to their end, and no others are made for deletions that had failed
// before.
//
// Uploads that nobody has taken or discarded stay; that there are some is logged.
//
// Batches may be opened and ended after Close; what fails then is not tried again. A
// second Close waits as the first did.
func (c *Cleaner) Close(ctx context.Context) error {
	err := c.deleter.Close(ctx)
	if n := c.registry.Uploads(); n > 0 && c.outbox == nil {
		c.log(ctx, slog.LevelWarn, "filecleangen: uploads are left that nobody has taken or discarded; defer Upload.Discard where they are created", slog.Int("uploads", n))
	}
	left := c.registry.Pending()
	for _, ref := range c.deleter.Failed() {
		left[ref] = struct{}{}
	}
	if len(left) == 0 && err == nil {
		return nil
	}
	files := slices.SortedFunc(maps.Keys(left), func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Storage, b.Storage), cmp.Compare(a.Name, b.Name))
	})
	return &UnfinishedError{Files: files, Err: err}
}
