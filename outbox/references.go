package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

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

// source is a column in which names are looked for.
type source struct {
	table, column string
	form          Form
	cast          bool // on PostgreSQL: from text to JSON
}

// sources returns the columns that name files, by storage, after it made sure
// that they can be read.
func (o *Outbox) sources(ctx context.Context) (map[string][]source, error) {
	found := map[string][]source{}
	var errs []error
	for _, s := range o.stored {
		for i := range s.typ.Fields {
			f := &s.typ.Fields[i]
			c, err := s.column(o.dialect, f)
			if c.Form == Elsewhere {
				continue
			}
			if err == nil {
				var from source
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
func (o *Outbox) source(ctx context.Context, table string, c Column, f *runtime.Field) (source, error) {
	s := source{table: table, column: c.Name, form: c.Form}
	if o.dialect == PostgreSQL {
		if err := o.readType(ctx, &s, f); err != nil {
			return s, err
		}
	}
	q := o.dialect.statement("")
	q.find(s, []string{"a name that is tried"}, " LIMIT 1000")
	_, err := texts(ctx, o.db, q)
	return s, err
}

// readType makes the form of a source that which PostgreSQL says its column has.
func (o *Outbox) readType(ctx context.Context, s *source, f *runtime.Field) error {
	var typ string
	err := queryRow(ctx, o.db, o.dialect.statement(`SELECT CASE t.typtype WHEN 'd' THEN b.typname ELSE t.typname END FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype`).
		add(" WHERE a.attrelid = to_regclass(?) AND a.attname = ? AND NOT a.attisdropped", o.dialect.quote(s.table), s.column), &typ)
	if errors.Is(err, sql.ErrNoRows) {
		return errors.New("there is no such table or column")
	}
	if err != nil {
		return err
	}
	is := Auto
	switch typ {
	case "text", "varchar", "bpchar", "citext", "name":
		is = Text
	case "json", "jsonb":
		is = JSON
	case "_text", "_varchar", "_bpchar", "_citext":
		is = Array
	}
	switch {
	case is == Auto:
		return fmt.Errorf("columns of type %s can't be read; see outbox.WithReferences", typ)
	case s.form == JSON && is == Text:
		s.cast = true
	case s.form != Auto && s.form != is:
		return fmt.Errorf("the column is of type %s", typ)
	case s.form == Auto && is == Text && f.Shape == runtime.List:
		return errors.New("the column is text, and the field may hold many names: say outbox.JSON in outbox.Stored if it holds JSON, or see outbox.WithReferences")
	default:
		s.form = is
	}
	return nil
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
		q := r.outbox.dialect.statement("")
		for i, s := range sources {
			if i > 0 {
				q.raw(" UNION ALL ")
			}
			q.find(s, part, "")
		}
		found, err := texts(ctx, db, q)
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

// texts returns the one column of a query's result.
func texts(ctx context.Context, db Queryer, q *statement) (all []string, err error) {
	err = queryAll(ctx, db, q, func(rows *sql.Rows) error {
		var v string
		if err := rows.Scan(&v); err != nil {
			return err
		}
		all = append(all, v)
		return nil
	})
	return all, err
}

// find appends a query for those of the values that a column holds, and perhaps
// others that the database takes for them. With a limit it looks at so many rows.
// What the database takes for equal must not be merged: only one may be the name.
// Columns are qualified, or SQLite would take one that does not exist for a string.
func (s *statement) find(src source, values []string, limit string) {
	d := s.dialect
	column, from := "r."+d.quote(src.column), d.quote(src.table)+" r"
	rows := "(SELECT " + column + " AS c FROM " + from + " WHERE " + column + " IS NOT NULL" + limit + ") t"
	switch {
	case src.form == Text:
		if limit == "" { // the plain form, for which an index is used
			rows = from
		} else {
			column = "t.c"
		}
		in(s.raw("SELECT DISTINCT "+d.exact(column)+" FROM "+rows+" WHERE "+column+" IN "), values)
	case src.form == Array:
		in(s.raw("SELECT DISTINCT v FROM "+rows+", unnest(t.c::text[]) v WHERE v IN "), values)
	case d == PostgreSQL:
		document := "t.c::jsonb"
		if src.cast {
			document = "nullif(t.c, '')::jsonb"
		}
		in(s.raw("SELECT DISTINCT v #>> '{}' FROM "+rows+", jsonb_path_query("+document+", 'strict $.**') v WHERE jsonb_typeof(v) = 'string' AND v #>> '{}' IN "), values)
	case d == SQLite:
		in(s.raw("SELECT DISTINCT v.value FROM "+rows+", json_tree(nullif(t.c, '')) v WHERE v.type = 'text' AND v.value IN "), values)
	default:
		// MariaDB has no path for all there is: the document, what is in objects, and what is in arrays.
		for i, path := range []string{"$", "$**.*", "$**[*]"} {
			if i > 0 {
				s.raw(" UNION ALL ")
			}
			in(s.raw("SELECT DISTINCT "+d.exact("v.v")+" FROM "+rows+", JSON_TABLE(nullif(t.c, ''), '"+path+"' COLUMNS (v text PATH '$')) v WHERE v.v IN "), values)
		}
	}
}

// exact is an expression for the bytes of a text in UTF-8, whatever its collation.
func (d Dialect) exact(text string) string {
	switch d {
	case PostgreSQL:
		return text + `::text COLLATE "C"`
	case MariaDB:
		return "CAST(CONVERT(" + text + " USING utf8mb4) AS BINARY)"
	case SQLite:
	}
	return text + " COLLATE BINARY"
}
