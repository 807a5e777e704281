package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// toldColumn is a column that a version of this program told others of.
type toldColumn struct {
	table, column, storage string
	form                   string
	meaning                string
}

// told returns the columns that all versions of this program told others of.
func (o *Outbox) told(ctx context.Context) (map[toldColumn]bool, error) {
	all, err := o.references.Registered(ctx)
	told := map[toldColumn]bool{}
	for _, g := range all {
		if g.Program == o.references.Program() {
			told[toldColumn{g.Table, g.Column, g.Storage, g.Form, g.Meaning}] = true
		}
	}
	return told, err
}

// carryOn adds the columns that this version of the program does not know, and that the
// triggers that are installed track for another version, which may be running. They are
// tracked as long as they are there and nobody has withdrawn them: as long as relays ask
// them. A table that has got another name took its triggers with it; there may be a view in
// its place.
func (o *Outbox) carryOn(ctx context.Context, tx runtime.Tx, tables triggerTables, installed []dialect.TriggerObject, told map[toldColumn]bool) error {
	on := map[string]bool{}
	for _, i := range installed {
		on[i.Table] = true
	}
	for _, i := range installed {
		for _, t := range i.Tracks {
			key := toldColumn{t.Table, t.Column, t.Storage, references.Form(t.Form).String(), ""}
			if t.Prefix != "" {
				key.meaning = "prefix " + t.Prefix // see references.Registration
			}
			if !told[key] || !on[t.Table] {
				continue
			}
			if own := tables.known(t); own != nil {
				if own.Keys != nil && t.Keys != nil { // of another version's fields in a document
					own.Keys = dialect.JoinKeys(own.Keys, t.Keys)
				}
				continue
			}
			c, err := o.trackedColumn(ctx, tx, t)
			if errors.Is(err, dialect.ErrNoColumn) {
				continue
			}
			if err != nil {
				return fmt.Errorf("%s.%s, which another version of this program said names files; if none of its processes is running, take that back with References.Withdraw(ctx, %q): %w", t.Table, t.Column, o.references.Program(), err)
			}
			tables.add(c)
		}
	}
	return nil
}

// known returns the column of this program that triggers say they track, or nil.
func (tables triggerTables) known(t dialect.Tracked) *dialect.TriggerColumn {
	return tables.find(dialect.TriggerColumn{Source: dialect.Source{Table: t.Table, Column: t.Column, Form: t.Form}, Storage: t.Storage, Prefix: t.Prefix})
}

// trackedColumn returns a column as the catalogue has it, which may be of another type now.
func (o *Outbox) trackedColumn(ctx context.Context, tx runtime.Tx, t dialect.Tracked) (c dialect.TriggerColumn, err error) {
	c = dialect.TriggerColumn{Storage: t.Storage, Model: t.Model, Field: t.Field, Prefix: t.Prefix, Keep: t.Keep, Defaults: t.Defaults, Keys: t.Keys}
	c.Source, err = o.dialect.Column(ctx, tx, t.Table, t.Column, t.Form, true)
	if err != nil && !errors.Is(err, dialect.ErrNoColumn) {
		if src, failed := o.dialect.Column(ctx, tx, t.Table, t.Column, dialect.Auto, false); failed == nil {
			c.Source, err = src, nil
		}
	}
	return c, err
}
