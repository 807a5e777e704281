package generator

import (
	"go/types"
	"reflect"
)

// checkEmbedded reports embedded structs with file fields of their own. Their
// methods would be hidden by those of the outer struct, if it has file fields
// itself, or else serve several tables with one key. Either way files could be
// lost.
func (in *inspection) checkEmbedded(outer string, st *types.Struct, tagged bool) {
	for i := range st.NumFields() {
		v := st.Field(i)
		if !v.Embedded() || reflect.StructTag(st.Tag(i)).Get(tagKey) == "-" {
			continue
		}
		known, has := fileFieldsIn(v.Type(), nil)
		switch {
		case has:
			in.ds.add(in.fset.Position(v.Pos()), "%s embeds %s, which has file fields of its own; that is not supported yet: "+
				`move its file fields into %[1]s, make it a named field and call its methods, or leave it out with file:"-"`, outer, v.Name())
		case !known:
			in.unresolved = true
			if tagged {
				in.ds.add(in.fset.Position(v.Pos()), "%s embeds %s, which may have file fields: %s", outer, v.Name(), in.explain(v, errInvalid))
			}
		}
	}
}

// fileFieldsIn reports whether a type is a struct with file fields, or embeds
// one, and whether enough is known to tell.
func fileFieldsIn(t types.Type, outer []types.Type) (known, has bool) {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	if b, ok := t.Underlying().(*types.Basic); ok && b.Kind() == types.Invalid {
		return false, false
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return true, false
	}
	for _, o := range outer {
		if types.Identical(o, t) {
			return true, false
		}
	}
	known = true
	for i := range st.NumFields() {
		if _, isFile, _ := parseTag(st.Tag(i)); isFile {
			return true, true
		}
		if v := st.Field(i); v.Embedded() {
			innerKnown, innerHas := fileFieldsIn(v.Type(), append(outer, t))
			if innerHas {
				return true, true
			}
			known = known && innerKnown
		}
	}
	return known, false
}
