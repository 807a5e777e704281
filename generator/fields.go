package generator

import (
	"errors"
	"go/token"
	"go/types"
	"regexp"
	"slices"
)

// fileFields returns the ways from a struct to the names in its file fields,
// also those of structs that it embeds or holds. What is wrong with them is
// reported.
func (in *inspection) fileFields(t types.Type, p place) (leaves []leaf) {
	if contains(p.outer, t) {
		return []leaf{{shape: &Shape{Kind: Node}, node: t}}
	}
	if in.steps++; in.steps > maxSteps {
		return nil
	}
	p.outer = append(slices.Clip(p.outer), t)
	owner := in.factsOf(t)
	for i := range owner.fields {
		leaves = append(leaves, in.namesOfField(&owner.fields[i], owner, p)...)
	}
	in.checkTree(owner, leaves, p)
	return closeTree(leaves, t)
}

// backward matches names of fields that lead to where a value came from.
var backward = regexp.MustCompile(`(?i)^(parent|prev|previous|owner|root|up|back)`)

// checkTree reports a struct that leads to itself both by a list and by a single
// pointer, such as children and a parent: in memory they lead back to where they
// came from, without end.
func (in *inspection) checkTree(owner *facts, leaves []leaf, p place) {
	var one, many string
	for _, l := range leaves {
		if l.node == nil || !types.Identical(l.node, owner.t) || len(l.path) == 0 {
			continue
		}
		switch name := l.path[0].name; {
		case l.shape.Many():
			many = name
		case backward.MatchString(name):
			one = name
		}
	}
	if one == "" || many == "" {
		return
	}
	for _, f := range owner.fields {
		if pos := in.position(f.v, p); f.v.Name() == one && in.first(pos, "tree") {
			in.ds.Add(pos, `%s leads to itself by %s and by %s, so that its values may be followed without end; write file:"-" at the one that is not stored in the row`, p.name, one, many)
		}
	}
}

// maxSteps is how many structs may be looked at on the ways from one: where many
// hold each other, the ways have no end in practice.
const maxSteps = 4_000

// shapesOf returns how many steps the ways have together: how much is written for
// each method.
func shapesOf(leaves []leaf) (n int) {
	var count func(*Shape)
	count = func(s *Shape) {
		for ; s != nil && n <= maxSteps; s = s.Of {
			n++
			for _, back := range s.Back {
				count(back)
			}
		}
	}
	for _, l := range leaves {
		count(l.shape)
	}
	return n
}

