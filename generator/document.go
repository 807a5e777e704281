package generator

import (
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// Whoever asks a document for the names in it, and does not know its Go type, goes by the
// key of the object that a name stands under: that of the last struct field on the way to
// the name, as encoding/json writes it. Whatever is in that field stands below the key.
// Where anything on the way there could write another document, there is no such key, and
// every string in it may be a name.

// underKey is the key that a name stands under in JSON.
type underKey struct {
	key    string // "" if that is not known
	tagged bool   // a json tag says it
}

// keyOf returns the key of a struct field that holds names, whatever is in it: whether that
// can be compared with others is for those to say who do.
func keyOf(v *types.Var, tag reflect.StructTag) underKey {
	if v.Embedded() || hiddenInJSON(v, tag) || tag.Get("protobuf") != "" { // protojson goes by other tags
		return underKey{}
	}
	said := tag.Get("json")
	name, options, _ := strings.Cut(said, ",")
	k := underKey{name, name != ""}
	if name == "" {
		k.key = v.Name()
	}
	if strings.Contains(options, "inline") || strings.Contains(options, "embed") {
		return underKey{}
	}
	return k
}

// hiddenInJSON reports whether encoding/json leaves a field out.
func hiddenInJSON(v *types.Var, tag reflect.StructTag) bool {
	return tag.Get("json") == "-" || !v.Exported() && !v.Embedded()
}

// ownWriters are methods by which a type says itself how it is written, to JSON or to a
// column, or how it is read.
var ownWriters = []string{
	"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalJSONTo", "UnmarshalJSONFrom",
	"Value", "Scan", "GormValue", "ToDB", "FromDB", "AppendQuery", "AppendValue", "ScanValue", "TextValue", "ScanText", "RawValue", "SetRaw",
}

// writesItself reports whether a type has such a method, or may have one from a struct
// that it embeds and that was not found.
func (in *inspection) writesItself(t types.Type) bool {
	if isStruct(t) && len(in.factsOf(t).unknown) > 0 {
		return true
	}
	return slices.ContainsFunc(ownWriters, func(name string) bool { return methodOf(t, in.pkg, name) != nil })
}

// withoutKeys makes the keys of leaves unknown that struct fields gave.
func withoutKeys(leaves []leaf) {
	for i := range leaves {
		leaves[i].under = underKey{}
	}
}

// jsonKey returns the key under which the document in a field has a name; "" if it is not
// known.
func (l *leaf) jsonKey(f *fieldFacts, set layers) string {
	if l.v == nil || l.tag.Column != "" || !writesJSON(f.tag, set) {
		return ""
	}
	const writers = gormLayer | bunLayer | xormLayer | pgLayer | ormLayer | entLayer | sqlcLayer
	if set&writers == 0 && !l.under.tagged {
		return "" // the program writes it, we can't know how
	}
	return l.under.key
}

// writesJSON reports whether a layer may write a struct as JSON, and does not write it
// otherwise.
func writesJSON(tag reflect.StructTag, set layers) bool {
	if strings.Contains(tag.Get("bun"), "msgpack") || strings.Contains(tag.Get("pg"), "msgpack") || set&documentLayer != 0 {
		return false
	}
	return set&gormLayer == 0 || slices.ContainsFunc(gormSettings(tag), func(s string) bool {
		return s == "serializer:json" || s == "json" || s == "json:json"
	})
}
