package outbox

import (
	"context"
	"log/slog"

	"github.com/filecleangen/filecleangen/runtime"
)

// What became of a file is said by two lines: the cleaner's, of what it did to the file,
// and the relay's, of what that makes of the row. Where the file was not tried there is
// the relay's only.

// became is what a row has come to be, for the log.
type became string

const (
	dropped   became = "dropped" // there is no row any more
	waits     became = "waits"   // for another attempt
	isParked  became = "parked"
	tombstone became = "gone"
)

// fate is what became of a row, to be logged when it is committed.
type fate struct {
	message string
	loud    bool // whether somebody should look at it
	row     *row
	became  became
	cause   runtime.Cause
	err     error
}

// logged is a transaction of our own about the rows of a claim. What is noted in it of
// their files is logged when it is committed: before that it is not so.
func (r *Relay) logged(ctx context.Context, c *claim, do func(runtime.Tx) error) error {
	err := r.outbox.transaction(ctx, func(tx runtime.Tx) error {
		c.fates = nil
		return do(tx)
	})
	fates := c.fates
	if c.fates = nil; err != nil {
		return err
	}
	for i := range fates {
		r.logFate(ctx, &fates[i])
	}
	return nil
}

func (f *fate) level() slog.Level {
	if f.loud {
		return slog.LevelError
	}
	return slog.LevelDebug
}

// note keeps what became of a row for the log, if anybody wants to know.
func (r *Relay) note(ctx context.Context, c *claim, f fate) {
	if r.logger.Enabled(ctx, f.level()) {
		c.fates = append(c.fates, f)
	}
}

// noteNamed notes rows that are dropped because rows name their files.
func (r *Relay) noteNamed(ctx context.Context, c *claim, rows []*row) {
	for _, row := range rows {
		message := "filecleangen: a row names this file after all, so that it stays"
		switch {
		case row.name == MarkerName:
			message = "filecleangen: the marker of a storage stays"
		case row.derivedFrom != "":
			message = "filecleangen: a row names this file, or the one that it goes with, so that it stays"
		}
		r.note(ctx, c, fate{message: message, row: row, became: dropped})
	}
}

// noteAgain notes a row of which an attempt has come to nothing: it waits for another, or
// is parked, as setAgain has it.
func (r *Relay) noteAgain(ctx context.Context, c *claim, f fate) {
	if f.became = waits; f.row.attempts >= r.attempts {
		f.became = isParked
		f.message += "; it is parked"
	} else {
		f.message += "; the relay will try again"
	}
	r.note(ctx, c, f)
}

// logFate writes the line from which it can be known what became of the row of a file.
// The names of what it says are those of the cleaner's lines.
func (r *Relay) logFate(ctx context.Context, f *fate) {
	row := f.row
	attrs := []slog.Attr{slog.String("storage", row.storage), slog.String("name", row.name), slog.String("reason", row.reason)}
	if field := r.fieldOf(row); field != "" {
		attrs = append(attrs, slog.String("field", field))
	}
	if row.record != "" {
		attrs = append(attrs, slog.String("key", row.record))
	}
	if row.derivedFrom != "" {
		attrs = append(attrs, slog.String("derived_from", row.derivedFrom))
	}
	if f.cause != "" {
		attrs = append(attrs, slog.String("cause", string(f.cause)))
	}
	if f.err != nil {
		attrs = append(attrs, slog.Any("error", f.err))
	}
	if f.became == waits || f.became == isParked {
		attrs = append(attrs, slog.Int("attempts", row.attempts))
	}
	r.logger.LogAttrs(ctx, f.level(), f.message, append(attrs, slog.String("row", string(f.became)))...)
}

// fieldOf returns the field that let go of the file of a row, as the cleaner's lines have
// it; "" for an upload.
func (r *Relay) fieldOf(row *row) string {
	if row.model == "" {
		return ""
	}
	if k, ok := r.fields[fieldID{row.model, row.field}]; ok {
		return k.typ.Name + "." + k.field.Path
	}
	return row.model + "." + row.field
}

// logNamed sums up a round in which rows were dropped because their files are named, for
// those who debug where these are uploads. What was deleted is summed up by the cleaner.
func (r *Relay) logNamed(ctx context.Context, storage string, done round) {
	if done.named == 0 {
		return
	}
	level := slog.LevelInfo
	if done.named == done.uploads {
		level = slog.LevelDebug
	}
	r.logger.LogAttrs(ctx, level, "filecleangen: files of the outbox stay, since rows name them",
		slog.String("storage", storage), slog.Int("taken", done.taken), slog.Int("named", done.named), slog.Int("uploads", done.uploads), slog.Int("postponed", done.postponed))
}

// uploadsIn counts rows of uploads: that they are named is how it should be.
func uploadsIn(rows []*row) (n int) {
	for _, row := range rows {
		if row.reason == string(runtime.Unused) {
			n++
		}
	}
	return n
}
