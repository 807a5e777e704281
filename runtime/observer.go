package runtime

import (
	"context"
	"fmt"
	"log/slog"
)

// An Event is what an [Observer] is told of one file that a batch let go of.
type Event struct {
	Ref    Ref
	Type   *Type  // the record type that named the file; nil for an unused upload
	Field  *Field // the file field that named it, with its Defaults; nil for an unused upload
	Key    Key    // the record that named it; anonymous for an unused upload
	Reason Reason

	Status Status // in After: Removed, Missing, Kept or Failed
	Cause  Cause  // in After: why it was kept
	Err    error  // in After: the storage's error, or why it was refused or vetoed
}

// An Observer is told of files as they are deleted, or kept. Either function may
// be nil. Both may be called from several goroutines at once, for the files of
// one batch in any order. What they return or panic with never affects other
// files, nor the transaction, which has been committed by then.
type Observer struct {
	// Before is called when a file is about to be deleted, again before each
	// attempt. An error vetoes: the file is kept, and the report carries the
	// error. So does a panic. Of several observers the first veto ends the
	// questions.
	Before func(context.Context, Event) error

	// After is called once for each file that is, or will be, in a report, as
	// soon as it is known what became of it: the storage has deleted it, it was
	// kept, or the last attempt has failed.
	After func(context.Context, Event)
}

// event is what observers are told of a file.
func (r *Result) event() Event {
	return Event{Ref: r.Ref, Type: r.Type, Field: r.Field, Key: r.Key, Reason: r.Reason, Status: r.Status, Cause: r.Cause, Err: r.Err}
}

// before asks the observers in turn.
func (c *Cleaner) before(ctx context.Context, e Event) error {
	for _, o := range c.observers {
		if o.Before == nil {
			continue
		}
		if err := guard(func() error { return o.Before(ctx, e) }); err != nil {
			return err
		}
	}
	return nil
}

// after tells all observers.
func (c *Cleaner) after(ctx context.Context, e Event) {
	for _, o := range c.observers {
		if o.After == nil {
			continue
		}
		err := guard(func() error { o.After(ctx, e); return nil })
		if err != nil {
			c.log(ctx, slog.LevelError, "filecleangen: an observer failed after a deletion", e.attrs(err)...)
		}
	}
}

// guard calls f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			if cause, ok := p.(error); ok {
				err = fmt.Errorf("panic: %w", cause)
			}
		}
	}()
	return f()
}
