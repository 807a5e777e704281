package generator

import (
	"errors"
	"go/types"
	"slices"
)

// fileFields returns the ways from a struct to the names in its file fields,
// also those of structs that it embeds or holds. What is wrong with them is
// reported.
func (in *inspection) fileFields(t types.Type, st *types.Struct, outer []types.Type) (leaves []leaf) {
	if contains(outer, t) {
		return []leaf{{shape: &Shape{Kind: Node}, node: t}}
	}
	outer = append(slices.Clip(outer), t)
	for i := range st.NumFields() {
		v := st.Field(i)
		more, many := in.namesOfField(v, st.Tag(i), t, st, outer)
		leaves = append(leaves, selected(more, v, many)...)
	}
	return closeTree(leaves, t)
}

// selected puts the selection of a field before leaves.
func selected(leaves []leaf, v *types.Var, many bool) []leaf {
	through(leaves, Shape{Kind: Select, Name: v.Name()})
	for i := range leaves {
		leaves[i].path = append([]element{{name: v.Name(), embedded: v.Embedded(), many: many && len(leaves[i].path) > 0}}, leaves[i].path...)
		if leaves[i].v == nil {
			leaves[i].v = v
		}
	}
	return leaves
}

// closeTree makes a tree of the leaves of a struct that contains itself.
func closeTree(leaves []leaf, t types.Type) []leaf {
	var back []*Shape
	var rest []leaf
	ends := false // whether there is a name at all
	for _, l := range leaves {
		if l.node != nil && types.Identical(l.node, t) {
			back = append(back, l.shape)
			continue
		}
		rest = append(rest, l)
		ends = ends || l.node == nil
	}
	if len(back) == 0 {
		return rest
	}
	if !ends {
		return nil
	}
	return through(rest, Shape{Kind: Tree, Back: back})
}

// namesOfField returns the ways from the value of a field to names, and whether
// there may be many values.
func (in *inspection) namesOfField(v *types.Var, structTag string, owner types.Type, st *types.Struct, outer []types.Type) (leaves []leaf, many bool) {
	tag, kind, err := parseTag(structTag)
	if err != nil {
		in.found = true
		in.ds.Add(in.tagPosition(v), "%s.%s: %v", in.nameOf(owner), v.Name(), err)
		return nil, false
	}
	switch kind {
	case leftOut:
		return nil, false
	case tagged:
		in.found = true
		return in.namesOfTagged(v, tag, owner, outer), isMany(v.Type())
	case untagged:
	}
	return in.namesOfUntagged(v, structTag, owner, st, outer), isMany(v.Type())
}

func isMany(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return isMany(u.Elem())
	case *types.Slice, *types.Array, *types.Map:
		return true
	}
	return false
}

func (in *inspection) namesOfTagged(v *types.Var, tag Tag, owner types.Type, outer []types.Type) []leaf {
	pos, name := in.at(v), in.nameOf(owner)+"."+v.Name()
	if v.Name() == "_" {
		in.ds.Add(pos, "%s: a blank field can't be read; give it a name", in.nameOf(owner))
		return nil
	}
	if !in.accessible(v) {
		in.ds.Add(pos, "%s: the field is not exported, so it can't be read from package %s; export it there, or leave out what embeds or holds it with file:\"-\"", name, in.pkg.Name())
		return nil
	}
	leaves, err := in.namesIn(v.Type(), outer)
	switch {
	case errors.Is(err, errUnsupported):
		in.ds.Add(pos, "%s: %s", name, in.unsupported(v.Type()))
		return nil
	case errors.Is(err, errInvalid):
		in.ds.Add(pos, "%s: %s", name, in.explain(v))
		return nil
	case err != nil:
		in.ds.Add(pos, "%s: %v", name, err)
		return nil
	}
	for i := range leaves {
		if leaves[i].v == nil && leaves[i].node == nil {
			leaves[i].tag = tag
		} else if tag.String() != "" {
			in.ds.Add(pos, `%s: the file fields inside have tags of their own; write file:"" here, which says that they are stored in the same row`, name)
			return nil
		}
	}
	return leaves
}

// namesOfUntagged returns the ways through a field without a tag, if it leads
// to a struct with file fields that is stored in the same row.
func (in *inspection) namesOfUntagged(v *types.Var, structTag string, owner types.Type, st *types.Struct, outer []types.Type) []leaf {
	has, known := hasFileFields(v.Type(), map[types.Type]bool{})
	if v.Embedded() && !known {
		in.unknown = append(in.unknown, v)
	}
	if !has || v.Name() == "_" {
		return nil
	}
	name := in.nameOf(owner) + "." + v.Name()
	switch in.where(v, structTag, owner, st, structIn(v.Type(), 0)) {
	case sameRow:
	case otherRow:
		return nil
	case ask:
		in.found = true
		in.ds.Add(in.at(v), `%s is a struct, or holds one, that has file fields and may be a row of another table; write file:"-" if it is, or file:"" if it is stored in the row of %s`, name, in.nameOf(owner))
		return nil
	}
	if !in.accessible(v) {
		in.ds.Add(in.at(v), `%s has file fields, but is not exported, so they can't be read from package %s; export it there, or leave it out with file:"-"`, name, in.pkg.Name())
		return nil
	}
	leaves, err := in.namesIn(v.Type(), outer)
	if err != nil {
		return nil // what is wrong with them was reported
	}
	return slices.DeleteFunc(leaves, func(l leaf) bool { return l.v == nil && l.node == nil }) // {String; Valid}
}

// hasFileFields reports whether a type is a struct with file fields, or holds
// one, and whether all that it embeds is known.
func hasFileFields(t types.Type, seen map[types.Type]bool) (has, known bool) {
	if isInvalid(deref(t)) {
		return false, false
	}
	t = structIn(t, 0)
	if t == nil || seen[t] {
		return false, true
	}
	seen[t], known = true, true
	st := t.Underlying().(*types.Struct)
	for i := range st.NumFields() {
		_, kind, err := parseTag(st.Tag(i))
		if kind == tagged || err != nil {
			return true, known
		}
		if kind == leftOut {
			continue
		}
		innerHas, innerKnown := hasFileFields(st.Field(i).Type(), seen)
		if innerHas {
			return true, known
		}
		known = known && (innerKnown || !st.Field(i).Embedded())
	}
	return false, known
}

func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// structIn returns the struct type that a type is, or holds many of.
func structIn(t types.Type, depth int) types.Type {
	if depth > 8 { // type L []L
		return nil
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		return t
	case *types.Pointer:
		return structIn(u.Elem(), depth+1)
	case *types.Slice:
		return structIn(u.Elem(), depth+1)
	case *types.Array:
		return structIn(u.Elem(), depth+1)
	case *types.Map:
		return structIn(u.Elem(), depth+1)
	}
	return nil
}

// accessible reports whether the package can read a field.
func (in *inspection) accessible(v *types.Var) bool {
	return v.Exported() || v.Pkg() == in.pkg
}
