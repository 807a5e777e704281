package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// References returns those of the names in a storage that some row names which
// [Stored] says nothing of. It is asked in the transaction that decides what is
// deleted, with its handle. An error means that nothing is.
type References func(ctx context.Context, db Queryer, storage string, names []string) (named []string, err error)

// WithReferences adds a function that knows of rows that name files, for columns
// and databases that this package can't read.
func WithReferences(r References) Option {
	return func(o *Outbox) error {
		if r == nil {
			return errors.New("the function given to WithReferences is nil")
		}
		o.references = append(o.references, r)
		return nil
	}
}

// sources returns the columns that name files, by storage, after it made sure
// that they can be read.
func (o *Outbox) sources(ctx context.Context) (map[string][]dialect.Source, error) {
	found := map[string][]dialect.Source{}
	var errs []error
	for _, s := range o.stored {
		for i := range s.typ.Fields {
			f := &s.typ.Fields[i]
			c, err := s.column(o.dialect, f)
			if c.Form == Elsewhere {
				continue
			}
			if err == nil {
				var from dialect.Source
				from, err = o.source(ctx, s.table, c, f)
				if !slices.Contains(found[f.Storage], from) {
					found[f.Storage] = append(found[f.Storage], from)
				}
			}
			if err != nil && f.Guessed && c.Name == f.Column {
				err = fmt.Errorf("%w (no tag names the column, so that its name was guessed: say column=NAME in the file tag, or name it in outbox.Stored)", err)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s.%s in %s.%s: %w", s.typ.Name, f.Path, s.table, c.Name, err))
			}
		}
	}
	return found, errors.Join(errs...)
}

// source finds out how to read a column, and tries. A document that the database
// can't take apart is no error: it is searched as text.
func (o *Outbox) source(ctx context.Context, table string, c Column, f *runtime.Field) (src dialect.Source, err error) {
	err = o.transaction(ctx, func(tx dialect.Handle) (err error) {
		src, err = o.dialect.Column(ctx, tx, table, c.Name, c.Form.known(), f.Shape == runtime.List)
		return err
	})
	if err != nil {
		return src, err
	}
	if err = o.try(ctx, src); err == nil || src.Form != dialect.JSON {
		return src, err
	}
	raw := src
	raw.Raw = true
	if o.try(ctx, raw) != nil {
		return src, err
	}
	return raw, nil
}

// try reads a part of a column.
func (o *Outbox) try(ctx context.Context, src dialect.Source) error {
	return o.transaction(ctx, func(tx dialect.Handle) error {
		q := dialect.New(o.dialect, "")
		o.dialect.Find(q, src, []string{"a name that is tried"}, " LIMIT 1000")
		return dialect.QueryAll(ctx, tx, q, func(*sql.Rows) error { return nil })
	})
}