// selected puts the selection of a field before leaves.
func selected(leaves []leaf, f *fieldFacts) []leaf {
	v, many := f.v, isMany(f.v.Type())
	through(leaves, Shape{Kind: Select, Name: v.Name()})
	if hiddenInJSON(v, f.tag) {
		withoutKeys(leaves)
	}
	for i := range leaves {
		leaves[i].path = append([]element{{name: v.Name(), embedded: v.Embedded(), many: many && len(leaves[i].path) > 0}}, leaves[i].path...)
		if leaves[i].v == nil {
			leaves[i].v, leaves[i].under = v, keyOf(v, f.tag)
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

// namesOfField returns the ways from a struct through a field to names.
func (in *inspection) namesOfField(f *fieldFacts, owner *facts, p place) (leaves []leaf) {
	switch {
	case f.err != nil:
		in.ds.Add(in.tagPosition(f.v, p), "%s.%s: %v", p.name, f.v.Name(), f.err)
		return nil
	case f.kind == leftOut:
		return nil
	case f.kind == tagged:
		leaves = in.namesOfTagged(f, owner, p)
	default:
		leaves = in.namesOfUntagged(f, owner, p)
	}
	return selected(leaves, f)
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

func (in *inspection) namesOfTagged(f *fieldFacts, owner *facts, p place) []leaf {
	v := f.v
	name := p.name + "." + v.Name()
	report := func(format string, args ...any) []leaf {
		in.ds.Add(in.position(v, p), "%s: "+format, append([]any{name}, args...)...)
		return nil
	}
	if v.Name() == "_" {
		in.ds.Add(in.position(v, p), "%s: a blank field can't be read; give it a name", p.name)
		return nil
	}
	if !in.accessible(v) {
		return report(`the field is not exported, so package %s can't read it; leave out what embeds or holds it with file:"-", or, if package %s is yours, export it there`, in.pkg.Name(), v.Pkg().Name())
	}
	leaves, err := in.namesIn(v.Type(), in.inside(p, v))
	switch {
	case errors.Is(err, errUnsupported):
		return report("%s", in.unsupported(f, owner))
	case errors.Is(err, errInvalid):
		return report("%s", in.explain(v))
	case err != nil:
		return report("%v", err)
	}
	own := true // the names are those of the field itself
	for i := range leaves {
		if leaves[i].v == nil && leaves[i].node == nil {
			leaves[i].tag = f.file
			continue
		}
		own = false
		if f.file.String() != "" {
			return report(`the file fields inside have tags of their own; write file:"" here, which says that they are stored in the same row`)
		}
	}
	stored := document
	if said := tagsSay(f.tag); !own && (said == columns || said != document && v.Embedded()) {
		stored = columns
	}
	return in.inColumn(leaves, f, owner, p, stored)
}

// namesOfUntagged returns the ways through a field without a tag, if it leads
// to a struct with file fields that is stored in the same row.
func (in *inspection) namesOfUntagged(f *fieldFacts, owner *facts, p place) []leaf {
	v := f.v
	if v.Name() == "_" || !in.hasFileFields(v.Type()) {
		return nil
	}
	if !in.accessible(v) {
		in.hidden = v
	}
	target := in.factsOf(structIn(v.Type(), 0))
	stored := in.stored(f, owner, p, target)
	if stored == ask {
		in.ask(v, p, target)
	}
	if stored == ask || stored == elsewhere || !in.accessible(v) {
		return nil
	}
	inner := in.inside(p, v)
	inner.whole = p.whole || stored == document || stored == perhaps && !v.Embedded()
	inner.held = p.held || stored == perhaps
	in.hidden = nil
	leaves, _ := in.namesIn(v.Type(), inner)                                                     // what is wrong with them was reported
	leaves = slices.DeleteFunc(leaves, func(l leaf) bool { return l.v == nil && l.node == nil }) // {String; Valid}
	if len(leaves) == 0 && in.hidden != nil && v.Pkg() == in.pkg && (stored != part || v.Exported() && typeArgument(elementOf(v.Type())) != nil) {
		in.ds.Add(in.position(v, p), "%s.%s: %s", p.name, v.Name(), in.hides(v, in.hidden))
	}
	if stored == perhaps {
		leaves = in.doubt(leaves, v, p, target)
	}
	return in.inColumn(leaves, f, owner, p, stored)
}

// ask reports a field of which the user has to say how it is stored.
func (in *inspection) ask(v *types.Var, p place, target *facts) {
	pos := in.position(v, p)
	if !in.first(pos, "question") {
		return
	}
	in.ds.Add(pos, "%s.%s leads to %s, which has file fields, and nothing tells how it is stored; "+
		`write file:"" at the field if it is stored in the row of %s, or file:"-" if it is a row of another table, or not stored`,
		p.name, v.Name(), in.nameOf(target.t), p.row.name())
}

// doubt marks leaves as held only. Those that lead back are not followed: they would
// be released with the rest.
func (in *inspection) doubt(leaves []leaf, v *types.Var, p place, target *facts) []leaf {
	leaves = slices.DeleteFunc(leaves, func(l leaf) bool { return l.node != nil })
	for i := range leaves {
		leaves[i].holdOnly = true
	}
	if pos := in.position(v, p); len(leaves) > 0 && in.first(pos, "doubt") {
		in.doubts.Add(pos, `%s.%s: whether %s is stored in the row of %s can't be told, so the names in it are held and never released: `+
			`files may be kept that could have gone; write file:"" at the field if it is, or file:"-" if it is not`,
			p.name, v.Name(), in.nameOf(target.t), p.row.name())
	}
	return leaves
}

func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// accessible reports whether the package can read a field.
func (in *inspection) accessible(v *types.Var) bool {
	return v.Exported() || v.Pkg() == in.pkg
}

// position returns where to report a field: where it is, or, if that is nobody's
// to change, where the package that is looked at leads to it.
func (in *inspection) position(v *types.Var, p place) token.Position {
	if v.Pkg() != in.pkg && p.at != nil && !in.unit.Facts.Local(in.at(v).Filename) {
		v = p.at
	}
	return in.at(v)
}

// anySure reports whether names of some leaves are surely stored in the row.
func anySure(leaves []leaf) bool {
	return slices.ContainsFunc(leaves, func(l leaf) bool { return !l.holdOnly })
}
