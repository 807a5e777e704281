package references

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
// [New] fails.
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
	// JSON is a column with a JSON document in it: every string anywhere in it, but
	// for the keys of objects, is taken for a name. It may be NULL or empty, or no JSON at all: then it is
	// searched as a text.
	JSON Form = Form(dialect.JSON)
	// Array is a column with an array of names, such as text[]. PostgreSQL only.
	Array Form = Form(dialect.Array)
	// Elsewhere is a column that this package does not read: a function given to
	// [Func] does.
	Elsewhere Form = 255
)

// formNames are how programs tell each other of forms.
var formNames = map[Form]string{Text: "text", JSON: "json", Array: "array", Elsewhere: "function"}

// String returns the name of the form.
func (f Form) String() string {
	if name, ok := formNames[f]; ok {
		return name
	}
	return "auto"
}

// table is a type and the table that its records are in.
type table struct {
	name    string
	typ     *runtime.Type
	columns Columns
}

// Table says in which table the records of a type are stored. A type that is
// stored in several tables is given once for each. The table is named as the
// database spells it, with its schema if need be: "article", "app.article". One with a dot
// in its own name must have its schema ("main" on SQLite). What several columns say of one
// field, the last does.
func Table(t *runtime.Type, name string, columns ...Columns) Option {
	return func(r *References) error {
		if t == nil || name == "" {
			return errors.New("Table needs a type and the name of a table")
		}
		all := Columns{}
		for _, some := range columns {
			for path, c := range some {
				if !hasField(t, path) {
					return fmt.Errorf("%s has no file field %s, which Table gives a column", t.Name, path)
				}
				all[path] = c
			}
		}
		r.tables = append(r.tables, table{name, t, all})
		return nil
	}
}

// NotStored says that types have no table of their own: their records are parts of
// others, in a column that is that one's field, or rows that [Func] knows of. It is an
// error if neither is so, since nobody would be asked about their files.
func NotStored(types ...*runtime.Type) Option {
	return func(r *References) error {
		for _, t := range types {
			if t == nil {
				return errors.New("NotStored: a type is nil")
			}
			r.elsewhere[t] = struct{}{}
		}
		return nil
	}
}

func hasField(t *runtime.Type, path string) bool {
	for _, f := range t.Fields {
		if f.Path == path {
			return true
		}
	}
	return false
}

// column returns the column of a field as it was said to be.
func (t *table) column(d dialect.Dialect, f *runtime.Field) (Column, error) {
	c := t.columns[f.Path]
	if c.Form == Elsewhere {
		return c, nil
	}
	if c.Form == Auto && f.Opaque {
		return c, fmt.Errorf("%s.%s: its method FileNames finds the names, and the database can't call that: say references.Elsewhere in references.Table, and let references.Func ask; or say references.JSON, Text or Array if that is how the column of %s holds them", t.typ.Name, f.Path, t.name)
	}
	if c.Name == "" && f.HoldOnly {
		return c, fmt.Errorf("%s.%s: nothing told the generator whether it is stored in the row; write file:\"\" at the field that holds it if it is, or file:\"-\" if not, and generate again; or name its column in references.Table", t.typ.Name, f.Path)
	}
	if c.Name == "" {
		c.Name = f.Column
	}
	if c.Name == "" {
		return c, fmt.Errorf("%s.%s: which column of %s? Generate again, or say so in references.Table", t.typ.Name, f.Path, t.name)
	}
	switch {
	case c.Form == Array && !d.Typed():
		return c, fmt.Errorf("%s.%s: column %s can't be an array in %v", t.typ.Name, f.Path, c.Name, d)
	case c.Form != Auto || d.Typed():
	case f.Shape == runtime.List:
		c.Form = JSON
	case strings.ContainsAny(f.Path, ".["):
		return c, fmt.Errorf("%s.%s: is column %s JSON, or is a name its value? Say so in references.Table: {Name: %[3]q, Form: references.JSON} or references.Text", t.typ.Name, f.Path, c.Name)
	default:
		c.Form = Text
	}
	return c, nil
}
