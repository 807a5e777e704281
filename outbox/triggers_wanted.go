package outbox

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// wantedTriggers returns the triggers that the references ask for, and the other versions of
// this program whose triggers are installed. Those have told of their columns before.
func (o *Outbox) wantedTriggers(ctx context.Context, installed []dialect.TriggerObject) (wanted []dialect.TriggerObject, err error) {
	told, err := o.told(ctx)
	if err != nil {
		return nil, err
	}
	err = o.reading(ctx, func(tx runtime.Tx) error {
		tables, err := o.triggerTables(ctx, tx)
		if err == nil {
			err = o.carryOn(ctx, tx, tables, installed, told)
		}
		if err == nil {
			wanted, err = o.triggersOf(ctx, tx, tables)
		}
		return err
	})
	return wanted, err
}

// ownTriggers returns the triggers of the columns that this program has.
func (o *Outbox) ownTriggers(ctx context.Context) (own []dialect.TriggerObject, err error) {
	err = o.reading(ctx, func(tx runtime.Tx) error {
		tables, err := o.triggerTables(ctx, tx)
		if err == nil {
			own, err = o.triggersOf(ctx, tx, tables)
		}
		return err
	})
	return own, err
}

// triggersOf returns the triggers of some tables.
func (o *Outbox) triggersOf(ctx context.Context, tx runtime.Tx, tables triggerTables) (all []dialect.TriggerObject, err error) {
	seen := map[[2]string]bool{}
	for _, t := range tables.sorted() {
		made, err := o.dialect.Triggers(ctx, tx, o.triggerWriter(tables), *t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		for _, m := range made {
			if key := [2]string{m.Table, m.Name}; !seen[key] {
				seen[key] = true
				all = append(all, m)
			}
		}
	}
	return all, nil
}

func (o *Outbox) triggerWriter(tables triggerTables) dialect.TriggerWriter {
	w := dialect.TriggerWriter{
		Writer: dialect.Writer{Version: SchemaVersion, Wait: o.grace}, Program: o.references.Program(), Ignored: map[string][]string{},
	}
	for _, t := range o.cleaner.Types() {
		for i := range t.Fields {
			w.Ignored[t.Fields[i].Storage] = append(w.Ignored[t.Fields[i].Storage], defaultsOf(&t.Fields[i])...)
		}
	}
	for _, t := range tables {
		for i := range t.Columns { // those of other versions have defaults of their own
			w.Ignored[t.Columns[i].Storage] = append(w.Ignored[t.Columns[i].Storage], t.Columns[i].Defaults...)
		}
	}
	for storage, names := range w.Ignored {
		slices.Sort(names)
		w.Ignored[storage] = slices.Compact(names)
	}
	return w
}

// defaultsOf returns the defaults of a field, as names.
func defaultsOf(f *runtime.Field) (names []string) {
	for _, name := range f.Defaults {
		if storage.CheckName(name) != nil {
			name = storage.OtherSpelling(name)
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// triggerTables are tables whose rows name files, by their names.
type triggerTables map[string]*dialect.TriggerTable

// triggerTables returns the tables of this program's fields, with what the catalogue has of
// their columns.
func (o *Outbox) triggerTables(ctx context.Context, tx runtime.Tx) (triggerTables, error) {
	fields, err := o.references.StoredFields()
	if err != nil {
		return nil, err
	}
	tables := triggerTables{}
	for _, f := range fields {
		src, err := o.dialect.Column(ctx, tx, f.Table, f.Column, dialect.Form(f.Form), f.Field.Shape == runtime.List)
		if err != nil {
			return nil, fmt.Errorf("%s.%s in %s.%s: %w", f.Type.Name, f.Field.Path, f.Table, f.Column, err)
		}
		tables.add(dialect.TriggerColumn{
			Source: src, Storage: f.Field.Storage, Model: clip(f.Type.ID()), Field: clip(f.Field.Path), Prefix: f.Prefix,
			Keep: f.Field.Keep || f.Field.HoldOnly, Defaults: defaultsOf(f.Field), Keys: dialect.KeysOf(f.Field.JSONKey),
		})
	}
	return tables, nil
}

// sorted returns the tables and their columns in an order that depends on nothing else.
func (tables triggerTables) sorted() []*dialect.TriggerTable {
	for _, t := range tables {
		slices.SortFunc(t.Columns, func(a, b dialect.TriggerColumn) int {
			return cmp.Or(cmp.Compare(a.Storage, b.Storage), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Form, b.Form), cmp.Compare(a.Prefix, b.Prefix))
		})
	}
	return slices.SortedFunc(maps.Values(tables), func(a, b *dialect.TriggerTable) int { return cmp.Compare(a.Name, b.Name) })
}

// add adds a column that may be there for another field. Whose of them a name in it is
// can't be told: if one of the fields keeps its files, they all do, and what is a name for one
// is one.
func (tables triggerTables) add(c dialect.TriggerColumn) {
	t := tables[c.Table]
	if t == nil {
		t = &dialect.TriggerTable{Name: c.Table}
		tables[c.Table] = t
	}
	other := tables.find(c)
	if other == nil {
		t.Columns = append(t.Columns, c)
		return
	}
	c.Keep, c.Defaults = c.Keep || other.Keep, slices.Concat(other.Defaults, c.Defaults)
	c.Keys = dialect.JoinKeys(other.Keys, c.Keys)
	if cmp.Or(cmp.Compare(c.Model, other.Model), cmp.Compare(c.Field, other.Field)) > 0 {
		c.Model, c.Field = other.Model, other.Field
	}
	*other = c
}

// find returns the column that is the same but for whose it is.
func (tables triggerTables) find(c dialect.TriggerColumn) *dialect.TriggerColumn {
	t := tables[c.Table]
	if t == nil {
		return nil
	}
	for i := range t.Columns {
		if o := &t.Columns[i]; o.Column == c.Column && o.Storage == c.Storage && o.Form == c.Form && o.Prefix == c.Prefix {
			return o
		}
	}
	return nil
}
