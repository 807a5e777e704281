// Package journal keeps what the records of one batch hold and release, in the order
// in which they said so, and replays it into one verdict for each ref.
//
// It is pure: it knows of no cleaner, database, storage or other batch, takes no lock
// and starts nothing. Who a record is, and which files a name means, is told to it by
// the type parameter S.
package journal

import (
	"slices"

	"github.com/filecleangen/filecleangen/storage"
)

// A Source is the record behind an entry, as the package above knows it. O tells
// records apart.
type Source[O comparable] interface {
	// Owner returns what tells the record apart from others. If nothing does, known is
	// false, and no other record cancels what it holds.
	Owner() (owner O, known bool)
	// Files calls f with each ref that the name in a field is about: the file itself,
	// whatever else the name is likely to mean, and the files that are derived from it,
	// with the name of that.
	Files(field int, name string, op Op, f func(ref storage.Ref, derivedFrom string))
}

// An Op is what a record says of a name.
type Op uint8

// What a record says of a name.
const (
	Hold    Op = iota // its row comes to name it, or goes on doing so
	Release           // its row named it before
)

// An Entry is one name that a record holds or releases.
type Entry struct {
	Name  string
	Field uint16
	Op    Op
}

// A Record is one call of a generated method: what one write says of one row.
type Record[S any] struct {
	Source S
	// Unconfirmed says that nobody knows whether the write changed the row: what the
	// record holds counts, and what it releases is only a proposal.
	Unconfirmed bool
	// Locked says that what it releases was read in this transaction, from a row that is
	// locked since.
	Locked bool

	first int // its first entry
}

// A Journal is what the records of one batch said. It only grows, or is cut at a
// [Mark]. The zero Journal is empty. It must not be copied, and its user locks it.
type Journal[O comparable, S Source[O]] struct {
	Entries
	records   []Record[S]
	recordBuf [2]Record[S] // where small journals live
}

// Entries are what all records of a journal hold and release, one after the other. They
// are a type of their own, without type parameters, so that the compiler can inline what
// is called for each name.
type Entries struct {
	all  []Entry
	last int // the first of the record that was begun last
	buf  [8]Entry
}

// Add adds an entry to the record that was begun last.
func (e *Entries) Add(entry Entry) { e.all = append(e.all, entry) }

// Grow makes room for n entries.
func (e *Entries) Grow(n int) { e.all = slices.Grow(e.all, n) }

// Last returns the entries of the record that was begun last. They are valid until the
// next call of Add.
func (e *Entries) Last() []Entry { return e.all[e.last:] }

// A Mark is a place in a journal.
type Mark struct{ records, entries int }

// Begin adds a record, whose entries follow.
func (j *Journal[O, S]) Begin(r Record[S]) {
	if j.records == nil {
		j.records, j.all = j.recordBuf[:0], j.buf[:0]
	}
	r.first = len(j.all)
	j.last = r.first
	j.records = append(j.records, r)
}

// Records returns how many records there are.
func (j *Journal[O, S]) Records() int { return len(j.records) }

// Confirm says of the records from, up to but without to, that their write changed
// their rows.
func (j *Journal[O, S]) Confirm(from, to int) {
	for i := from; i < min(to, len(j.records)); i++ {
		j.records[i].Unconfirmed = false
	}
}

// Mark returns the end of the journal.
func (j *Journal[O, S]) Mark() Mark { return Mark{len(j.records), len(j.all)} }

// Cut forgets what came after a mark.
func (j *Journal[O, S]) Cut(m Mark) {
	clear(j.all[m.entries:]) // let go of the names
	clear(j.records[m.records:])
	j.all, j.records = j.all[:m.entries], j.records[:m.records]
	j.last = len(j.all)
}

// CutRecords forgets the records from one on.
func (j *Journal[O, S]) CutRecords(from int) {
	if from < len(j.records) {
		j.Cut(Mark{from, j.records[from].first})
	}
}

func (j *Journal[O, S]) entriesOf(i int) []Entry {
	end := len(j.all)
	if i+1 < len(j.records) {
		end = j.records[i+1].first
	}
	return j.all[j.records[i].first:end]
}
