package generator

import (
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"slices"
)

// errInvalid says that a type is not known because something it is made of
// was not found.
var errInvalid = errors.New("invalid type")

var errUnsupported = errors.New("unsupported type")

// leaf is one way from a value to names.
type leaf struct {
	shape *Shape
	tag   Tag
	v     *types.Var // the field with the tag; nil: that of the value itself
	path  []element
	node  types.Type // the shape ends in a Node of this type, which is further out

	column     string // in which the name is stored
	columnFrom string // what says so: see Field
	under      underKey
	key        string // in the document in that column, see Field
	holdOnly   bool   // whether the name is stored in the row is not known
}

// element is a struct field on the way to a leaf.
type element struct {
	name     string
	embedded bool
	many     bool // it is a list or map of what follows
}

// through puts a step before leaves.
func through(leaves []leaf, s Shape) []leaf {
	for i := range leaves {
		step := s
		step.Of = leaves[i].shape
		leaves[i].shape = &step
	}
	return leaves
}

// namesIn returns the ways from a value of a type to names.
func (in *inspection) namesIn(t types.Type, p place) ([]leaf, error) {
	leaves, err := in.waysIn(t, p)
	if slices.ContainsFunc(leaves, func(l leaf) bool { return l.under.key != "" }) && in.writesItself(t) {
		withoutKeys(leaves)
	}
	return leaves, err
}

func (in *inspection) waysIn(t types.Type, p place) ([]leaf, error) {
	if _, ok := types.Unalias(t).(*types.Named); ok && !isStruct(t) && contains(p.outer, t) {
		return nil, errUnsupported // type L []L
	}
	if shape, err := in.listsNames(t); shape != nil || err != nil {
		return []leaf{{shape: shape}}, err
	}
	if param, ok := types.Unalias(t).(*types.TypeParam); ok {
		return namesInParam(param)
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.Invalid {
			return nil, errInvalid
		}
		if u.Info()&types.IsString != 0 {
			return []leaf{{shape: &Shape{Kind: Text, Convert: !types.Identical(t, types.Typ[types.String])}}}, nil
		}
	case *types.Pointer:
		return in.namesBehind(Shape{Kind: Pointer}, u.Elem(), p, t)
	case *types.Slice:
		return in.namesBehind(Shape{Kind: Slice}, u.Elem(), p, t)
	case *types.Array:
		return in.namesBehind(Shape{Kind: Array}, u.Elem(), p, t)
	case *types.Map:
		return in.namesBehind(Shape{Kind: Map}, u.Elem(), p, t)
	case *types.Struct:
		return in.namesInStruct(t, p)
	}
	return nil, errUnsupported
}

func contains(list []types.Type, t types.Type) bool {
	return slices.ContainsFunc(list, func(o types.Type) bool { return types.Identical(o, t) })
}

func isStruct(t types.Type) bool {
	_, ok := t.Underlying().(*types.Struct)
	return ok
}

func (in *inspection) namesBehind(s Shape, t types.Type, p place, from types.Type) ([]leaf, error) {
	p.outer = append(slices.Clip(p.outer), from)
	leaves, err := in.namesIn(t, p)
	return through(leaves, s), err
}

// namesInStruct returns the ways to the file fields of a struct, or else what
// counts in a {String; Valid} struct.
func (in *inspection) namesInStruct(t types.Type, p place) ([]leaf, error) {
	if leaves := in.fileFields(t, p); len(leaves) > 0 {
		return leaves, nil
	}
	if v := nullable(t, in.pkg); v != nil {
		return in.namesBehind(Shape{Kind: Nullable, Name: v.Name()}, v.Type(), p, t)
	}
	return nil, errUnsupported
}

// listsNames recognises types that have FileNames() iter.Seq[string].
func (in *inspection) listsNames(t types.Type) (*Shape, error) {
	obj, _, _ := types.LookupFieldOrMethod(t, true, in.pkg, "FileNames")
	fn, ok := obj.(*types.Func)
	if !ok {
		return nil, nil
	}
	want := "its method FileNames must be FileNames() iter.Seq[string]"
	sig := fn.Signature()
	if sig.Params().Len() != 0 || sig.Results().Len() != 1 {
		return nil, errors.New(want)
	}
	result := sig.Results().At(0).Type()
	if isInvalid(result) {
		return nil, errInvalid
	}
	if !types.Identical(result.Underlying(), seqOfStrings) {
		return nil, errors.New(want)
	}
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Interface:
		if _, ok := types.Unalias(t).(*types.TypeParam); !ok {
			return &Shape{Kind: Pointer, Of: &Shape{Kind: Names}}, nil
		}
	}
	return &Shape{Kind: Names}, nil
}

// seqOfStrings is func(yield func(string) bool), which iter.Seq[string] is made
// of.
var seqOfStrings = func() types.Type {
	variable := func(t types.Type) *types.Tuple { return types.NewTuple(types.NewVar(token.NoPos, nil, "", t)) }
	yield := types.NewSignatureType(nil, nil, nil, variable(types.Typ[types.String]), variable(types.Typ[types.Bool]), false)
	return types.NewSignatureType(nil, nil, nil, variable(yield), nil, false)
}()

// namesInParam returns how a type parameter holds names: whatever satisfies its
// constraint must be made of string, or be a list of strings.
func namesInParam(p *types.TypeParam) ([]leaf, error) {
	only := func(list ...types.Type) bool {
		var terms []*types.Term
		for _, t := range list {
			terms = append(terms, types.NewTerm(true, t))
		}
		return types.Satisfies(p, types.NewInterfaceType(nil, []types.Type{types.NewUnion(terms)}))
	}
	if isInvalid(p.Constraint()) {
		return nil, errInvalid
	}
	text := &Shape{Kind: Text, Convert: true}
	if only(types.Typ[types.String]) {
		return []leaf{{shape: text}}, nil
	}
	if only(types.NewSlice(types.Typ[types.String])) {
		return []leaf{{shape: &Shape{Kind: Slice, Of: text}}}, nil
	}
	what := "could be anything; constrain it to ~string or ~[]string"
	if only(types.Typ[types.String], types.NewSlice(types.Typ[types.String])) {
		what = "could be one name or a list of names; constrain it to one of them, ~string or ~[]string"
	}
	return nil, fmt.Errorf("the type parameter %s %s, or leave the type out with //filecleangen:ignore and embed it where %[1]s is known", p.Obj().Name(), what)
}

// nullable returns the field that counts if Valid, in structs of the shape
// {String string; Valid bool}, as sql.NullString and many others have it, in
// those of the shape {V T; Valid bool}, as sql.Null[T], and in those of the shape
// {Elements []T; Valid bool}, as pgtype.Array[T].
func nullable(t types.Type, from *types.Package) *types.Var {
	for _, name := range []string{"String", "V", "Elements"} {
		if v := ifValid(t, from, name); v != nil {
			return v
		}
	}
	return nil
}

// ifValid returns a field of a struct that has a field Valid beside it.
func ifValid(t types.Type, from *types.Package, name string) *types.Var {
	field := func(name string) *types.Var {
		obj, _, indirect := types.LookupFieldOrMethod(t, false, from, name)
		if v, ok := obj.(*types.Var); ok && !indirect {
			return v
		}
		return nil
	}
	if valid := field("Valid"); valid == nil || !types.Identical(valid.Type().Underlying(), types.Typ[types.Bool]) {
		return nil
	}
	return field(name)
}

func isInvalid(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.Invalid
}

func (in *inspection) typeString(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == in.pkg {
			return ""
		}
		return p.Name()
	})
}
