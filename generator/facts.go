package generator

import (
	"errors"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// facts are what is known of a struct type, found out once: in large packages
// all structs lead to each other.
type facts struct {
	t      types.Type
	st     *types.Struct
	fields []fieldFacts
	layers layers // that it is written for
	keyed  bool   // it has what looks like a primary key
	table  bool   // it says that it is in a table
	own    bool   // it has file tags, or embeds a struct that has
	// unknown are embedded fields that may lead to file fields: their types were
	// not found.
	unknown []*types.Var
	joins   bool // it is what a query joined: it has the columns of several rows

	reaches bool // a file tag can be reached from it
	index   int  // see reach
	low     int
	done    bool
}

// fieldFacts is one field of a struct.
type fieldFacts struct {
	v    *types.Var
	tag  reflect.StructTag
	file Tag
	kind tagKind
	err  error // in the file tag
}

// name returns the name of the type, or "".
func (f *facts) name() string {
	if named, ok := types.Unalias(f.t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// factsOf returns what is known of a struct type.
func (in *inspection) factsOf(t types.Type) *facts {
	t = types.Unalias(t)
	if f := in.facts[t]; f != nil {
		return f
	}
	f := &facts{t: t, st: t.Underlying().(*types.Struct)}
	in.facts[t] = f // before the fields: they may lead here
	f.fields = make([]fieldFacts, f.st.NumFields())
	for i := range f.fields {
		field := &f.fields[i]
		field.v, field.tag = f.st.Field(i), reflect.StructTag(f.st.Tag(i))
		field.file, field.kind, field.err = parseTag(f.st.Tag(i))
		if _, slip := errors.AsType[misspeltKey](field.err); slip && !in.unit.Facts.Local(in.at(field.v).Filename) {
			field.err = nil
		}
		f.own = f.own || field.kind == tagged || field.err != nil
		f.layers |= layersOf(field.tag, field.v.Type())
		if isInvalid(innermost(field.v.Type())) { // its package need not be there
			for _, path := range in.importsOf(field.v) {
				f.layers |= layersOfPath(strings.Trim(path.Value, "\"`"))
			}
		}
		if field.v.Embedded() && field.kind == untagged {
			in.embeds(f, field.v)
		}
		if isEdges(field.v) {
			f.layers |= entLayer
		}
	}
	f.layers |= in.layerOfFile(t)
	f.table = in.namesTable(t)
	f.keyed = hasKey(f.st) || f.table || in.saysKey(t) || f.own && hasField(f.st, "id")
	f.joins = in.joinsRows(f)
	return f
}

// embeds adds what an embedded field makes of its struct.
func (in *inspection) embeds(f *facts, v *types.Var) {
	t := deref(v.Type())
	if isInvalid(t) {
		f.unknown = append(f.unknown, v)
		return
	}
	if !isStruct(t) {
		return
	}
	inner := in.factsOf(t)
	f.own = f.own || inner.own
	f.layers |= inner.layers &^ (entLayer | sqlcLayer) // whose rows are not written by hand
	if len(inner.unknown) > 0 {
		f.unknown = append(f.unknown, v)
	}
}

// joinsRows reports whether a struct has the columns of two structs that are
// rows, each with a primary key, or of one that joins some.
func (in *inspection) joinsRows(f *facts) bool {
	keys, files := 0, 0 // those with a primary key, and those with files that may have one
	for i := range f.fields {
		field := &f.fields[i]
		t := deref(field.v.Type())
		if field.kind == leftOut || !isStruct(t) || !field.v.Embedded() && tagsSay(field.tag) != columns {
			continue
		}
		switch inner := in.factsOf(t); {
		case inner.joins:
			return true
		case inner == f:
		case inner.keyed:
			keys++
			fallthrough
		case inner.keyish():
			if inner.own {
				files++
			}
		}
	}
	return keys > 1 || files > 1
}

// row reports whether the struct may be a row, and not only something that holds
// rows or parts of some.
func (f *facts) row() bool { return f.own || f.keyed || f.layers != 0 }

// inTable reports whether the struct is a row of a table for itself, and not only a
// part that happens to have an ID: it has a key and the tags of a layer, or says
// what table it is in.
func (f *facts) inTable() bool {
	return f.table || f.layers != 0 && (f.keyed || f.keyish())
}

// rowOfItsOwn reports whether the struct has a primary key, also one that other
// packages don't see.
func (f *facts) rowOfItsOwn() bool {
	return f.keyed || slices.ContainsFunc(keyFields(f.st, "", nil, nil), func(k keyField) bool { return k.v.Name() == "id" })
}

// hasColumn reports whether a field may be a column that holds no structs: a row
// has one.
func (f *facts) hasColumn() bool {
	return slices.ContainsFunc(f.fields, func(field fieldFacts) bool { return structIn(field.v.Type(), 0) == nil })
}

// wraps reports whether the struct embeds a row of another package, adds no column
// to it and has fields that nobody stores: a driver, a handle, a connection.
func (f *facts) wraps(pkg *types.Package) bool {
	if _, index, _ := types.LookupFieldOrMethod(f.t, true, pkg, "TableName"); len(index) == 1 {
		return false
	}
	embeds, hides := false, false
	for i := range f.fields {
		field := &f.fields[i]
		switch t := deref(field.v.Type()); {
		case field.kind == tagged || field.err != nil || layersOf(field.tag, field.v.Type()) != 0:
			return false
		case field.v.Embedded():
			named, ok := types.Unalias(t).(*types.Named)
			if ok && named.Obj().Pkg() == pkg && isStruct(t) {
				return false
			}
			embeds = true
		case field.v.Exported():
			return false
		default:
			hides = true
		}
	}
	return embeds && hides
}

func hasField(st *types.Struct, name string) bool {
	for v := range st.Fields() {
		if v.Name() == name {
			return true
		}
	}
	return false
}

// isEdges recognises the field of ent's that leads to other rows.
func isEdges(v *types.Var) bool {
	st, ok := v.Type().Underlying().(*types.Struct)
	return ok && v.Name() == "Edges" && isEdgesStruct(st)
}

func isEdgesStruct(st *types.Struct) bool {
	for v := range st.Fields() {
		if _, isArray := v.Type().Underlying().(*types.Array); isArray && v.Name() == "loadedTypes" {
			return true
		}
	}
	return false
}

// keyish reports whether the struct has a field that may be a primary key of a
// less usual name: uuid, or ClientID in ExtClient.
func (f *facts) keyish() bool {
	return f.hasKeyField(func(prefix string) bool { return prefix == "" }) || f.keyOfName()
}

// keyOfName reports whether the struct has a field that is called after its type, as
// primary keys are.
func (f *facts) keyOfName() bool {
	name := strings.ToLower(f.name())
	return f.hasKeyField(func(prefix string) bool { return prefix != "" && strings.HasSuffix(name, prefix) })
}

// hasKeyField reports whether the name of a field of the struct, or of one that it
// embeds, ends as that of a key, after something.
func (f *facts) hasKeyField(after func(prefix string) bool) bool {
	for _, field := range keyFields(f.st, "", nil, nil) {
		name := strings.ToLower(strings.ReplaceAll(field.v.Name(), "_", ""))
		for _, end := range []string{"uuid", "guid", "uid", "id", "pk"} {
			if prefix, ok := strings.CutSuffix(name, end); ok && after(prefix) {
				return true
			}
		}
	}
	return false
}
