package generator

import (
	"go/types"
	"regexp"
)

// primaryKeyTag matches what gorm, bun, xorm and others write in the tags of
// primary keys.
var primaryKeyTag = regexp.MustCompile(`(?i)\b(primary_?key|pk)\b`)

// keyOf recognises the primary key: a field ID of a type that a key can be
// made of. Where other fields look like parts of the key, there is none: rows
// that share an ID must not be taken for the same.
func (in *inspection) keyOf(st *types.Struct) Key {
	var id *types.Var
	for i := range st.NumFields() {
		v := st.Field(i)
		if v.Name() == "ID" {
			id = v
			continue
		}
		if primaryKeyTag.MatchString(st.Tag(i)) {
			return Key{}
		}
	}
	if id == nil {
		return Key{}
	}
	switch t := id.Type().Underlying().(type) {
	case *types.Basic:
		switch {
		case t.Kind() == types.Invalid:
			in.unresolved = true
		case t.Info()&types.IsInteger != 0:
			return Key{Func: "IntKey", Path: id.Name()}
		case t.Kind() == types.String:
			return Key{Func: "TextKey", Path: id.Name()}
		}
	case *types.Array:
		if e, ok := t.Elem().(*types.Basic); ok && e.Kind() == types.Byte && t.Len() == 16 {
			return Key{Func: "UUIDKey", Path: id.Name()}
		}
	}
	return Key{}
}
