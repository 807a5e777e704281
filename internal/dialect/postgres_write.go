package dialect

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Write calls the function that the schema has for it: one round trip, and an error is
// raised in the database, so that the locks go at once.
func (d postgres) Write(ctx context.Context, h Handle, w Writer, entries []Entry) error {
	text, err := inJSON(entries)
	if err != nil {
		return err
	}
	s := New(d, "SELECT filecleangen_outbox_write(").Add("?, ?::json, ?)", w.Version, text, w.Wait.Milliseconds())
	_, err = h.ExecContext(ctx, s.String(), s.Args()...)
	switch {
	case raised(err, "FCGON", "filecleangen: gone:"):
		return fmt.Errorf("%w: %w", ErrGone, err)
	case raised(err, "FCVER", "filecleangen: the tables of the outbox have another version"):
		return fmt.Errorf("%w: %w", ErrVersion, err)
	}
	return err
}

// raised reports whether err was raised by the function. Where a driver does not tell
// the code of an error, it is known by its text.
func raised(err error, code, text string) bool {
	return hasState(err, code) || err != nil && strings.Contains(err.Error(), text)
}

func hasState(err error, code string) bool {
	var coded interface{ SQLState() string }
	return errors.As(err, &coded) && coded.SQLState() == code
}

// Durable: Transaction makes its commits durable.
func (postgres) Durable(context.Context, Queryer) (string, error) { return "", nil }
