package generator

import (
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// A how says how the struct that a field leads to is stored. How a field is
// stored decides whose names it holds: those in the row are the row's, and go
// with it; those elsewhere are another row's business, and releasing them would
// lose them. docs/stored.md has the rule as users read it.
type how uint8

const (
	untold    how = iota
	columns       // in the row, as columns of its own
	document      // in the row, in one column
	part          // in the row, somehow
	elsewhere     // in a row of another table, or not at all
	perhaps       // in the row, or not: its names are held, and never released
	ask           // the user has to say
)

func (h how) inRow() bool { return h == columns || h == document || h == part }

// and returns what two say together.
func (h how) and(other how) how {
	switch {
	case h == untold || h == other:
		return other
	case other == untold || h.inRow() && other.inRow():
		return h
	}
	return perhaps
}

// place is where in a row a struct stands.
type place struct {
	outer []types.Type // the structs that it is in
	// row is what is known of the row.
	row *facts
	// whole says that it is in a document: all of it is stored, whatever a layer
	// would make of its fields elsewhere.
	whole bool
	// held says that whether it is in the row is not known.
	held bool
	name string // of the struct, for messages
	// at is where the row's package leads to the struct, if that is of another one.
	at *types.Var
}

// inside returns the place of what a field leads to.
func (in *inspection) inside(p place, v *types.Var) place {
	if p.at == nil && v.Pkg() == in.pkg {
		p.at = v
	}
	if t := structIn(v.Type(), 0); t != nil {
		if named, ok := t.(*types.Named); ok {
			p.name = named.Obj().Name()
		} else {
			p.name += "." + v.Name()
		}
	}
	return p
}

// stored says how the struct that an untagged field leads to is stored. The
// first that knows decides: the field's tags, the layer that its holder is
// written for, the methods of its type, and only then primary keys.
func (in *inspection) stored(f *fieldFacts, owner *facts, at place, target *facts) how {
	said := in.storedAs(f, owner, at, target)
	if at.held && (said == perhaps || said == ask) {
		return elsewhere // what rows in doubt lead to is not followed any further
	}
	return said
}

func (in *inspection) storedAs(f *fieldFacts, owner *facts, at place, target *facts) how {
	said := tagsSay(f.tag)
	if at.whole {
		return in.storedInDocument(f, owner, at, target, said)
	}
	h := held{
		tag: f.tag, name: f.v.Name(), embedded: f.v.Embedded(), exported: f.v.Exported(), many: isMany(f.v.Type()),
		keyed: target.rowOfItsOwn(), row: target.inTable(), refers: in.refers(f, owner, at, target), leads: in.leadsBack(owner, at, target),
		valuer: in.valuer(f.v.Type(), target),
	}
	set := at.row.layers | owner.layers
	if rule := set.rulesSay(h); said == untold || !h.exported && rule == elsewhere {
		said = rule // what is not exported, no tag makes a column
	}
	switch {
	case (said == columns || said == untold && h.embedded && h.valuer == untold) && owner.joins:
		return perhaps
	case said != untold:
		return said
	case h.embedded && h.valuer == untold:
		return embeddedIn(f, owner, target)
	case h.valuer != untold:
		return h.valuer
	case set != 0:
		return storedBy(set, h, at, target)
	}
	return storedByKeys(h, owner, at, target)
}

// storedInDocument is for fields of what is stored as a whole, most likely as
// JSON: whatever they lead to is, too. Only rows that the struct is associated
// with are not, if it is a row itself somewhere.
func (in *inspection) storedInDocument(f *fieldFacts, owner *facts, at place, target *facts, said how) how {
	switch {
	case f.tag.Get("json") == "-", !f.v.Exported() && !f.v.Embedded(), isEdges(f.v):
		return elsewhere
	case f.v.Embedded() || !target.keyed && !target.inTable():
		return document
	case said == elsewhere, in.refers(f, owner, at, target), in.leadsBack(owner, at, target):
		return elsewhere
	case target.inTable():
		return perhaps
	}
	return document
}

// embeddedIn is for embedded structs that no layer's rule is known of: they are
// the row itself, or a part of it, unless both have a primary key. Then it may be
// another row, that of a join.
func embeddedIn(f *fieldFacts, owner, target *facts) how {
	row := target.keyed || target.own && target.keyish()
	if row && (keyBeside(owner.st, f.v) || owner.keyOfName()) {
		return perhaps
	}
	return columns
}

// storedBy is for layers that read columns into fields and have no rule for
// structs, sqlx and others: one that a tag names a column for may be a document,
// or what a query joined.
func storedBy(set layers, h held, at place, target *facts) how {
	switch {
	case !h.exported, !set.namesColumn(h.tag):
		return elsewhere
	case h.keyed, h.row, h.leads, h.many && (h.refers || target.layers != 0):
		return perhaps
	case target.layers == 0 && !h.refers:
		return document
	case at.row.keyed:
		return ask
	}
	return perhaps
}

// namesColumn reports whether a tag of the layers names a column.
func (set layers) namesColumn(tag reflect.StructTag) bool {
	for i := range knownLayers {
		if l := &knownLayers[i]; set&l.bit != 0 && l.column != nil && l.column(tag) != "" {
			return true
		}
	}
	return false
}

// storedByKeys is for structs of no known layer: one with a primary key is a row
// of its own, one without is a part of what holds it, unless it looks like a row
// for all that.
func storedByKeys(h held, owner *facts, at place, target *facts) how {
	unsure := perhaps
	if at.row.keyed {
		unsure = ask
	}
	switch {
	case h.keyed:
		return elsewhere
	case target.layers != 0 && !owner.own:
		return elsewhere // the struct that holds it is not written for that layer: it is no row
	case target.layers != 0:
		return perhaps
	case h.refers, target.keyish():
		return unsure
	case h.leads:
		return perhaps
	}
	return part
}

// refers reports whether a foreign key refers from the struct that a field leads to
// back to the row, or to what it is in; or from the field's holder to that struct.
func (in *inspection) refers(f *fieldFacts, owner *facts, at place, target *facts) bool {
	if hasForeignKey(owner.st, f.v.Name()) || isPolymorphic(target.st) {
		return true
	}
	return slices.ContainsFunc(in.around(owner, at), func(a *facts) bool {
		return hasForeignKey(target.st, a.name()) || hasForeignKey(target.st, trimKind(a.name()))
	})
}

// leadsBack reports whether a pointer leads from a struct to a row that it is in.
func (in *inspection) leadsBack(owner *facts, at place, target *facts) bool {
	return slices.ContainsFunc(in.around(owner, at), func(a *facts) bool {
		if a == target || !a.keyed {
			return false
		}
		for v := range target.st.Fields() {
			if p, ok := v.Type().Underlying().(*types.Pointer); ok && types.Identical(p.Elem(), a.t) {
				return true
			}
		}
		return false
	})
}

// around returns the structs that a field is in.
func (in *inspection) around(owner *facts, at place) []*facts {
	list := []*facts{owner, at.row}
	for _, t := range at.outer {
		if isStruct(t) {
			list = append(list, in.factsOf(t))
		}
	}
	return list
}

// trimKind takes off a name what many add to it.
func trimKind(name string) string {
	for _, kind := range []string{"Model", "Entity", "Record", "Row", "Base"} {
		if rest, ok := strings.CutSuffix(name, kind); ok && rest != "" {
			return rest
		}
	}
	return name
}

// isPolymorphic reports whether a struct has fields such as OwnerID and OwnerType,
// or CommentableID and CommentableType: FileID and FileType are no such thing.
func isPolymorphic(st *types.Struct) bool {
	for v := range st.Fields() {
		of, ok := strings.CutSuffix(v.Name(), "Type")
		usual := strings.HasSuffix(of, "able") || slices.Contains([]string{"Owner", "Parent", "Target", "Subject", "Entity", "Resource"}, of)
		if ok && usual && hasForeignKey(st, of) {
			return true
		}
	}
	return false
}

// hasForeignKey reports whether a struct has a field that refers to another
// table, by the name that most layers expect.
func hasForeignKey(st *types.Struct, name string) bool {
	if name == "" {
		return false
	}
	for v := range st.Fields() {
		rest, ok := strings.CutPrefix(v.Name(), name)
		switch strings.TrimPrefix(rest, "_") {
		case "ID", "Id", "UID", "UUID", "Uuid":
			if ok {
				return true
			}
		}
	}
	return false
}
