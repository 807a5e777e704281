package runtime

import (
	"context"
	"log/slog"
)

// finish logs the report of a batch, counts it, tells the observers of what was
// not deleted, and returns it.
func (c *Cleaner) finish(ctx context.Context, r *Report) *Report {
	c.tell(ctx, r, 1)
	c.counters.batch(r.Outcome)
	level := slog.LevelDebug
	if len(r.Files) > 0 {
		level = slog.LevelInfo
	}
	summary := append([]slog.Attr{slog.String("outcome", string(r.Outcome))}, r.counts()...)
	if r.Err != nil {
		level = slog.LevelWarn
		summary = append(summary, slog.Any("error", r.Err))
	}
	c.log(ctx, level, "filecleangen: batch ended", summary...)
	return r
}

// counts says how many files there are of each status.
func (r *Report) counts() []slog.Attr {
	attrs := make([]slog.Attr, 0, 5)
	for _, s := range []Status{Removed, Missing, Kept, Pending, Failed} {
		attrs = append(attrs, slog.Int(string(s), r.Count(s)))
	}
	return attrs
}

// tell counts files, logs those that somebody should look at, and tells the
// observers of those that stay, all after so many attempts, if that is known.
func (c *Cleaner) tell(ctx context.Context, r *Report, attempts int) {
	for i := range r.Files {
		f := &r.Files[i]
		c.counters.file(f.Status)
		if level, message := f.logLevel(); level > slog.LevelDebug {
			attrs := f.event().attrs(f.Err)
			if attempts > 0 && (f.Status == Failed || f.Status == Pending) {
				attrs = append(attrs, slog.Int("attempts", attempts))
			}
			c.log(ctx, level, message, attrs...)
		}
		if f.Status == Failed {
			c.retries.note(f.Ref)
		}
		if f.Status == Failed || f.Status == Kept {
			c.after(ctx, f.event())
		}
	}
}

// logLevel says how loud a result is, and in which words.
func (r Result) logLevel() (slog.Level, string) {
	switch {
	case r.Status == Failed:
		return slog.LevelError, "filecleangen: a file could not be deleted and is left behind"
	case r.Status == Pending && r.Err != nil:
		return slog.LevelWarn, "filecleangen: a file could not be deleted yet and will be tried again"
	case r.Cause == UnsafeName, r.Cause == IsDirectory:
		return slog.LevelError, "filecleangen: refused to delete a file: " + string(r.Cause)
	case r.Cause == UnknownType, r.Cause == CheckFailed, r.Cause == NeverHeld, r.Cause == LostTrack, r.Cause == UnknownOutcome,
		r.Cause != "" && r.Err != nil:
		return slog.LevelWarn, "filecleangen: a file was kept: " + string(r.Cause)
	}
	return slog.LevelDebug, ""
}

// attrs says which file an entry is about, and why it was to go.
func (e Event) attrs(err error) []slog.Attr {
	a := []slog.Attr{slog.String("storage", e.Ref.Storage), slog.String("name", e.Ref.Name), slog.String("reason", string(e.Reason))}
	if e.Type != nil {
		a = append(a, slog.String("field", e.Type.Name+"."+e.Field.Path))
	}
	if !e.Key.IsZero() {
		a = append(a, slog.String("key", e.Key.String()))
	}
	if err != nil {
		a = append(a, slog.Any("error", err))
	}
	return a
}

// log writes a line. A logger that panics must not end the deletions.
func (c *Cleaner) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	_ = guard(func() error {
		c.logger.LogAttrs(ctx, level, message, attrs...)
		return nil
	})
}
