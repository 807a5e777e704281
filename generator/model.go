package generator

import "go/token"

// Package is what render needs to know of a Go package: the border between
// reading code and writing it. It holds plain values only, so that packages may
// be read in other ways without touching what follows.
type Package struct {
	Name    string   // of the package clause
	Dir     string   // absolute
	Structs []Struct // in source order
	Taken   []string // the identifiers declared at package level
}

// Struct is a type with file fields.
type Struct struct {
	Name       string
	TypeParams int // how many
	Key        Key
	Fields     []Field
	Pos        token.Position
}

// Key says how to tell records of a type apart. The zero Key means that the
// generator can't tell.
type Key struct {
	Func string // the constructor in package runtime: "IntKey"
	Path string // the field: "ID"
}

// Field is one file field of a struct.
type Field struct {
	Path     string // the selector from the record: "Cover"
	Snapshot string // the name of the snapshot's field
	Tag      Tag
	Shape    Shape
	Pos      token.Position
}

// Shape is how names are held by a value of some type.
type Shape struct {
	Kind ShapeKind
	Of   *Shape // what a Pointer, Slice or Nullable holds

	// Text: whether the type is other than string, and must be converted.
	Convert bool
	// Nullable: the name of the field beside Valid.
	Value string
}

// ShapeKind says which kind of value a [Shape] is.
type ShapeKind uint8

// The kinds of shapes.
const (
	Text     ShapeKind = iota // a string type: one name
	Pointer                   // nil: no name
	Slice                     // any number
	Nullable                  // {Value; Valid bool}, as in database/sql
)

// Many reports whether the shape may hold more than one name.
func (s *Shape) Many() bool {
	return s != nil && (s.Kind == Slice || s.Of.Many())
}
