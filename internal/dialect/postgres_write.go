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
	s := New(d, "SELECT filecleangen_outbox_write(").Add("?, ?", w.Version, w.Wait.Milliseconds())
	for _, value := range []func(*Entry) string{
		func(e *Entry) string { return e.Storage }, func(e *Entry) string { return e.Name }, (*Entry).kind, func(e *Entry) string { return e.Reason },
		func(e *Entry) string { return e.Model }, func(e *Entry) string { return e.Field }, func(e *Entry) string { return e.Record }, func(e *Entry) string { return e.DerivedFrom },
	} {
		s.Add(", ?::text[]", postgresArray(entries, value))
	}
	_, err := h.ExecContext(ctx, s.Raw(")").String(), s.Args()...)
	switch {
	case raised(err, "FCGON", "filecleangen: gone:"):
		return fmt.Errorf("%w: %w", ErrGone, err)
	case raised(err, "FCVER", "filecleangen: the tables of the outbox have another version"):
		return fmt.Errorf("%w: %w", ErrVersion, err)
	}
	return err
}

var inPostgresArray = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// postgresArray writes an array of texts out, one of each entry: not all drivers know arrays.
func postgresArray(entries []Entry, value func(*Entry) string) string {
	var b strings.Builder
	for i := range entries {
		b.WriteString([]string{`{"`, `","`}[min(i, 1)])
		_, _ = inPostgresArray.WriteString(&b, value(&entries[i]))
	}
	return b.String() + `"}`
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
