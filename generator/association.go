package generator

import (
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// A field may hold a struct with file fields that is stored in the same row, as
// JSON or as columns of its own: then its files are those of the record. Or it
// is an association, a row of another table, which speaks for itself: releasing
// its files with the record would lose them. Where the code doesn't tell, the
// user has to.
type belief uint8

const (
	sameRow belief = iota
	otherRow
	ask
)

// where says in which row the structs in an untagged field are stored. What is
// embedded is the row itself, or a part of it, unless both have a primary key:
// then it may be the other half of a join.
func (in *inspection) where(v *types.Var, structTag string, owner types.Type, ownerStruct *types.Struct, target types.Type) belief {
	if b := layerSays(reflect.StructTag(structTag)); b != ask {
		return b
	}
	st := target.Underlying().(*types.Struct)
	if v.Embedded() {
		if hasKey(st) && keyBeside(ownerStruct, v) {
			return ask
		}
		return sameRow
	}
	refers := hasForeignKey(ownerStruct, v.Name()) || hasForeignKey(st, in.nameOf(owner))
	switch keyed := hasKey(st) || in.hasKeyDirective(target); {
	case keyed && refers:
		return otherRow
	case !keyed && !refers:
		return sameRow
	}
	return ask
}

// keyBeside reports whether a struct has what looks like a primary key outside of
// one of its embedded fields.
func keyBeside(st *types.Struct, embedded *types.Var) bool {
	return slices.ContainsFunc(keyFields(st, "", nil, nil), func(f keyField) bool {
		return !strings.HasPrefix(f.path, embedded.Name()+".") && f.isKey()
	})
}

func (in *inspection) hasKeyDirective(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	_, has := in.directive(named.Obj().Pos(), "key")
	return has
}

// hasKey reports whether a struct has what looks like a primary key, of
// whatever type.
func hasKey(st *types.Struct) bool {
	return slices.ContainsFunc(keyFields(st, "", nil, nil), keyField.isKey)
}

// isKey reports whether the field looks like a primary key, or a part of one.
func (f keyField) isKey() bool {
	return saysKey(f.tag) != no || slices.ContainsFunc(usualKeys, func(usual func(keyField) bool) bool { return usual(f) })
}

// hasForeignKey reports whether a struct has a field that refers to another
// table, by the name that most layers expect.
func hasForeignKey(st *types.Struct, name string) bool {
	for v := range st.Fields() {
		if v.Name() == name+"ID" || v.Name() == name+"Id" {
			return true
		}
	}
	return false
}

// layerSays is what the tags of persistence layers say.
func layerSays(tag reflect.StructTag) belief {
	for _, layer := range []string{"gorm", "bun", "db", "xorm", "pg"} {
		if tag.Get(layer) == "-" {
			return otherRow // it is not stored
		}
	}
	settings := gormSettings(tag)
	for _, s := range settings {
		switch name, _, _ := strings.Cut(s, ":"); name {
		case "foreignkey", "references", "many2many", "joinforeignkey", "joinreferences", "constraint",
			"polymorphic", "polymorphictype", "polymorphicid", "polymorphicvalue":
			return otherRow
		case "embedded", "serializer", "type", "embeddedprefix":
			return sameRow
		}
	}
	for s := range strings.SplitSeq(tag.Get("bun")+","+tag.Get("pg"), ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(s), ":"); name {
		case "rel", "m2m", "fk", "many2many":
			return otherRow
		case "embed":
			return sameRow
		case "type":
			if strings.HasPrefix(value, "json") {
				return sameRow
			}
		}
	}
	if words := strings.Fields(tag.Get("xorm")); slices.Contains(words, "extends") || slices.Contains(words, "json") {
		return sameRow
	}
	return ask
}

// gormSettings returns what a gorm tag says, in lower case: its keys are
// compared without regard to case.
func gormSettings(tag reflect.StructTag) (settings []string) {
	for s := range strings.SplitSeq(strings.ToLower(tag.Get("gorm")), ";") {
		if s = strings.TrimSpace(s); s != "" {
			settings = append(settings, s)
		}
	}
	return settings
}
