package runtime

import (
	"context"
	"log/slog"

	"github.com/filecleangen/filecleangen/runtime/internal/guard"
)

// finish logs the report of a batch, counts it, tells the observers of what was not
// deleted, and returns it.
func (c *Cleaner) finish(ctx context.Context, r *Report) *Report {
	c.tell(ctx, r.Files, 1)
	c.counters.batch(r.Outcome)
	level := slog.LevelDebug
	if len(r.Files) > 0 {
		level = slog.LevelInfo
	}
	summary := append([]slog.Attr{slog.String("outcome", string(r.Outcome))}, counts(r.Files)...)
	if r.Err != nil {
		level = slog.LevelWarn
		summary = append(summary, slog.Any("error", r.Err))
	}
	c.log(ctx, level, "filecleangen: batch ended", summary...)
	return r
}

// summarise logs how many files came to which end without a batch.
func (c *Cleaner) summarise(ctx context.Context, message string, files []Result, attrs ...slog.Attr) {
	if len(files) > 0 {
		c.log(ctx, slog.LevelInfo, message, append(attrs, counts(files)...)...)
	}
}

// counts says how many files there are of each status.
func counts(files []Result) []slog.Attr {
	r := &Report{Files: files}
	attrs := make([]slog.Attr, 0, 5)
	for _, s := range []Status{Removed, Missing, Kept, Pending, Failed} {
		attrs = append(attrs, slog.Int(string(s), r.Count(s)))
	}
	return attrs
}

// tell counts files, logs each, and tells the observers of those that stay, all after so
// many attempts, if that is known.
func (c *Cleaner) tell(ctx context.Context, files []Result, attempts int) {
	for i := range files {
		f := &files[i]
		c.counters.file(f.Status)
		c.logFile(ctx, f, attempts)
		if f.Status == Failed || f.Status == Kept {
			c.after(ctx, *f)
		}
	}
}

// logFile writes the line from which it can be known what became of a file.
func (c *Cleaner) logFile(ctx context.Context, f *Result, attempts int) {
	level, message := f.logLevel()
	if !c.logger.Enabled(ctx, level) {
		return
	}
	attrs := append(f.attrs(f.Err), slog.String("status", string(f.Status)))
	if f.Cause != "" {
		attrs = append(attrs, slog.String("cause", string(f.Cause)))
	}
	if attempts > 0 && (f.Status == Failed || f.Status == Pending) {
		attrs = append(attrs, slog.Int("attempts", attempts))
	}
	c.log(ctx, level, message, attrs...)
}

// logLevel says how loud a result is, and in which words.
func (r *Result) logLevel() (slog.Level, string) {
	switch {
	case r.Status == Failed:
		return slog.LevelError, "filecleangen: a file could not be deleted and is left behind"
	case r.Status == Pending && r.Err != nil:
		return slog.LevelWarn, "filecleangen: a file could not be deleted yet and will be tried again"
	case r.Cause == UnsafeName, r.Cause == IsDirectory:
		return slog.LevelError, "filecleangen: refused to delete a file: " + r.Cause.Description()
	case r.Cause == UnknownType, r.Cause == CheckFailed, r.Cause == LostTrack, r.Cause == UnknownOutcome, r.Cause == InDoubt,
		r.Cause != "" && r.Err != nil:
		return slog.LevelWarn, "filecleangen: a file was kept: " + r.Cause.Description()
	case r.Status == Kept:
		return slog.LevelDebug, "filecleangen: a file was kept: " + r.Cause.Description()
	case r.Status == Pending:
		return slog.LevelDebug, "filecleangen: a file was left to the outbox"
	}
	return slog.LevelDebug, "filecleangen: a file was deleted"
}

// attrs says which file a line is about, and why it was to go.
func (r *Result) attrs(err error) []slog.Attr {
	a := []slog.Attr{slog.String("storage", r.Ref.Storage), slog.String("name", r.Ref.Name), slog.String("reason", string(r.Reason))}
	if r.Type != nil {
		a = append(a, slog.String("field", r.Type.Name+"."+r.Field.Path))
	}
	if r.Key.table != "" {
		a = append(a, slog.String("table", r.Key.table))
	}
	if !r.Key.IsZero() {
		a = append(a, slog.String("key", r.Key.String()))
	}
	if err != nil {
		a = append(a, slog.Any("error", err))
	}
	return a
}

// log writes a line. A logger that panics must not end the deletions.
func (c *Cleaner) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	_ = guard.Call(func() error {
		c.logger.LogAttrs(ctx, level, message, attrs...)
		return nil
	})
}
