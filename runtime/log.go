package runtime

import (
	"fmt"
	"slices"
)

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
	locked bool // see [Batch.Locked]
	first  int  // its first entry
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
	batch *Batch // nil: the batch had ended, nothing is collected
	typ   *Type
	first int     // its first entry
	exact bool    // values are names, so that they can be compared at once
	rest  []entry // then the held entries that released names are still to be compared with
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
	if r.exact {
		r.rest = b.log.entries[r.first:]
	}
	b.mu.Unlock()
}

// HoldAll is Hold for each of the names.
func (r *Record) HoldAll(field int, names []string) {
	if len(names) == 0 || r.batch == nil {
		return
	}
	b := r.batch
	r.check(field)
	if !r.exact {
		for _, name := range names {
			r.Hold(field, name)
		}
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log.entries = slices.Grow(b.log.entries, len(names))
	for _, name := range names {
		if name != "" {
			b.log.entries = append(b.log.entries, entry{name: name, field: uint16(field), op: hold})
		}
	}
	r.rest = b.log.entries[r.first:]
}

// Release says that the row named a file in this field before the write. A
// name that the record holds is not released, whichever field it moved to, so
// that callers need not compare; all its holds must come first.
func (r *Record) Release(field int, name string) {
	name = r.file(field, name)
	if name == "" || r.held(field, name) {
		return
	}
	b := r.batch
	b.mu.Lock()
	b.log.entries = append(b.log.entries, entry{name: name, field: uint16(field), op: release})
	b.mu.Unlock()
}

// ReleaseAll is Release for each of the names.
func (r *Record) ReleaseAll(field int, names []string) {
	for len(names) > 0 && r.Same(field, names[0]) {
		names = names[1:]
	}
	if len(names) == 0 || r.batch == nil {
		return
	}
	if !r.exact {
		for _, name := range names {
			r.Release(field, name)
		}
		return
	}
	b := r.batch
	r.check(field)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if name != "" && !r.held(field, name) {
			b.log.entries = append(b.log.entries, entry{name: name, field: uint16(field), op: release})
		}
	}
}

// Same reports whether the name is the next of those that the record holds: then
// it need not be released. The usual case is that nothing changed, and the
// released names are the held ones in the same order. Generated code asks first,
// since the compiler can inline it; what is missed here is found by the judgement.
func (r *Record) Same(field int, name string) bool {
	if len(r.rest) > 0 && r.rest[0].name == name && int(r.rest[0].field) == field {
		r.rest = r.rest[1:]
		return true
	}
	return false
}

// held is Same, and passes by what the record holds in fields before, and what it
// holds instead in a field of one file, so that Same hits for the fields after.
func (r *Record) held(field int, name string) bool {
	for len(r.rest) > 0 && int(r.rest[0].field) < field {
		r.rest = r.rest[1:]
	}
	if r.Same(field, name) {
		return true
	}
	if len(r.rest) > 0 && int(r.rest[0].field) == field && r.typ.Fields[field].Shape == Single {
		r.rest = r.rest[1:]
	}
	return false
}

// check panics where a field does not exist, at the place that is to blame:
// found later, it would be in a commit, perhaps of another batch.
func (r *Record) check(field int) {
	if uint(field) >= uint(len(r.typ.Fields)) {
		panic(fmt.Sprintf("filecleangen: field %d of a record with %d file fields; was its code generated again?", field, len(r.typ.Fields)))
	}
}

// file returns the name of the file that a value of a field means, or "" if it
// means none.
func (r *Record) file(field int, value string) string {
	if value == "" || r.batch == nil {
		return ""
	}
	r.check(field)
	if c := r.batch.cleaner; c.hasNames {
		return c.storages[r.typ.Fields[field].Storage].nameOf(value)
	}
	return value
}
