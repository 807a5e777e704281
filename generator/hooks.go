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
	HooksPlain: {methods: []string{"AfterCreate", "BeforeUpdate", "AfterDelete"}, write: (*writer).plainHooks},
	HooksNone:  {write: func(*writer, *Struct) {}},
}

// plainHooks writes out what each method does: a call more would cost a tenth
// of the time that one takes.
func (w *writer) plainHooks(s *Struct) {
	w.doc("AfterCreate logs that the record was inserted.")
	w.open("func (r %s) AfterCreate(b *%s.Batch) {", s.receiver(), w.runtime)
	w.line("log := b.Created(%s, r.FileKey())", s.typeVar())
	w.holdRecord(s)
	w.close("}")

	w.doc("BeforeUpdate logs that the record is written to a row that named the files in\nold, read in the same transaction.")
	w.open("func (r %s) BeforeUpdate(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.Snapshot)
	w.line("log := b.Updated(%s, r.FileKey())", s.typeVar())
	w.holdRecord(s)
	w.logSnapshot(s, "old", differ)
	w.close("}")

	w.doc("AfterDelete logs that the record's row, which named the files in old, is\ndeleted.")
	w.open("func (r %s) AfterDelete(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.Snapshot)
	w.line("log := b.Deleted(%s, r.FileKey())", s.typeVar())
	w.logSnapshot(s, "old", release)
	w.close("}")
}

func (w *writer) holdRecord(s *Struct) {
	for i, f := range s.Fields {
		w.each("*r", f.Shape, w.logCall(hold, i))
	}
}
