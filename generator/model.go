package generator

import (
	"go/token"

	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// Package is what render needs to know of a Go package: the border between
// reading code and writing it. It holds plain values only, so that packages may
// be read in other ways without touching what follows.
type Package struct {
	Name       string // of the package clause
	Path       string // by which it is imported; "" in no module
	Dir        string // absolute
	Variant    load.Variant
	Constraint string           // the build constraint that all its files have
	Structs    []Struct         // in source order
	Taken      []string         // the identifiers declared at package level
	Generated  []load.Generated // the files in Dir that were generated before
}

// Struct is a type with file fields.
type Struct struct {
	Name       string
	Snapshot   string // the name of its snapshot type
	Constraint string // the build constraint of its file, beyond that of the package
	TypeParams int    // how many
	Key        Key
	Hooks      Hooks // never HooksAuto
	// What is taken by declarations of the package, see typeVar and keyMethod.
	TypeVarTaken, FileKeyTaken bool
	Fields                     []Field
	Pos                        token.Position
}

// Key says how to tell records of a type apart. No parts mean that the
// generator can't tell.
type Key struct {
	Parts []KeyPart
	Why   string // where there are no parts: what is in the way
	// Unresolved says that this is a package that is not there: the code would be
	// another if it were.
	Unresolved bool
}

// KeyPart is one field of a primary key.
type KeyPart struct {
	Func     string   // the constructor in package runtime: "IntKey"
	Path     string   // the field: "Model.ID"
	Pointers []string // the embedded pointers on the way to it
	Pointer  bool     // it is a pointer itself
	Valid    string   // or a struct with this field, which counts if another, Valid, says so
}

// Field is one file field of a record, at whatever depth it is found.
type Field struct {
	Path     string // the selector from the record, with [] for each list or map: "Photos[].Thumb"
	Snapshot string // the name of the snapshot's field
	Type     string // the Go type, as written in the package
	Tag      Tag
	Shape    *Shape // how to come from the record to the names
	Column   string // of the database
	// ColumnFrom is what names the column: "file" for the tag's option, the key of
	// a layer's tag, or "guessed".
	ColumnFrom string
	// JSONKey is the key of an object that the names stand under in the document in the
	// column; "" if it has none, or that is not known.
	JSONKey string
	// HoldOnly says that nothing tells whether the names are stored in the row:
	// they are held, and never released.
	HoldOnly bool
	Pos      token.Position
}

// Shape is one step on the way from a value to the names that it holds.
type Shape struct {
	Kind ShapeKind
	Of   *Shape // what the step leads to; nil at the end

	Convert bool     // Text: the type is other than string
	Name    string   // Select: the field; Nullable: the field beside Valid
	Back    []*Shape // Tree: the ways from a node to those below it, which end in Node
}

// ShapeKind says which kind of step a [Shape] is.
type ShapeKind uint8

// The kinds of shapes. Those at the end of a way come first.
const (
	Text     ShapeKind = iota // a string type: one name
	Names                     // a type with FileNames() iter.Seq[string]
	Node                      // a value of the type that a Tree began with
	Pointer                   // nil: no name
	Slice                     // any number
	Array                     // any number
	Map                       // any number, in the values
	Nullable                  // {Name; Valid bool}, as in database/sql
	Select                    // a field of a struct
	Tree                      // a type that contains itself
)

// Many reports whether the way may lead to more than one name.
func (s *Shape) Many() bool {
	return s.any(func(s *Shape) bool {
		return s.Kind == Slice || s.Kind == Array || s.Kind == Map || s.Kind == Names || s.Kind == Tree
	})
}

// Opaque reports whether a method FileNames finds the names.
func (s *Shape) Opaque() bool {
	return s.any(func(s *Shape) bool { return s.Kind == Names })
}

// Unordered reports whether the names come in an order that is not the same
// each time.
func (s *Shape) Unordered() bool {
	return s.any(func(s *Shape) bool {
		for _, back := range s.Back {
			if back.Unordered() {
				return true
			}
		}
		return s.Kind == Map
	})
}

func (s *Shape) any(is func(*Shape) bool) bool {
	for ; s != nil; s = s.Of {
		if is(s) {
			return true
		}
	}
	return false
}
