package generator

import (
	"reflect"
	"slices"
	"strings"
)

// What says in which column a field is, beside the keys of layers' tags.
const (
	fromOption = "file"    // column= in the file tag
	fromGuess  = "guessed" // nothing: it is the field's name, as layers write it
)

// inColumn says in which column the names in a field are: one of their own, or
// that of the field, and there under which key.
func (in *inspection) inColumn(leaves []leaf, f *fieldFacts, owner *facts, p place, stored how) []leaf {
	set := p.row.layers | owner.layers
	name, from := columnOf(f, set)
	for i := range leaves {
		l := &leaves[i]
		switch {
		case l.tag.Column != "":
			l.column, l.columnFrom, l.key = l.tag.Column, fromOption, ""
		case (stored == columns || stored == perhaps && f.v.Embedded()) && l.column != "":
			l.column = columnPrefix(f) + l.column
		default:
			l.column, l.columnFrom, l.key = name, from, l.jsonKey(f, set)
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
func columnPrefix(f *fieldFacts) string {
	tag := f.tag
	for s := range strings.SplitSeq(tag.Get("gorm"), ";") {
		if name, value, ok := strings.Cut(s, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "embeddedPrefix") {
			return value
		}
	}
	for s := range strings.SplitSeq(tag.Get("bun"), ",") {
		if prefix, ok := strings.CutPrefix(s, "embed:"); ok && !f.v.Embedded() {
			return prefix
		}
	}
	if _, rest, ok := strings.Cut(tag.Get("xorm"), "extends('"); ok {
		prefix, _, _ := strings.Cut(rest, "'")
		return prefix
	}
	return ""
}

// firstWord reads tags that begin with the name of the column.
func firstWord(keys ...string) func(reflect.StructTag) string {
	return func(tag reflect.StructTag) string {
		for _, key := range keys {
			name, _, _ := strings.Cut(tag.Get(key), ",")
			if column, ok := strings.CutPrefix(name, "column:"); ok {
				return column // bun
			}
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

// xormColumn returns the last word of a tag that is no keyword, as xorm does
// (tags/parser.go; schemas/type.go has the types).
func xormColumn(tag reflect.StructTag) (name string) {
	text := tag.Get("xorm")
	previous := ""
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		var word string
		word, text = xormWord(text)
		bare, _, _ := strings.Cut(word, "(")
		upper := strings.ToUpper(bare)
		switch {
		case previous == "DEFAULT", previous == "COMMENT" && word[0] == '\'':
		case word[0] == '\'':
			name = strings.Trim(word, "'")
		case !slices.Contains(xormWords, upper) && strings.IndexByte("-<", word[0]) < 0:
			name = bare
		}
		previous = upper
	}
	return name
}

// xormWord cuts the first word off a tag: spaces in quotes and parentheses don't
// end it.
func xormWord(text string) (word, rest string) {
	depth, quoted := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ' ' && depth <= 0:
			return text[:i], text[i:]
		}
	}
	return text, ""
}

var xormWords = strings.Fields(`NULL NOT NOTNULL PK AUTOINCR DEFAULT CREATED UPDATED DELETED VERSION UTC LOCAL INDEX UNIQUE CACHE NOCACHE
	COMMENT EXTENDS UNSIGNED COLLATE JSON JSONB BIT TINYINT SMALLINT MEDIUMINT INT INT8 INTEGER BIGINT NUMBER ENUM SET XML CHAR NCHAR VARCHAR
	VARCHAR2 NVARCHAR TINYTEXT TEXT NTEXT MEDIUMTEXT LONGTEXT UUID CLOB SYSNAME DATE DATETIME TIME TIMESTAMP TIMESTAMPZ SMALLDATETIME YEAR
	DECIMAL NUMERIC REAL FLOAT DOUBLE MONEY SMALLMONEY BINARY VARBINARY TINYBLOB BLOB MEDIUMBLOB LONGBLOB BYTEA UNIQUEIDENTIFIER BOOL BOOLEAN
	SERIAL BIGSERIAL ARRAY`)

func ormColumn(tag reflect.StructTag) string {
	for _, w := range splitSettings(tag.Get("orm")) {
		if name, ok := strings.CutPrefix(w, "column("); ok {
			return strings.TrimSuffix(name, ")")
		}
	}
	return ""
}
