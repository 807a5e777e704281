package generator

// Hooks says which methods records get beside the snapshot.
type Hooks string

// The kinds of hooks.
const (
	// HooksPlain are AfterCreate, BeforeUpdate and AfterDelete, for programs
	// that call them.
	HooksPlain Hooks = "plain"
	// HooksNone is for adapters that do everything with snapshots.
	HooksNone Hooks = "none"
)

// AllHooks are the hooks that can be chosen.
var AllHooks = []Hooks{HooksPlain, HooksNone}

// hookSet is one kind of hooks. A persistence layer that calls methods of its
// own signature gets a set of its own here: thin calls into its adapter.
type hookSet struct {
	methods []string // that it declares on records
	write   func(*writer, *Struct)
}

var hookSets = map[Hooks]hookSet{
	HooksPlain: {methods: []string{"AfterCreate", "BeforeUpdate", "AfterDelete", "holdFiles"}, write: (*writer).plainHooks},
	HooksNone:  {write: func(*writer, *Struct) {}},
}

func (w *writer) plainHooks(s *Struct) {
	w.doc("AfterCreate logs that the record was inserted.")
	w.open("func (r %s) AfterCreate(b *%s.Batch) {", s.receiver(), w.runtime)
	w.line("log := b.Created(%s, r.FileKey())", s.typeVar())
	w.line("r.holdFiles(&log)")
	w.close("}")

	w.doc("BeforeUpdate logs that the record is written to a row that named the files in\nold, read in the same transaction.")
	w.open("func (r %s) BeforeUpdate(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.Snapshot)
	w.line("log := b.Updated(%s, r.FileKey())", s.typeVar())
	w.line("r.holdFiles(&log)")
	w.line("old.releaseFiles(&log)")
	w.close("}")

	w.doc("AfterDelete logs that the record's row, which named the files in old, is\ndeleted.")
	w.open("func (r %s) AfterDelete(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.Snapshot)
	w.line("old.LogDelete(b, r.FileKey())")
	w.close("}")

	w.blank()
	w.open("func (r %s) holdFiles(log *%s.Record) {", s.receiver(), w.runtime)
	for i, f := range s.Fields {
		w.each("*r", f.Shape, func(name string) { w.line("log.Hold(%d, %s)", i, name) })
	}
	w.close("}")
}
