package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
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
	wanted, err := o.wantedTriggers(ctx)
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

// wantedTriggers returns the triggers that the references ask for.
func (o *Outbox) wantedTriggers(ctx context.Context) (wanted []dialect.TriggerObject, err error) {
	fields, err := o.references.StoredFields()
	if err != nil {
		return nil, err
	}
	err = o.reading(ctx, func(tx runtime.Tx) error {
		tables, err := o.triggerTables(ctx, tx, fields)
		if err != nil {
			return err
		}
		seen := map[[2]string]bool{}
		for _, t := range tables {
			made, err := o.dialect.Triggers(ctx, tx, o.triggerWriter(), t)
			if err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			for _, m := range made {
				if key := [2]string{m.Table, m.Name}; !seen[key] {
					seen[key] = true
					wanted = append(wanted, m)
				}
			}
		}
		return nil
	})
	return wanted, err
}

func (o *Outbox) triggerWriter() dialect.TriggerWriter {
	w := dialect.TriggerWriter{
		Writer: dialect.Writer{Version: SchemaVersion, Wait: o.grace}, Program: o.references.Program(), Ignored: map[string][]string{},
	}
	for _, t := range o.cleaner.Types() {
		for i := range t.Fields {
			for _, name := range t.Fields[i].Defaults {
				if storage.CheckName(name) != nil {
					name = storage.OtherSpelling(name)
				}
				if name != "" {
					w.Ignored[t.Fields[i].Storage] = append(w.Ignored[t.Fields[i].Storage], name)
				}
			}
		}
	}
	for storage, names := range w.Ignored {
		slices.Sort(names)
		w.Ignored[storage] = slices.Compact(names)
	}
	return w
}

// triggerTables returns the tables of the fields, sorted, with what the catalogue has of
// their columns.
func (o *Outbox) triggerTables(ctx context.Context, tx runtime.Tx, fields []references.StoredField) ([]dialect.TriggerTable, error) {
	byTable := map[string]*dialect.TriggerTable{}
	for _, f := range fields {
		src, err := o.dialect.Column(ctx, tx, f.Table, f.Column, dialect.Form(f.Form), f.Field.Shape == runtime.List)
		if err != nil {
			return nil, fmt.Errorf("%s.%s in %s.%s: %w", f.Type.Name, f.Field.Path, f.Table, f.Column, err)
		}
		t := byTable[src.Table]
		if t == nil {
			t = &dialect.TriggerTable{Name: src.Table}
			byTable[src.Table] = t
		}
		addColumn(t, dialect.TriggerColumn{
			Source: src, Storage: f.Field.Storage, Model: clip(f.Type.ID()), Field: clip(f.Field.Path), Prefix: f.Prefix, Keep: f.Field.Keep || f.Field.HoldOnly,
		})
	}
	tables := make([]dialect.TriggerTable, 0, len(byTable))
	for _, t := range byTable {
		slices.SortFunc(t.Columns, func(a, b dialect.TriggerColumn) int {
			return cmp.Or(cmp.Compare(a.Storage, b.Storage), cmp.Compare(a.Column, b.Column))
		})
		tables = append(tables, *t)
	}
	slices.SortFunc(tables, func(a, b dialect.TriggerTable) int { return cmp.Compare(a.Name, b.Name) })
	return tables, nil
}

// addColumn adds a column that may be there for another field. Whose of them a name in it
// is can't be told: if one of the fields keeps its files, they all do.
func addColumn(t *dialect.TriggerTable, c dialect.TriggerColumn) {
	for i := range t.Columns {
		other := &t.Columns[i]
		if other.Column != c.Column || other.Storage != c.Storage {
			continue
		}
		keep := other.Keep || c.Keep
		if cmp.Or(cmp.Compare(c.Model, other.Model), cmp.Compare(c.Field, other.Field)) < 0 {
			*other = c
		}
		other.Keep = keep
		return
	}
	t.Columns = append(t.Columns, c)
}

// How long a statement that changes triggers waits for the lock on a table, behind which
// others wait, and how often it is tried again.
const (
	triggerLock  = 500 * time.Millisecond
	triggerTries = 20
)

// InstallTriggers makes the triggers that [Outbox.Triggers] returns, and removes those that
// this program has made before and that are not among them. It does nothing where all is
// as it is to be. It changes one table at a time, in a transaction where the database can
// change triggers in one, and so may be killed at any time, called again, and called by several
// processes at once. No rows are read. The user of the handle given to references.New
// must own the tables.
//
// To make a trigger takes a lock on the table, for which it waits half a second, so
// that others don't wait behind it for long, and then tries again, for some minutes. On
// PostgreSQL that is SHARE ROW EXCLUSIVE, for which every transaction that has written the
// table must end; to remove one takes ACCESS EXCLUSIVE. On MySQL and MariaDB it is a metadata
// lock, for which every transaction that has read the table must end, too, and the wait is a
// second.
func (o *Outbox) InstallTriggers(ctx context.Context) error {
	wanted, err := o.wantedTriggers(ctx)
	if err == nil {
		err = o.changeTriggers(ctx, wanted)
	}
	return o.triggersError(err)
}

