package generator

import (
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// A layer is a persistence layer whose tags are known, and its rule: what it
// makes of a field that no tag speaks of.
type layer struct {
	name string
	bit  layers
	keys []string // of the struct tags that only this layer reads
	// says is what the tags of a field say, or untold.
	says func(reflect.StructTag) how
	// rule is what the layer does with an exported field, or one that is
	// embedded. Nil: it has none that can be told from a declaration.
	rule func(held) how
	// column returns the name of the column that the tags give, or "".
	column func(reflect.StructTag) string
	naming func(field string) string // the name that it gives without a tag
}

// layers is a set of layers.
type layers uint16

const (
	gormLayer layers = 1 << iota
	bunLayer
	xormLayer
	pgLayer
	ormLayer // beego, GoFrame
	entLayer
	sqlcLayer
	boilLayer
	dbLayer // sqlx, scany, pgx, upper/db, dbr, gorp, ...
	reformLayer
	documentLayer // MongoDB, Firestore, Datastore, DynamoDB
)

// held is a field that leads to a struct with file fields.
type held struct {
	tag      reflect.StructTag
	name     string
	embedded bool
	exported bool // its name is
	many     bool // it is a slice, an array or a map
	keyed    bool // the struct has a primary key
	row      bool // it is a row of a table for itself
	refers   bool // a foreign key refers from one to the other
	leads    bool // a pointer leads from the struct back to the row
	valuer   how  // what methods Value and Scan of its type make of it, or untold
}

// copied is for what a layer writes into the row as a document. Where that is a
// copy of a row of another table, or only filled when that is read, both name the
// files: they are not let go of with one of them.
func (h held) copied() how {
	if h.row {
		return perhaps
	}
	return document
}

// allColumns is the rule of layers for which every field is a column.
func allColumns(h held) how {
	switch {
	case h.embedded && h.valuer == untold:
		return columns
	case !h.exported:
		return elsewhere
	case h.valuer != untold:
		return h.valuer
	}
	return h.copied()
}

// knownLayers are all layers, in the order in which their names for columns are
// taken. What each does was run, with the versions in docs/stored.md.
var knownLayers = []layer{
	{
		name: "gorm", bit: gormLayer, keys: []string{"gorm"}, says: gormSays, column: gormColumn, naming: gormNaming,
		rule: func(h held) how {
			switch {
			case !h.exported:
				return elsewhere
			case h.valuer != untold:
				return h.valuer
			case h.embedded:
				return columns
			}
			return elsewhere // an association, or an error
		},
	},
	{
		name: "bun", bit: bunLayer, keys: []string{"bun"}, says: bunSays, column: firstWord("bun"), naming: underscore, rule: allColumns,
	},
	{
		name: "xorm", bit: xormLayer, keys: []string{"xorm"}, says: xormSays, column: xormColumn, naming: eachUpper,
		rule: func(h held) how {
			switch {
			case !h.exported:
				return elsewhere
			case h.valuer != untold:
				return h.valuer
			case h.many:
				return h.copied()
			case h.embedded:
				return perhaps // a column for its id
			}
			return elsewhere // the same, or an error
		},
	},
	{
		name: "go-pg", bit: pgLayer, keys: []string{"pg"}, says: pgSays, column: firstWord("pg"), naming: underscore,
		rule: func(h held) how {
			if h.refers && h.valuer == untold && !h.embedded {
				return elsewhere // by its name alone
			}
			return allColumns(h)
		},
	},
	{
		name: "beego", bit: ormLayer, keys: []string{"orm"}, says: ormSays, column: ormColumn, naming: eachUpper,
		rule: func(h held) how {
			switch {
			case !h.exported, h.keyed && !h.embedded:
				return elsewhere
			case h.embedded:
				return columns
			}
			return perhaps // an error in beego, JSON in GoFrame
		},
	},
	{
		name: "ent", bit: entLayer, naming: snakeCase,
		rule: func(h held) how {
			if h.embedded || !h.exported || h.name == "Edges" {
				return elsewhere
			}
			return h.copied()
		},
	},
	{name: "sqlc", bit: sqlcLayer, naming: snakeCase, rule: held.copied},
	{name: "sqlboiler", bit: boilLayer, keys: []string{"boil"}, says: boilSays, column: firstWord("boil"), naming: snakeCase},
	{name: "sqlx", bit: dbLayer, keys: []string{"db"}, says: dbSays, column: firstWord("db"), naming: snakeCase},
	{
		name: "reform", bit: reformLayer, keys: []string{"reform"}, says: dash("reform"), column: firstWord("reform"), naming: snakeCase,
		rule: func(h held) how {
			if h.tag.Get("reform") == "" && !h.embedded {
				return elsewhere // it reads and writes nothing else
			}
			return untold
		},
	},
	{
		name: "documents", bit: documentLayer, keys: []string{"bson", "firestore", "datastore", "dynamodbav"},
		says: documentSays, column: firstWord("bson", "firestore", "datastore", "dynamodbav"), naming: strings.ToLower,
		rule: func(h held) how {
			switch {
			case !h.exported && !h.embedded:
				return elsewhere
			case h.keyed, h.row, h.refers:
				return perhaps // or what a query joined
			}
			return document
		},
	},
}

// layersOf returns the layers whose tags a field has, or whose types it is of.
func layersOf(tag reflect.StructTag, t types.Type) (set layers) {
	if tag != "" {
		for i := range knownLayers {
			for _, key := range knownLayers[i].keys {
				if _, ok := tag.Lookup(key); ok {
					set |= knownLayers[i].bit
				}
			}
		}
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return set
	}
	return set | layersOfPath(named.Obj().Pkg().Path())
}

// layersOfPath returns the layer whose package this is.
func layersOfPath(path string) layers {
	switch path {
	case "gorm.io/gorm", "github.com/jinzhu/gorm", "gorm.io/plugin/soft_delete":
		return gormLayer
	case "github.com/uptrace/bun":
		return bunLayer
	case "entgo.io/ent/dialect/sql":
		return entLayer
	}
	return 0
}

// tagsSay is what the tags of layers say of a field. Where they contradict each
// other, it may be either.
func tagsSay(tag reflect.StructTag) how {
	if tag == "" {
		return untold
	}
	said := untold
	for i := range knownLayers {
		if says := knownLayers[i].says; says != nil {
			said = said.and(says(tag))
		}
	}
	if said == untold && (tag.Get("sql") == "-" || tag.Get("structs") == "-") {
		return elsewhere
	}
	return said
}

// rulesSay is what the rules of layers make of a field.
func (set layers) rulesSay(h held) how {
	said := untold
	for i := range knownLayers {
		if set&knownLayers[i].bit != 0 && knownLayers[i].rule != nil {
			said = said.and(knownLayers[i].rule(h))
		}
	}
	return said
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

func gormSays(tag reflect.StructTag) how {
	said := untold
	for _, s := range gormSettings(tag) {
		switch name, value, _ := strings.Cut(s, ":"); name {
		case "-":
			if value == "" || value == "all" {
				return elsewhere
			}
		case "foreignkey", "references", "many2many", "joinforeignkey", "joinreferences", "constraint",
			"polymorphic", "polymorphictype", "polymorphicid", "polymorphicvalue":
			return elsewhere
		case "embedded":
			said = columns
		case "->":
			if value == "false" {
				return elsewhere
			}
		case "serializer", "json", "type":
			if said == untold {
				said = document
			}
		}
	}
	return said
}

func bunSays(tag reflect.StructTag) how { return wordsSay(tag.Get("bun")) }

func pgSays(tag reflect.StructTag) how { return wordsSay(tag.Get("pg")) }

// wordsSay is what the tags of bun and go-pg say.
func wordsSay(tag string) how {
	if tag == "-" {
		return elsewhere
	}
	for s := range strings.SplitSeq(tag, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(s), ":"); name {
		case "rel", "m2m", "fk", "join_fk", "many2many", "polymorphic", "scanonly":
			return elsewhere
		case "embed", "extend", "inherit":
			return columns
		case "json_use_number", "msgpack", "composite":
			return document
		case "type":
			if strings.HasPrefix(value, "json") {
				return document
			}
		}
	}
	return untold
}

func xormSays(tag reflect.StructTag) how {
	words := strings.Fields(strings.ToLower(tag.Get("xorm")))
	switch {
	case slices.Contains(words, "-"):
		return elsewhere
	case slices.ContainsFunc(words, func(w string) bool { return w == "extends" || strings.HasPrefix(w, "extends(") }):
		return columns
	case slices.Contains(words, "json"), slices.Contains(words, "jsonb"):
		return document
	}
	return untold
}

func ormSays(tag reflect.StructTag) how {
	for _, word := range splitSettings(tag.Get("orm")) {
		name, _, _ := strings.Cut(word, "(")
		name, _, with := strings.Cut(name, ":")
		if name == "-" || name == "rel" || name == "reverse" || name == "with" && with {
			return elsewhere
		}
	}
	return untold
}

func splitSettings(tag string) []string {
	return strings.FieldsFunc(tag, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
}

func dbSays(tag reflect.StructTag) how {
	name, options, _ := strings.Cut(tag.Get("db"), ",")
	if name == "-" {
		return elsewhere
	}
	for o := range strings.SplitSeq(options, ",") {
		switch o {
		case "inline":
			return columns
		case "json", "jsonb":
			return document
		}
	}
	return untold
}

func boilSays(tag reflect.StructTag) how {
	name, options, _ := strings.Cut(tag.Get("boil"), ",")
	switch {
	case name == "-":
		return elsewhere
	case strings.Contains(options, "bind"):
		return perhaps // what a query joined
	}
	return untold
}

func documentSays(tag reflect.StructTag) how {
	for _, key := range []string{"bson", "firestore", "datastore", "dynamodbav"} {
		if name, _, _ := strings.Cut(tag.Get(key), ","); name == "-" {
			return elsewhere
		}
	}
	return untold
}

// dash recognises the one word that leaves a field out.
func dash(key string) func(reflect.StructTag) how {
	return func(tag reflect.StructTag) how {
		if tag.Get(key) == "-" {
			return elsewhere
		}
		return untold
	}
}
