package generator

import (
	"errors"
	"fmt"
	"go/types"
)

// errInvalid says that a type is not known because something it is made of
// was not found.
var errInvalid = errors.New("invalid type")

// shapeOf returns how a value of a type holds file names. Errors name types as
// the package from would.
func shapeOf(t types.Type, from *types.Package) (*Shape, error) {
	shape, err := shapeWithin(t, nil)
	if errors.Is(err, errUnsupported) {
		return nil, fmt.Errorf("a file field can't be %s; it can be a string, a type made of string, "+
			"a pointer to one, a slice of them, sql.NullString or sql.Null[T]; "+
			`change it, or leave it out with file:"-"`, types.TypeString(t, func(p *types.Package) string {
			if p == from {
				return ""
			}
			return p.Name()
		}))
	}
	return shape, err
}

var errUnsupported = errors.New("unsupported type")

// shapeWithin is shapeOf for a part of the types that are given, which it must
// not come back to.
func shapeWithin(t types.Type, outer []types.Type) (*Shape, error) {
	for _, o := range outer {
		if types.Identical(o, t) {
			return nil, errUnsupported
		}
	}
	outer = append(outer, t)
	if field, of := nullable(t); of != nil {
		return wrap(Shape{Kind: Nullable, Value: field}, of, outer)
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.Invalid {
			return nil, errInvalid
		}
		if u.Kind() == types.String {
			return &Shape{Kind: Text, Convert: !types.Identical(t, types.Typ[types.String])}, nil
		}
	case *types.Pointer:
		return wrap(Shape{Kind: Pointer}, u.Elem(), outer)
	case *types.Slice:
		return wrap(Shape{Kind: Slice}, u.Elem(), outer)
	}
	return nil, errUnsupported
}

func wrap(s Shape, of types.Type, outer []types.Type) (*Shape, error) {
	inner, err := shapeWithin(of, outer)
	if err != nil {
		return nil, err
	}
	s.Of = inner
	return &s, nil
}

// nullable recognises sql.NullString and sql.Null[T], and returns the name and
// type of the field that counts if Valid.
func nullable(t types.Type) (field string, of types.Type) {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != "database/sql" {
		return "", nil
	}
	switch named.Obj().Name() {
	case "NullString":
		field = "String"
	case "Null":
		field = "V"
	default:
		return "", nil
	}
	st, ok := named.Underlying().(*types.Struct)
	if !ok {
		return "", nil
	}
	for v := range st.Fields() {
		if v.Name() == field {
			return field, v.Type()
		}
	}
	return "", nil
}
