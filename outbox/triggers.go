package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
// files, and those that remove these, for a migration tool. The next migration runs the old
// down and then the new up, in one transaction where the database can change triggers in
// one. Both texts are UTF-8, and the same as long as the references, the cleaner's types, the
// tables and this package are. [Outbox.InstallTriggers] does both, and nothing is untracked
// meanwhile, also on MySQL. For MySQL, the texts are for tools that send them as a whole (with
// multiStatements in the driver's DSN); the command mysql needs a DELIMITER around each
// statement.
//
// A trigger does in the transaction of the statement that changes rows what a batch does
// at its end: it takes the files that rows come to name, and releases those that they name
// no more. A statement that would name a file which is being deleted fails: see [IsGone].
// Nothing is to be called but [Outbox.Create] for uploads. Columns whose values only a Go
// function understands are an error.
func (o *Outbox) Triggers(ctx context.Context) (up, down string, err error) {
	own, err := o.ownTriggers(ctx)
	if err != nil {
		return "", "", o.triggersError(err)
	}
	of := fmt.Sprintf("the triggers of version %d for the program %s, on an outbox of version %d", dialect.TriggerVersion, oneLine(o.references.Program()), SchemaVersion)
	up = o.migration("makes "+of, own, func(t dialect.TriggerObject) string { return t.Create })
	drops := slices.DeleteFunc(slices.Clone(own), func(t dialect.TriggerObject) bool { return t.Table == "" })
	functions := functionsOf(own)
	slices.Reverse(functions) // the later ones call those before them
	down = o.migration("removes "+of, append(drops, functions...), func(t dialect.TriggerObject) string { return t.Drop })
	return up, down, nil
}

// migration writes a statement for each trigger and function.
func (o *Outbox) migration(what string, all []dialect.TriggerObject, statement func(dialect.TriggerObject) string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "-- Made by outbox.Triggers of github.com/filecleangen/filecleangen for %s. It %s.\n-- Don't change it; make it anew.\n", o.dialect, what)
	table := "\x00"
	for _, t := range all {
		if t.Table != table && t.Table != "" {
			fmt.Fprintf(&s, "\n-- %s\n", oneLine(t.Table))
		} else if t.Table != table {
			s.WriteString("\n")
		}
		table = t.Table
		s.WriteString(statement(t) + ";\n")
	}
	return s.String()
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
