package references

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// column is a column that names files of a storage.
type column struct {
	storage string
	table   string // as it was said
	form    Form   // as it was said
	many    bool
	mapping Mapping

	source dialect.Source
}

// registration returns what other programs are told of a column.
func (c *column) registration() registration {
	return registration{c.storage, c.source.Table, c.source.Column, Form(c.source.Form).String(), c.mapping.form()}
}

// find finds the columns of all tables, and reads from them.
func (r *References) find(ctx context.Context) error {
	var errs []error
	for i := range r.tables {
		t := &r.tables[i]
		for j := range t.typ.Fields {
			f := &t.typ.Fields[j]
			said, err := t.column(r.dialect, f)
			switch {
			case err != nil:
				errs = append(errs, err)
			case said.Form == Elsewhere && len(r.funcs[f.Storage]) == 0:
				errs = append(errs, fmt.Errorf("%s.%s: nobody reads its column: add references.Func(%q, …)", t.typ.Name, f.Path, f.Storage))
			case said.Form == Elsewhere:
				r.fields = append(r.fields, StoredField{Type: t.typ, Field: f, Table: t.name, Form: Elsewhere})
			default:
				errs = append(errs, r.findField(ctx, t, f, said))
			}
		}
	}
	return errors.Join(errs...)
}

func (r *References) findField(ctx context.Context, t *table, f *runtime.Field, said Column) error {
	c := &column{storage: f.Storage, table: t.name, form: said.Form, many: f.Shape == runtime.List, mapping: r.mappings[f.Storage]}
	c.source.Column = said.Name
	err := r.describe(ctx, c)
	switch {
	case err == nil:
		r.fields = append(r.fields, StoredField{t.typ, f, c.source.Table, c.source.Column, Form(c.source.Form), c.mapping.prefix})
		for _, other := range r.own[f.Storage] {
			if other.source == c.source {
				return nil
			}
		}
		r.own[f.Storage] = append(r.own[f.Storage], c)
		return nil
	case f.Guessed && said.Name == f.Column:
		err = fmt.Errorf("%w (no tag names the column, so that its name was guessed: say column=NAME in the file tag, or name it in references.Table)", err)
	}
	return fmt.Errorf("%s.%s in %s.%s: %w", t.typ.Name, f.Path, t.name, said.Name, err)
}

// describe finds out how to read a column, and tries.
func (r *References) describe(ctx context.Context, c *column) error {
	err := r.dialect.Reading(ctx, r.session, func(tx dialect.Handle) error { return r.look(ctx, tx, c) })
	if err != nil {
		return err
	}
	return r.dialect.Reading(ctx, r.session, func(tx dialect.Handle) error {
		q := dialect.New(r.dialect, "")
		r.dialect.Find(q, c.source, &dialect.Values{List: []string{probe}}, " LIMIT 1000")
		return dialect.QueryAll(ctx, tx, q, func(*sql.Rows) error { return nil })
	})
}

// probe is a name that nobody has.
const probe = "filecleangen asks"

// look asks the catalogue for a column.
func (r *References) look(ctx context.Context, tx dialect.Handle, c *column) (err error) {
	c.source, err = r.dialect.Column(ctx, tx, c.table, c.source.Column, dialect.Form(c.form), c.many)
	return err
}

// Prove reads from every column, of this program and of others, and returns an error
// if that can't be done.
func (r *References) Prove(ctx context.Context) error {
	err := r.Reading(ctx, func(tx runtime.Tx) error {
		refs := []runtime.Ref{}
		for _, storage := range r.storages() {
			refs = append(refs, runtime.Ref{Storage: storage, Name: probe})
		}
		answer, err := r.AskIn(ctx, tx, refs)
		for _, unknown := range answer.Unknown {
			err = errors.Join(err, unknown)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("filecleangen: references: %w", err)
	}
	return nil
}

// storages returns those that columns of this program name files of.
func (r *References) storages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.own))
}
