package generator

import (
	"fmt"
	"go/types"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// keyField is a field that may be part of a primary key.
type keyField struct {
	v        *types.Var
	path     string
	pointers []string
	tag      reflect.StructTag
}

func (f keyField) depth() int { return strings.Count(f.path, ".") }

// hasKey reports whether a struct has what looks like a primary key, of
// whatever type.
func hasKey(st *types.Struct) bool {
	return slices.ContainsFunc(keyFields(st, "", nil, nil), keyField.isKey)
}

// keyBeside reports whether a struct has what looks like a primary key outside of
// one of its embedded fields.
func keyBeside(st *types.Struct, embedded *types.Var) bool {
	return slices.ContainsFunc(keyFields(st, "", nil, nil), func(f keyField) bool {
		return !strings.HasPrefix(f.path, embedded.Name()+".") && f.isKey()
	})
}

// isKey reports whether the field looks like a primary key, or a part of one.
func (f keyField) isKey() bool {
	return f.v.Name() != "id" && (saysKey(f.tag) != no || slices.ContainsFunc(usualKeys, func(usual func(keyField) bool) bool { return usual(f) }))
}

// keyOf recognises the primary key of a struct: fields that the tags of a
// persistence layer name, or else the one field ID. Where it can't be sure
// there is none: rows that share a key would be taken for the same.
func (in *inspection) keyOf(t types.Type, st *types.Struct) Key {
	if named, ok := types.Unalias(t).(*types.Named); ok && named.TypeParams().Len() > 0 {
		return Key{Why: "the instances of a generic type may be stored in tables of their own"}
	}
	fields := keyFields(st, "", nil, nil)
	var parts []keyField
	for _, f := range fields {
		switch saysKey(f.tag) {
		case no:
		case yes:
			parts = append(parts, f)
		case unclear:
			return Key{Why: fmt.Sprintf("the tag of %s looks like that of a primary key, of an unknown layer", f.path)}
		}
	}
	for _, usual := range usualKeys {
		if len(parts) > 0 {
			break
		}
		for _, f := range fields {
			if usual(f) && (len(parts) == 0 || f.depth() == parts[0].depth()) { // deeper ones are hidden
				parts = append(parts, f)
			}
		}
		if len(parts) > 1 {
			return Key{Why: fmt.Sprintf("%s and %s could both be it", parts[0].path, parts[1].path)}
		}
	}
	if len(parts) == 0 {
		return Key{Why: "there is no field ID, and no tag that names one"}
	}
	return in.keyFrom(parts)
}

// usualKeys recognise primary keys that no tag names, the surest first.
var usualKeys = []func(keyField) bool{
	func(f keyField) bool { name, _, _ := strings.Cut(f.tag.Get("db"), ","); return name == "id" },
	func(f keyField) bool { return f.v.Name() == "ID" },
	func(f keyField) bool { return f.v.Name() == "Id" },
	func(f keyField) bool { name, _, _ := strings.Cut(f.tag.Get("bson"), ","); return name == "_id" },
	func(f keyField) bool { return f.v.Name() == "id" && f.depth() == 0 },
}

// keyFields returns the fields of a struct, and those that are promoted from
// embedded ones, but for those that are left out: they may be rows of another
// table.
func keyFields(st *types.Struct, prefix string, pointers []string, outer []*types.Struct) (fields []keyField) {
	if slices.Contains(outer, st) {
		return nil
	}
	for i := range st.NumFields() {
		v := st.Field(i)
		path := prefix + v.Name()
		fields = append(fields, keyField{v: v, path: path, pointers: pointers, tag: reflect.StructTag(st.Tag(i))})
		if !v.Embedded() || reflect.StructTag(st.Tag(i)).Get(tagKey) == "-" {
			continue
		}
		inner, more := v.Type().Underlying(), pointers
		if p, ok := inner.(*types.Pointer); ok {
			inner, more = p.Elem().Underlying(), append(slices.Clip(pointers), path)
		}
		if s, ok := inner.(*types.Struct); ok {
			fields = append(fields, keyFields(s, path+".", more, append(outer, st))...)
		}
	}
	// Those that are less deep come first: they hide others of their name.
	slices.SortStableFunc(fields, func(a, b keyField) int { return a.depth() - b.depth() })
	return fields
}

// saysKey reports whether a tag names a part of the primary key.
func saysKey(tag reflect.StructTag) answer {
	if lower := strings.ToLower(string(tag)); !strings.Contains(lower, "pk") && !strings.Contains(lower, "primary") {
		return no // nearly all: the rest takes its time
	}
	for _, s := range gormSettings(tag) {
		name, value, _ := strings.Cut(s, ":")
		if name = strings.TrimSpace(name); name == "primarykey" || name == "primary_key" {
			if value == "false" {
				return no
			}
			return yes
		}
	}
	for _, layer := range []string{"bun", "pg", "sql", "db", "reform"} {
		if parts := strings.Split(tag.Get(layer), ","); slices.Contains(parts[1:], "pk") {
			return yes
		}
	}
	for _, layer := range []string{"xorm", "orm"} {
		if slices.Contains(strings.FieldsFunc(strings.ToLower(tag.Get(layer)), func(r rune) bool { return r == ' ' || r == ';' }), "pk") {
			return yes
		}
	}
	if primaryKeyWords.MatchString(string(tag)) {
		return unclear
	}
	return no
}

type answer uint8

const (
	no answer = iota
	yes
	unclear
)

var primaryKeyWords = regexp.MustCompile(`(?i)\b(primary_?key|pk)\b`)

// keyFrom makes a key of fields, if their types allow it.
func (in *inspection) keyFrom(fields []keyField) (key Key) {
	for _, f := range fields {
		if isInvalid(f.v.Type()) {
			return Key{Unresolved: true, Why: fmt.Sprintf("%s: %s", f.path, in.explain(f.v))}
		}
		part, ok := in.keyPart(f)
		if !ok || !in.accessible(f.v) {
			return Key{Why: fmt.Sprintf("no key can be made of %s, a %s", f.path, in.typeString(f.v.Type()))}
		}
		key.Parts = append(key.Parts, part)
	}
	return key
}

func (in *inspection) keyPart(f keyField) (part KeyPart, ok bool) {
	part = KeyPart{Path: f.path, Pointers: f.pointers}
	t := f.v.Type()
	if p, isPointer := t.Underlying().(*types.Pointer); isPointer {
		t, part.Pointer = p.Elem(), true
	}
	if part.Func = keyConstructor(t); part.Func != "" {
		return part, true
	}
	v := nullableKey(t, in.pkg)
	if v == nil || part.Pointer {
		return KeyPart{}, false
	}
	part.Func, part.Valid = keyConstructor(v.Type()), v.Name()
	return part, true
}

// nullableKey returns the field that counts if Valid, in structs such as
// pgtype.UUID, uuid.NullUUID and sql.NullInt64, if a key can be made of it.
func nullableKey(t types.Type, from *types.Package) *types.Var {
	for _, name := range []string{"Bytes", "UUID", "Int64", "Int32", "Int16", "Uint32", "Uint64", "String", "V"} {
		if v := ifValid(t, from, name); v != nil && keyConstructor(v.Type()) != "" {
			return v
		}
	}
	return nil
}

func keyConstructor(t types.Type) string {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case t.Info()&types.IsInteger != 0:
			return "IntKey"
		case t.Kind() == types.String:
			return "TextKey"
		}
	case *types.Array:
		if e, ok := t.Elem().(*types.Basic); ok && e.Kind() == types.Byte && t.Len() == 16 {
			return "UUIDKey"
		}
	}
	return ""
}

// namedKey makes the key that a directive names.
func (in *inspection) namedKey(name string, st *types.Struct, d directive) (key Key) {
	if d.generic {
		in.ds.Add(d.pos, "%s is generic: its instances may be stored in tables of their own, so it can't have a key", name)
		return Key{}
	}
	if len(d.args) == 0 {
		in.ds.Add(d.pos, "//filecleangen:key: name the fields of the primary key of %s", name)
		return Key{}
	}
	all := keyFields(st, "", nil, nil)
	var parts []keyField
	for _, arg := range d.args {
		i := slices.IndexFunc(all, func(f keyField) bool { return f.v.Name() == arg || f.path == arg })
		if i < 0 {
			in.ds.Add(d.pos, "//filecleangen:key: %s has no field %s", name, arg)
			return Key{}
		}
		parts = append(parts, all[i])
	}
	key = in.keyFrom(parts)
	if len(key.Parts) == 0 {
		in.ds.Add(d.pos, "//filecleangen:key: %s: %s; it can be of an integer, string or 16-byte array type", name, key.Why)
	}
	return key
}
