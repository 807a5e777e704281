package runtime

import (
	"context"
	"log/slog"
)

// report logs a report and returns it: a line for the batch, and one for each
// file that somebody should look at.
func (c *Cleaner) report(ctx context.Context, r *Report) *Report {
	for _, f := range r.Files {
		if level, message := f.logLevel(); level > slog.LevelDebug {
			c.log(ctx, level, message, attrs(f.Ref, f.Type, f.Field, f.Reason, f.Err)...)
		}
	}
	level := slog.LevelDebug
	if len(r.Files) > 0 {
		level = slog.LevelInfo
	}
	summary := []slog.Attr{
		slog.String("outcome", string(r.Outcome)),
		slog.Int("removed", r.Count(Removed)),
		slog.Int("missing", r.Count(Missing)),
		slog.Int("kept", r.Count(Kept)),
		slog.Int("failed", r.Count(Failed)),
	}
	if r.Err != nil {
		level = slog.LevelWarn
		summary = append(summary, slog.Any("error", r.Err))
	}
	c.log(ctx, level, "filecleangen: batch ended", summary...)
	return r
}

// logLevel says how loud a result is, and in which words.
func (r Result) logLevel() (slog.Level, string) {
	switch {
	case r.Status == Failed:
		return slog.LevelError, "filecleangen: a file could not be deleted"
	case r.Cause == UnsafeName, r.Cause == IsDirectory:
		return slog.LevelError, "filecleangen: refused to delete a file: " + string(r.Cause)
	case r.Cause == UnknownType, r.Cause == CheckFailed, r.Cause == NeverHeld, r.Cause == LostTrack, r.Cause == UnknownOutcome,
		r.Cause != "" && r.Err != nil:
		return slog.LevelWarn, "filecleangen: a file was kept: " + string(r.Cause)
	}
	return slog.LevelDebug, ""
}

// attrs says which file an entry is about, and why it was to go.
func attrs(ref Ref, t *Type, f *Field, why Reason, err error) []slog.Attr {
	a := []slog.Attr{slog.String("storage", ref.Storage), slog.String("name", ref.Name), slog.String("reason", string(why))}
	if t != nil {
		a = append(a, slog.String("field", t.Name+"."+f.Path))
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
