package runtime

import "fmt"

// The log of a batch: records in the order in which they were written, and for
// each of them the names it holds and releases, one after the other. It only
// grows, or is cut at a savepoint.
type log struct {
	records []record
	entries []entry
}

// record is one call of a generated method: what one write said of one record.
type record struct {
	typ    *Type
	key    Key
	reason Reason // what a release by it means
	write  int    // the call of Exec's hook that it belongs to, or 0
	since  int    // the place in the log at which its write began
	state  recordState
	first  int // its first entry
}

type recordState uint8

const (
	standing recordState = iota
	void                 // replaced by the second call of its hook
	idle                 // its write failed, changed no row, or is not over: it holds, and releases nothing
)

type entry struct {
	name  string
	field uint16
	op    op
}

type op uint8

const (
	hold op = iota
	release
)

// mark is a place in a log.
type mark struct{ records, entries int }

func (l *log) mark() mark { return mark{len(l.records), len(l.entries)} }

func (l *log) cut(m mark) {
	clear(l.entries[m.entries:]) // let go of the names
	clear(l.records[m.records:])
	l.entries, l.records = l.entries[:m.entries], l.records[:m.records]
}

// entriesOf returns what record i holds and releases.
func (l *log) entriesOf(i int) []entry {
	end := len(l.entries)
	if i+1 < len(l.records) {
		end = l.records[i+1].first
	}
	return l.entries[l.records[i].first:end]
}

func (r *record) ref(e entry) Ref {
	return Ref{Storage: r.typ.Fields[e.field].Storage, Name: e.name}
}

// A Record collects what one write says of one record: the names that it
// holds now, then the names that it held before. Generated methods use it; it
// is valid until the next Record of its batch.
type Record struct {
	batch  *Batch // nil: the batch had ended, nothing is collected
	typ    *Type
	cursor int // the next held entry to compare a released name with
	held   int // the end of the held entries
}

// Hold says that the record names a file in the field with this index in its
// [Type]. An empty name is no file. In a storage with [Names] it is what the
// column holds.
func (r *Record) Hold(field int, name string) {
	name = r.file(field, name)
	if name == "" {
		return
	}
	b := r.batch
	b.mu.Lock()
	b.log.entries = append(b.log.entries, entry{name: name, field: uint16(field), op: hold})
	r.held = len(b.log.entries)
	b.mu.Unlock()
}

// Release says that the row named a file in this field before the write. A
// name that the record holds is not released, whichever field it moved to, so
// that callers need not compare; all its holds must come first.
func (r *Record) Release(field int, name string) {
	name = r.file(field, name)
	if name == "" {
		return
	}
	b := r.batch
	b.mu.Lock()
	defer b.mu.Unlock()
	// The usual case is that nothing changed: then the released names are the
	// held ones in the same order, and walking along them leaves no entry. What
	// is missed here is found by the judgement.
	for r.cursor < r.held && int(b.log.entries[r.cursor].field) < field {
		r.cursor++
	}
	if r.cursor < r.held {
		if e := b.log.entries[r.cursor]; int(e.field) == field && e.name == name {
			r.cursor++
			return
		}
	}
	b.log.entries = append(b.log.entries, entry{name: name, field: uint16(field), op: release})
}

// file returns the name of the file that a value of a field means, or "" if it
// means none. It panics where a field does not exist, at the place that is to
// blame: found later, it would be in a commit, perhaps of another batch.
func (r *Record) file(field int, value string) string {
	if value == "" || r.batch == nil {
		return ""
	}
	if uint(field) >= uint(len(r.typ.Fields)) {
		panic(fmt.Sprintf("filecleangen: field %d of a record with %d file fields; was its code generated again?", field, len(r.typ.Fields)))
	}
	if c := r.batch.cleaner; c.hasNames {
		return c.storages[r.typ.Fields[field].Storage].nameOf(value)
	}
	return value
}
