package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// IsGone reports whether an error says that a file can't be named because it is being
// deleted, was deleted lately, or is an upload that was not closed: an error that wraps
// [runtime.ErrGone], or one that a trigger has raised in the database, through whatever
// driver and library it comes. Begin anew then, with what the rows say now.
func IsGone(err error) bool { return errors.Is(err, runtime.ErrGone) || dialect.IsGone(err) }

// Triggers returns the statements that make the triggers of all tables whose rows name
// files, for a migration tool. The text is the same as long as the references, the cleaner's
// types, the tables and this package are. [Outbox.InstallTriggers] runs them, and removes
// those of before. For MySQL, the text is for tools that send it as a whole (with
// multiStatements in the driver's DSN); the command mysql needs a DELIMITER around each
// statement.
//
// A trigger does in the transaction of the statement that changes rows what a batch does
// at its end: it takes the files that rows come to name, and releases those that they name
// no more. A statement that would name a file which is being deleted fails: see [IsGone].
// Nothing is to be called but [Outbox.Create] for uploads. Columns whose values only a Go
// function understands are an error.
func (o *Outbox) Triggers(ctx context.Context) (string, error) {
	wanted, err := o.ownTriggers(ctx)
	if err != nil {
		return "", o.triggersError(err)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "-- Made by outbox.Triggers of github.com/filecleangen/filecleangen for %s: triggers of version %d\n", o.dialect, dialect.TriggerVersion)
	fmt.Fprintf(&s, "-- for the program %s, on an outbox of version %d. Don't change them; make them anew.\n", oneLine(o.references.Program()), SchemaVersion)
	table := "\x00"
	for _, t := range wanted {
		if t.Table != table && t.Table != "" {
			fmt.Fprintf(&s, "\n-- %s\n", oneLine(t.Table))
		} else if t.Table != table {
			s.WriteString("\n")
		}
		table = t.Table
		s.WriteString(t.Create + ";\n")
	}
	return s.String(), nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (o *Outbox) triggersError(err error) error {
	if err == nil {
		return nil
	}
	if hint := o.dialect.TriggerHint(err); hint != "" {
		return fmt.Errorf("filecleangen: outbox: triggers: %w: %s", err, hint)
	}
	return fmt.Errorf("filecleangen: outbox: triggers: %w", err)
}
