package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

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
			Keys: dialect.KeysOf(f.Field.JSONKey),
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
// is can't be told: if one of the fields keeps its files, they all do, and what is a name
// for one is one.
func addColumn(t *dialect.TriggerTable, c dialect.TriggerColumn) {
	for i := range t.Columns {
		other := &t.Columns[i]
		if other.Column != c.Column || other.Storage != c.Storage {
			continue
		}
		keep, keys := other.Keep || c.Keep, dialect.JoinKeys(other.Keys, c.Keys)
		if cmp.Or(cmp.Compare(c.Model, other.Model), cmp.Compare(c.Field, other.Field)) < 0 {
			*other = c
		}
		other.Keep, other.Keys = keep, keys
		return
	}
	t.Columns = append(t.Columns, c)
}