// RemoveTriggers removes the triggers of this program, as InstallTriggers makes them.
func (o *Outbox) RemoveTriggers(ctx context.Context) error {
	return o.triggersError(o.changeTriggers(ctx, nil))
}

// changeTriggers makes the triggers of this program those that are wanted.
func (o *Outbox) changeTriggers(ctx context.Context, wanted []dialect.TriggerObject) error {
	installed, err := o.installedTriggers(ctx)
	if err != nil {
		return err
	}
	var tables []string
	for _, t := range slices.Concat(wanted, installed) {
		if t.Table != "" {
			tables = append(tables, t.Table)
		}
	}
	slices.Sort(tables)
	for _, table := range slices.Compact(tables) {
		if err := o.changeTable(ctx, table, wanted); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	return o.dropUnused(ctx, wanted)
}

func (o *Outbox) installedTriggers(ctx context.Context) (installed []dialect.TriggerObject, err error) {
	err = o.reading(ctx, func(tx runtime.Tx) error {
		installed, err = o.dialect.InstalledTriggers(ctx, tx, o.references.Program())
		return err
	})
	return installed, err
}

// changeTable makes the triggers on a table, and the functions that they call, before it
// removes others.
func (o *Outbox) changeTable(ctx context.Context, table string, wanted []dialect.TriggerObject) error {
	return o.alter(ctx, func(c dialect.Handle) error {
		installed, err := o.dialect.InstalledTriggers(ctx, c, o.references.Program())
		if err != nil {
			return err
		}
		mine := func(all []dialect.TriggerObject) (some []dialect.TriggerObject) {
			for _, t := range all {
				if t.Table == table {
					some = append(some, t)
				}
			}
			return some
		}
		var statements []string
		for _, t := range without(mine(wanted), enabled(installed)) {
			if len(statements) == 0 { // the functions first
				statements = creates(without(functionsOf(wanted), installed))
			}
			if len(without([]dialect.TriggerObject{t}, installed)) == 0 {
				statements = append(statements, t.Drop)
			}
			statements = append(statements, t.Create)
		}
		for _, t := range without(mine(installed), wanted) {
			statements = append(statements, t.Drop)
		}
		return execAll(ctx, c, statements)
	})
}

// dropUnused removes functions that no trigger needs any more.
func (o *Outbox) dropUnused(ctx context.Context, wanted []dialect.TriggerObject) error {
	return o.alter(ctx, func(c dialect.Handle) error {
		for {
			installed, err := o.dialect.InstalledTriggers(ctx, c, o.references.Program())
			if err != nil {
				return err
			}
			var statements []string
			for _, t := range without(functionsOf(installed), wanted) {
				if !t.Used {
					statements = append(statements, t.Drop)
				}
			}
			if len(statements) == 0 {
				return nil
			}
			if err := execAll(ctx, c, statements); err != nil {
				return err
			}
		}
	})
}

// alter runs do, which changes triggers, while no other process does, and again where it
// did not get a lock in time.
func (o *Outbox) alter(ctx context.Context, do func(c dialect.Handle) error) error {
	for tries := 1; ; tries++ {
		err := o.alterOnce(ctx, do)
		if err == nil || !o.dialect.LockRefused(err) {
			return err
		}
		if tries == triggerTries || ctx.Err() != nil {
			return fmt.Errorf("after %d attempts: others have locks on the table; look for transactions that are open for long: %w", tries, err)
		}
		sleep(ctx, backoff(tries, 100*time.Millisecond, 10*time.Second), nil)
	}
}

func (o *Outbox) alterOnce(ctx context.Context, do func(c dialect.Handle) error) error {
	c, err := o.references.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return o.dialect.Exclusively(ctx, c, "filecleangen_triggers", func() error {
		if err := execAll(ctx, c, o.dialect.LockTimeout(triggerLock)); err != nil {
			return err
		}
		return do(c)
	})
}

func execAll(ctx context.Context, c dialect.Execer, statements []string) error {
	for _, s := range statements {
		if _, err := c.ExecContext(ctx, s); err != nil {
			first, _, _ := strings.Cut(s, "\n")
			return fmt.Errorf("%s: %w", first, err)
		}
	}
	return nil
}

// without returns those of some objects that are not among others.
func without(some, others []dialect.TriggerObject) (rest []dialect.TriggerObject) {
	for _, t := range some {
		if !slices.ContainsFunc(others, func(o dialect.TriggerObject) bool { return o.Name == t.Name && o.Table == t.Table }) {
			rest = append(rest, t)
		}
	}
	return rest
}

func enabled(all []dialect.TriggerObject) []dialect.TriggerObject {
	return slices.DeleteFunc(slices.Clone(all), func(t dialect.TriggerObject) bool { return t.Disabled })
}

func functionsOf(all []dialect.TriggerObject) (functions []dialect.TriggerObject) {
	for _, t := range all {
		if t.Table == "" {
			functions = append(functions, t)
		}
	}
	return functions
}

func creates(all []dialect.TriggerObject) (statements []string) {
	for _, t := range all {
		statements = append(statements, t.Create)
	}
	return statements
}

var _ dialect.Handle = (*sql.Conn)(nil)
