package generator

import (
	"fmt"
	"go/types"
	"strings"
)

// unsupported says why a field of a type can't be a file field, and what it may
// be instead. Types are named as the package itself would.
func (in *inspection) unsupported(f *fieldFacts, owner *facts) string {
	t := f.v.Type()
	what := in.typeString(t)
	elem := elementOf(t)
	switch {
	case isBytes(elem), isAnything(elem):
		return fmt.Sprintf("a file field can't be %s: the names in it can't be seen; write it as a struct whose fields have file tags, "+
			`which gorm stores with serializer:json, bun and xorm as JSON and others with methods Value and Scan, or give it a type with FileNames() iter.Seq[string]`, what)
	case isURL(elem):
		return fmt.Sprintf("a file field can't be %s: an address is not the name of a file; store the name, as a string, or give it a type with FileNames() iter.Seq[string]", what)
	case typeArgument(elem) != nil:
		return fmt.Sprintf("a file field can't be %s: %s", what, in.insteadOf(typeArgument(elem)))
	}
	if lines := in.wrapper(elem, owner.name()+f.v.Name()); lines != "" {
		return fmt.Sprintf("a file field can't be %s, which does not say what the file is called; give it a type that does:\n\n%s", what, lines)
	}
	return fmt.Sprintf("a file field can't be %s; it can be a string, a type made of string, sql.NullString or a struct like it, "+
		"a type with FileNames() iter.Seq[string], a struct that has file fields, or a pointer, slice, array or map of those; "+
		`change it, or leave it out with file:"-"`, what)
}

// elementOf returns what a type points to, or holds many of, unless that is bytes.
func elementOf(t types.Type) types.Type {
	for range 8 {
		if isBytes(t) || isAnything(t) {
			return t
		}
		next, ok := t.Underlying().(interface{ Elem() types.Type })
		if _, array := t.Underlying().(*types.Array); !ok || array {
			return t
		}
		t = next.Elem()
	}
	return t
}

func isBytes(t types.Type) bool {
	s, ok := t.Underlying().(*types.Slice)
	return ok && types.Identical(s.Elem().Underlying(), types.Typ[types.Byte])
}

// isAnything recognises interfaces, and maps with them, in which any document is.
func isAnything(t types.Type) bool {
	if m, ok := t.Underlying().(*types.Map); ok {
		t = m.Elem()
	}
	_, param := types.Unalias(t).(*types.TypeParam)
	return types.IsInterface(t) && !param
}

func isURL(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "URL" && isStruct(t)
}

// typeArgument returns the one type argument of a struct that keeps its value in
// a field that is not exported, or nil.
func typeArgument(t types.Type) types.Type {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.TypeArgs().Len() != 1 || !isStruct(t) {
		return nil
	}
	for v := range t.Underlying().(*types.Struct).Fields() {
		if v.Exported() && !types.Identical(v.Type(), types.Typ[types.Bool]) {
			return nil
		}
	}
	return named.TypeArgs().At(0)
}

// insteadOf says what to write instead of a generic type that hides its value.
func (in *inspection) insteadOf(arg types.Type) string {
	name := in.typeString(arg)
	if in.hasFileFields(arg) {
		return fmt.Sprintf("it keeps what it holds in a field that package %s can't read; write %s itself, which gorm stores with serializer:json, "+
			"bun and xorm as JSON and others with methods Value and Scan, or give it a type with FileNames() iter.Seq[string]", in.pkg.Name(), name)
	}
	return fmt.Sprintf("it keeps what it holds in a field that package %s can't read; write *%s or sql.Null[%[2]s], or give it a type with FileNames() iter.Seq[string]", in.pkg.Name(), name)
}

// hides says what to do about a field whose files are in one that can't be read.
func (in *inspection) hides(v, hidden *types.Var) string {
	if arg := typeArgument(elementOf(v.Type())); arg != nil {
		return fmt.Sprintf(`%s has file fields, but %s; or leave it out with file:"-"`, in.typeString(arg), in.insteadOf(arg))
	}
	return fmt.Sprintf("it has file fields in %s, which package %s can't read; give %s a method FileNames() iter.Seq[string] and the field a file tag, "+
		`or leave it out with file:"-"`, hidden.Name(), in.pkg.Name(), in.typeString(v.Type()))
}

// wrapper returns a type to copy whose files are called by a number or an
// identifier, or "".
func (in *inspection) wrapper(t types.Type, name string) string {
	name = exported(name)
	if !strings.HasSuffix(name, "ID") {
		name += "ID"
	}
	this := in.typeString(t)
	if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&types.IsInteger != 0 {
		return fourLines(name, this, "id != 0", `fmt.Sprintf("files/%d", id)`)
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return ""
	}
	field := named.Obj().Name()
	embedded := "struct{ " + this + " } // with its methods Value and Scan"
	if a, ok := t.Underlying().(*types.Array); ok && types.Identical(a.Elem().Underlying(), types.Typ[types.Byte]) {
		return fourLines(name, embedded, fmt.Sprintf("id.%s != %s{}", field, this), fmt.Sprintf(`"files/" + fmt.Sprint(id.%s)`, field))
	}
	if part := nullableKey(t, in.pkg); part != nil {
		return fourLines(name, embedded, "id.Valid", fmt.Sprintf(`"files/" + fmt.Sprint(id.%s)`, part.Name()))
	}
	return ""
}

func fourLines(name, of, unless, value string) string {
	return fmt.Sprintf(`	type %s %s

	func (id %[1]s) FileNames() iter.Seq[string] {
		return func(yield func(string) bool) { _ = %[3]s && yield(%[4]s) }
	}
`, name, of, unless, value)
}
