package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

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
// Versions of a program, which have one name ([references.Program]), share its triggers.
// Where those that are installed track a column that these references don't have, and that
// another version has told of ([references.References.Register]), they track it on: that
// version may be running. It ends when the column is dropped, or withdrawn
// ([references.References.Withdraw]).
//
// To make a trigger takes a lock on the table, for which it waits half a second, so
// that others don't wait behind it for long, and then tries again, for some minutes. On
// PostgreSQL that is SHARE ROW EXCLUSIVE, for which every transaction that has written the
// table must end; to remove one takes ACCESS EXCLUSIVE. On MySQL and MariaDB it is a metadata
// lock, for which every transaction that has read the table must end, too, and the wait is a
// second.
func (o *Outbox) InstallTriggers(ctx context.Context) error {
	return o.changeTriggers(ctx, o.wantedTriggers)
}

// RemoveTriggers removes the triggers of this program, as InstallTriggers makes them.
//
// Layers that leave statements to triggers ([Outbox.HasTriggers]; gormclean does) see to them
// from then on: those of this outbox at once, those of other processes, and of other outboxes,
// within ten seconds. Until then nobody takes what such a statement comes to name, so that only
// the question to the rows keeps it, and nobody releases what it lets go of, which is left
// behind. Triggers that somebody drops or disables by hand, or that InstallTriggers removes for
// other references, are missed for as long. Where others write meanwhile, have them ignore
// triggers before (gormclean.TriggersIgnored).
func (o *Outbox) RemoveTriggers(ctx context.Context) error {
	return o.changeTriggers(ctx, func(context.Context, []dialect.TriggerObject) ([]dialect.TriggerObject, error) { return nil, nil })
}

// errInstalled says that another process has made triggers meanwhile.
var errInstalled = errors.New("another process has made triggers meanwhile")

// changeTriggers makes the triggers of this program those that are wanted in view of those
// that are installed.
func (o *Outbox) changeTriggers(ctx context.Context, want func(context.Context, []dialect.TriggerObject) ([]dialect.TriggerObject, error)) error {
	defer o.triggers.change()()
	for {
		installed, err := o.installedTriggers(ctx)
		var wanted []dialect.TriggerObject
		if err == nil {
			wanted, err = want(ctx, installed)
		}
		if err == nil {
			err = o.changeTables(ctx, installed, wanted)
		}
		if !errors.Is(err, errInstalled) {
			return o.triggersError(err)
		}
	}
}

func (o *Outbox) changeTables(ctx context.Context, known, wanted []dialect.TriggerObject) error {
	var tables []string
	for _, t := range slices.Concat(wanted, known) {
		if t.Table != "" {
			tables = append(tables, t.Table)
		}
	}
	slices.Sort(tables)
	for _, table := range slices.Compact(tables) {
		if err := o.changeTable(ctx, table, known, wanted); err != nil {
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
// removes others, if they were known when it was decided which are wanted.
func (o *Outbox) changeTable(ctx context.Context, table string, known, wanted []dialect.TriggerObject) error {
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
		if len(without(mine(installed), slices.Concat(known, wanted))) > 0 {
			return errInstalled
		}
		var statements []string
		if len(mine(wanted)) > 0 { // the functions first, also where they alone are missing
			statements = creates(without(functionsOf(wanted), installed))
		}
		for _, t := range without(mine(wanted), enabled(installed)) {
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
