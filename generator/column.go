package generator

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// What says in which column a field is, beside the keys of layers' tags.
const (
	fromOption = "file"    // column= in the file tag
	fromGuess  = "guessed" // nothing: it is the field's name, as layers write it
)

// inColumn says in which column the names in a field are: one of their own, or
// that of the field.
func (in *inspection) inColumn(leaves []leaf, f *fieldFacts, owner *facts, p place, stored how) []leaf {
	name, from := columnOf(f, p.row.layers|owner.layers)
	for i := range leaves {
		l := &leaves[i]
		switch {
		case l.tag.Column != "":
			l.column, l.columnFrom = l.tag.Column, fromOption
		case stored == columns && l.column != "":
			l.column = columnPrefix(f.tag) + l.column
		default:
			l.column, l.columnFrom = name, from
		}
	}
	return leaves
}

// columnOf returns the name of a field's column, and what says so.
func columnOf(f *fieldFacts, set layers) (name, from string) {
	naming := snakeCase
	for i := range knownLayers {
		l := &knownLayers[i]
		if l.column != nil {
			if name := l.column(f.tag); name != "" {
				return name, l.keyIn(f.tag)
			}
		}
	}
	for i := range knownLayers {
		if l := &knownLayers[i]; set&l.bit != 0 {
			naming = l.naming
			break
		}
	}
	return naming(f.v.Name()), fromGuess
}

// keyIn returns the key of the layer that a tag has.
func (l *layer) keyIn(tag reflect.StructTag) string {
	for _, key := range l.keys {
		if tag.Get(key) != "" {
			return key
		}
	}
	return ""
}

// columnPrefix is what a tag puts before the columns of the struct in a field.
func columnPrefix(tag reflect.StructTag) string {
	for s := range strings.SplitSeq(tag.Get("gorm"), ";") {
		if name, value, ok := strings.Cut(s, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "embeddedPrefix") {
			return value
		}
	}
	for s := range strings.SplitSeq(tag.Get("bun"), ",") {
		if prefix, ok := strings.CutPrefix(s, "embed:"); ok {
			return prefix
		}
	}
	return ""
}

// firstWord reads tags that begin with the name of the column.
func firstWord(keys ...string) func(reflect.StructTag) string {
	return func(tag reflect.StructTag) string {
		for _, key := range keys {
			name, _, _ := strings.Cut(tag.Get(key), ",")
			if name = strings.TrimSpace(name); name != "" && name != "-" && !strings.Contains(name, ":") {
				return name
			}
		}
		return ""
	}
}

func gormColumn(tag reflect.StructTag) string {
	for s := range strings.SplitSeq(tag.Get("gorm"), ";") {
		if name, value, ok := strings.Cut(s, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "column") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// xormColumn returns the word in quotes, unless it is a default value.
func xormColumn(tag reflect.StructTag) string {
	words := strings.Fields(tag.Get("xorm"))
	for i, w := range words {
		if len(w) > 2 && w[0] == '\'' && w[len(w)-1] == '\'' && (i == 0 || !strings.EqualFold(words[i-1], "default")) {
			return w[1 : len(w)-1]
		}
	}
	return ""
}

func ormColumn(tag reflect.StructTag) string {
	for _, w := range splitSettings(tag.Get("orm")) {
		if name, ok := strings.CutPrefix(w, "column("); ok {
			return strings.TrimSuffix(name, ")")
		}
	}
	return ""
}

// snakeCase writes CoverURL as cover_url and S3Key as s3_key.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) && runes[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// gormInitialisms are words that gorm takes for one, in lower case after the
// first letter (schema/naming.go, commonInitialisms).
var gormInitialisms = []string{
	"API", "ASCII", "CPU", "CSS", "DNS", "EOF", "GUID", "HTML", "HTTP", "HTTPS", "ID", "IP", "JSON", "LHS", "QPS", "RAM", "RHS", "RPC", "SLA",
	"SMTP", "SSH", "TLS", "TTL", "UID", "UI", "UUID", "URI", "URL", "UTF8", "VM", "XML", "XSRF", "XSS",
}

// gormNaming is gorm's default NamingStrategy (schema/naming.go, toDBName).
func gormNaming(name string) string { return snakeCase(name) }

// outcome of a list of leaves: whether some of them are surely stored in the row.
func anySure(leaves []leaf) bool {
	return slices.ContainsFunc(leaves, func(l leaf) bool { return !l.holdOnly })
}
