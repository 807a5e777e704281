package runtime

import (
	"context"
	"log/slog"

	"github.com/filecleangen/filecleangen/runtime/internal/guard"
)

// An Observer is told of files as they are deleted, or kept. Either function may
// be nil. Both may be called from several goroutines at once, for the files of
// one batch in any order. What they return or panic with never affects other
// files, nor the transaction, which has been committed by then.
type Observer struct {
	// Before is called when a file is about to be deleted, again before each
	// attempt; nothing is decided then, and Status is empty. An error vetoes: the file is kept, and the report carries the
	// error. So does a panic. Of several observers the first veto ends the
	// questions.
	Before func(context.Context, Result) error

	// After is called once for each file that is, or will be, in a report, as
	// soon as it is known what became of it: the storage has deleted it, it was
	// kept, or the last attempt has failed.
	After func(context.Context, Result)
}

// before asks the observers in turn.
func (c *Cleaner) before(ctx context.Context, r Result) error {
	for _, o := range c.observers {
		if o.Before == nil {
			continue
		}
		if err := guard.Call(func() error { return o.Before(ctx, r) }); err != nil {
			return err
		}
	}
	return nil
}

// after tells all observers.
func (c *Cleaner) after(ctx context.Context, r Result) {
	for _, o := range c.observers {
		if o.After == nil {
			continue
		}
		err := guard.Call(func() error { o.After(ctx, r); return nil })
		if err != nil {
			c.log(ctx, slog.LevelError, "filecleangen: an observer failed after a deletion", r.attrs(err)...)
		}
	}
}
