package outbox

import (
	"context"
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

// source finds out how to read a column, and tries.
func (o *Outbox) source(ctx context.Context, table string, c Column, f *runtime.Field) (dialect.Source, error) {
	src, err := o.dialect.Column(ctx, o.db, table, c.Name, c.Form.known(), f.Shape == runtime.List)
	if err != nil {
		return src, err
	}
	q := dialect.New(o.dialect, "")
	o.dialect.Find(q, src, []string{"a name that is tried"}, " LIMIT 1000")
	_, err = dialect.Strings(ctx, o.db, q)
	return src, err
}

// named returns those of the names in a storage that some row names, asking for
// many at a time.
func (r *Relay) named(ctx context.Context, db Queryer, storage string, names []string) (map[string]struct{}, error) {
	named := map[string]struct{}{}
	for part := range slices.Chunk(names, portion) {
		if err := r.namedInColumns(ctx, db, storage, part, named); err != nil {
			return nil, fmt.Errorf("looking for rows that name files: %w", err)
		}
		for _, ask := range r.outbox.references {
			found, err := ask(ctx, db, storage, part)
			if err != nil {
				return nil, fmt.Errorf("the function of outbox.WithReferences: %w", err)
			}
			for _, name := range found {
				named[name] = struct{}{}
			}
		}
	}
	return named, nil
}

// namedInColumns adds those names that a column holds. All columns are asked by one
// statement, which sees one state of the database: or a name that moves from one
// to another meanwhile would be seen in neither.
func (r *Relay) namedInColumns(ctx context.Context, db Queryer, storage string, names []string, named map[string]struct{}) error {
	sources := r.sources[storage]
	if len(sources) == 0 {
		return nil
	}
	const most = 30_000 // arguments of a statement; on MariaDB, a JSON column takes three times the values
	values, nameOf := r.outbox.valuesOf(storage, names)
	for part := range slices.Chunk(values, max(1, min(portion, most/3/len(sources)))) {
		q := dialect.New(r.outbox.dialect, "")
		for i, s := range sources {
			if i > 0 {
				q.Raw(" UNION ALL ")
			}
			r.outbox.dialect.Find(q, s, part, "")
		}
		found, err := dialect.Strings(ctx, db, q)
		if err != nil {
			return err
		}
		for _, v := range found {
			if name, ok := nameOf[v]; ok { // databases may compare less strictly
				named[name] = struct{}{}
			}
		}
	}
	return nil
}

// valuesOf returns what columns may hold for the named files, and the name that
// each value means.
func (o *Outbox) valuesOf(storage string, names []string) (values []string, nameOf map[string]string) {
	nameOf = make(map[string]string, len(names))
	for _, name := range names {
		nameOf[name] = name
	}
	valueOf := o.values[storage]
	if valueOf == nil {
		return names, nameOf
	}
	values = slices.Clone(names)
	for _, name := range names {
		for _, v := range valueOf(name) {
			nameOf[v] = name
			values = append(values, v)
		}
	}
	return values, nameOf
}
