package outbox

import (
	"errors"
	"fmt"
	"strings"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// Columns says in which column of a table the file fields of a type are stored,
// by their [runtime.Field.Path]. What is left out is in the column that the field
// names, by its tags or by its own name in snake case; if that is not there,
// making a relay is an error.
type Columns map[string]Column

// A Column is a column that names files.
type Column struct {
	Name string // as the database spells it, without quotes
	Form Form   // how it holds names; Auto if it is obvious
}

// A Form is how a column holds the names of files.
type Form uint8

// How a column holds the names of files.
const (
	// Auto is Text for a field of one name, and JSON for other fields, but on
	// PostgreSQL as the type of the column says.
	Auto Form = Form(dialect.Auto)
	// Text is a column whose value is a name.
	Text Form = Form(dialect.Text)
	// JSON is a column with a JSON document in it: every string anywhere in it is
	// taken for a name. It may be NULL or empty.
	JSON Form = Form(dialect.JSON)
	// Array is a column with an array of names, such as text[]. PostgreSQL only.
	Array Form = Form(dialect.Array)
	// Elsewhere is a column that this package does not read: a function given to
	// WithReferences does.
	Elsewhere Form = 255
)

// known returns the form as dialects have it.
func (f Form) known() dialect.Form { return dialect.Form(f) }

// stored is a type and the table that its records are in.
type stored struct {
	table   string
	typ     *runtime.Type
	columns Columns
}

// Stored says in which table the records of a type are stored. A type that is
// stored in several tables is given once for each. The table is named as the
// database spells it, with its schema if need be: "article", "app.article".
func Stored(t *runtime.Type, table string, columns Columns) Option {
	return func(o *Outbox) error {
		if t == nil || table == "" {
			return errors.New("Stored needs a type and a table")
		}
		o.stored = append(o.stored, stored{table, t, columns})
		return nil
	}
}

// NotStored says that types have no table of their own: their records are parts of
// others, in a column that is that one's field, or rows that [WithReferences]
// knows of.
func NotStored(types ...*runtime.Type) Option {
	return func(o *Outbox) error {
		for _, t := range types {
			o.elsewhere[t] = struct{}{}
		}
		return nil
	}
}

// WithValues is the inverse of [runtime.Names], for storages whose columns hold
// something else than names: it returns every value that means the named file.
func WithValues(storage string, values func(name string) []string) Option {
	return func(o *Outbox) error {
		if values == nil || o.values[storage] != nil {
			return fmt.Errorf("WithValues(%q) needs one function, once", storage)
		}
		o.values[storage] = values
		return nil
	}
}

// checkTypes makes sure that the rows of no type are forgotten.
func (o *Outbox) checkTypes() (errs []error) {
	known := map[*runtime.Type]struct{}{}
	for t := range o.elsewhere {
		known[t] = struct{}{}
	}
	for _, s := range o.stored {
		known[s.typ] = struct{}{}
		for i := range s.typ.Fields {
			f := &s.typ.Fields[i]
			c, err := s.column(o.dialect, f)
			if err != nil {
				errs = append(errs, err)
			} else if c.Form == Elsewhere && len(o.references) == 0 {
				errs = append(errs, fmt.Errorf("%s.%s: nobody reads its column: add outbox.WithReferences", s.typ.Name, f.Path))
			}
		}
		for path := range s.columns {
			if !hasField(s.typ, path) {
				errs = append(errs, fmt.Errorf("%s has no file field %s, which Stored gives a column", s.typ.Name, path))
			}
		}
	}
	for _, t := range o.cleaner.Types() {
		if _, ok := known[t]; !ok {
			errs = append(errs, fmt.Errorf("nobody said where records of %s are stored: add outbox.Stored(…) or outbox.NotStored(…)", t.Name))
		}
	}
	for _, name := range o.cleaner.Storages() {
		if _, hasNames := o.cleaner.Storage(name); hasNames && o.values[name] == nil {
			errs = append(errs, fmt.Errorf("columns don't hold the names of files in storage %q: add outbox.WithValues(%[1]q, …)", name))
		}
	}
	return errs
}

func hasField(t *runtime.Type, path string) bool {
	for _, f := range t.Fields {
		if f.Path == path {
			return true
		}
	}
	return false
}

// column returns the column of a field.
func (s *stored) column(d dialect.Dialect, f *runtime.Field) (Column, error) {
	c := s.columns[f.Path]
	if c.Form == Elsewhere {
		return c, nil
	}
	if c.Form == Auto && f.Opaque {
		return c, fmt.Errorf("%s.%s: its method FileNames finds the names, and the database can't call that: say outbox.Elsewhere in outbox.Stored, and let outbox.WithReferences ask; or say outbox.JSON, Text or Array if that is how the column of %s holds them", s.typ.Name, f.Path, s.table)
	}
	if c.Name == "" && f.HoldOnly {
		return c, fmt.Errorf("%s.%s: nothing told the generator whether it is stored in the row; write file:\"\" at the field that holds it if it is, or file:\"-\" if not, and generate again; or name its column in outbox.Stored", s.typ.Name, f.Path)
	}
	if c.Name == "" {
		c.Name = f.Column
	}
	if c.Name == "" {
		return c, fmt.Errorf("%s.%s: which column of %s? Generate again, or say so in outbox.Stored", s.typ.Name, f.Path, s.table)
	}
	switch {
	case c.Form == Array && !d.Typed():
		return c, fmt.Errorf("%s.%s: column %s can't be an array in %v", s.typ.Name, f.Path, c.Name, d)
	case c.Form != Auto || d.Typed():
	case f.Shape == runtime.List:
		c.Form = JSON
	case strings.ContainsAny(f.Path, ".["):
		return c, fmt.Errorf("%s.%s: is column %s JSON, or is a name its value? Say so in outbox.Stored: {Name: %[3]q, Form: outbox.JSON} or outbox.Text", s.typ.Name, f.Path, c.Name)
	default:
		c.Form = Text
	}
	return c, nil
}
