package generator

import (
	"fmt"
	"slices"
	"strings"
)

// Hooks says which methods records get beside the snapshot.
type Hooks string

// The kinds of hooks.
const (
	// HooksAuto are HooksPlain, but HooksNone for structs that are stored with
	// gorm: it calls methods of these names in a way of its own, and has a plugin.
	HooksAuto Hooks = "auto"
	// HooksPlain are AfterCreate, BeforeUpdate and AfterDelete, for programs
	// that call them.
	HooksPlain Hooks = "plain"
	// HooksNone is for adapters that do everything with snapshots.
	HooksNone Hooks = "none"
	// HooksGorm are those that gorm calls, for programs that don't use the plugin
	// of adapters/gormclean.
	HooksGorm Hooks = "gorm"
)

// AllHooks are the hooks that can be chosen.
var AllHooks = []Hooks{HooksAuto, HooksPlain, HooksNone, HooksGorm}

// hookSet is one kind of hooks. A persistence layer that calls methods of its
// own signature gets a set of its own here: thin calls into its adapter.
type hookSet struct {
	methods []string // that it declares on records
	imports []string // what the methods need beside the runtime
	write   func(*writer, *Struct)
}

var hookSets = map[Hooks]hookSet{
	HooksPlain: {methods: []string{"AfterCreate", "BeforeUpdate", "AfterDelete"}, write: (*writer).plainHooks},
	HooksNone:  {write: func(*writer, *Struct) {}},
	HooksGorm: {
		methods: []string{"BeforeCreate", "AfterCreate", "BeforeUpdate", "AfterUpdate", "BeforeDelete", "AfterDelete"},
		imports: []string{gormPath, gormcleanPath},
		write:   (*writer).gormHooks,
	},
}

// recordMethods are declared on every record, one of the last two.
var recordMethods = []string{"FileSnapshot", fileKey, otherFileKey}

// generatedMethods are the names of all methods that may be generated, whatever
// the hooks: those of the same name are in the way.
func generatedMethods() []string {
	names := slices.Clone(recordMethods)
	for _, set := range hookSets {
		names = append(names, set.methods...)
	}
	return names
}

// of returns the hooks of one struct.
func (h Hooks) of(row *facts) Hooks {
	switch {
	case h != HooksAuto && h != "":
		return h
	case row.layers&gormLayer != 0:
		return HooksNone
	}
	return HooksPlain
}

// plainHooks writes out what each method does: a call more would cost a tenth
// of the time that one takes.
func (w *writer) plainHooks(s *Struct) {
	w.doc("AfterCreate logs that the record was inserted.")
	w.open("func (r %s) AfterCreate(b *%s.Batch) {", s.receiver(), w.runtime)
	w.line("log := b.Created(%s, r.%s())", s.typeVar(), s.keyMethod())
	w.holdRecord(s)
	w.close("}")

	w.doc("BeforeUpdate logs that the record is written to a row that named the files in\nold, read in the same transaction.")
	w.open("func (r %s) BeforeUpdate(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.Snapshot)
	w.line("log := b.Updated(%s, r.%s())", s.typeVar(), s.keyMethod())
	w.holdRecord(s)
	w.logSnapshot(s, "old", differ)
	w.close("}")

	w.doc("AfterDelete logs that the record's row, which named the files in old, is\ndeleted.")
	w.open("func (r %s) AfterDelete(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.Snapshot)
	deleted := fmt.Sprintf("b.Deleted(%s, r.%s())", s.typeVar(), s.keyMethod())
	if !s.releases() {
		w.line("%s", deleted)
	} else {
		w.line("log := %s", deleted)
		w.logSnapshot(s, "old", release)
	}
	w.close("}")
}

const (
	gormPath      = "gorm.io/gorm"
	gormcleanPath = modulePath + "/adapters/gormclean"
)

// gormHooks have value receivers: with a pointer gorm's generic functions refuse
// every update.
func (w *writer) gormHooks(s *Struct) {
	gorm, gormclean := w.imports[gormPath], w.imports[gormcleanPath]
	for _, m := range []struct{ method, call string }{
		{"BeforeCreate", "BeforeCreate"}, {"AfterCreate", "AfterWrite"},
		{"BeforeUpdate", "BeforeUpdate"}, {"AfterUpdate", "AfterWrite"},
		{"BeforeDelete", "BeforeDelete"}, {"AfterDelete", "AfterWrite"},
	} {
		w.doc("%s is called by gorm.", m.method)
		w.open("func (%s) %s(tx *%s.DB) error {", strings.TrimPrefix(s.receiver(), "*"), m.method, gorm)
		w.line("return %s.%s(tx)", gormclean, m.call)
		w.close("}")
	}
}

func (w *writer) holdRecord(s *Struct) {
	for i, f := range s.Fields {
		w.each("*r", f.Shape, w.logCall(hold, i))
	}
}
