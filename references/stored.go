package references

import (
	"errors"
	"fmt"

	"github.com/filecleangen/filecleangen/runtime"
)

// A StoredField is a file field, and the column that its values are in.
type StoredField struct {
	Type   *runtime.Type
	Field  *runtime.Field
	Table  string // as the database spells it, with its schema
	Column string // as the database spells it
	Form   Form   // how the column holds names
	Prefix string // what stands in front of a name, see [Prefix]; "" if nothing
}

// StoredFields returns the columns of this program's file fields, for what has to know a
// row's names in the database itself, as triggers do. A field is there once for each
// table that its type is stored in. The error names each column whose names only a Go
// function knows: one of [Values], or of [Func].
func (r *References) StoredFields() ([]StoredField, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, f := range r.fields {
		switch mapping := r.mappings[f.Field.Storage]; {
		case f.Form == Elsewhere:
			errs = append(errs, fmt.Errorf("%s.%s, of the table %s: only the function of references.Func knows its names, and the database can't call that", f.Type.Name, f.Field.Path, f.Table))
		case mapping.form() == functionForm:
			errs = append(errs, fmt.Errorf("%s.%s in %s.%s: only the functions of references.Values(%q, …) know what its values mean, and the database can't call those: store names, or use references.Prefix", f.Type.Name, f.Field.Path, f.Table, f.Column, f.Field.Storage))
		case mapping.isPrefix && mapping.prefix == "":
			errs = append(errs, fmt.Errorf("%s.%s in %s.%s: the prefix of storage %q is empty; leave references.Prefix out if values are names", f.Type.Name, f.Field.Path, f.Table, f.Column, f.Field.Storage))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("filecleangen: references: %w", err)
	}
	return append([]StoredField(nil), r.fields...), nil
}

// Program returns the name by which other programs know this one, see [Program].
func (r *References) Program() string { return r.program }
