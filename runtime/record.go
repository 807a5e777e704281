package runtime

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/filecleangen/filecleangen/runtime/internal/journal"
	"github.com/filecleangen/filecleangen/storage"
)

// source is a record, as the journal knows it.
type source struct {
	typ    *Type
	key    Key
	reason Reason // what a release by it means
}

// owner tells records apart.
type owner struct {
	typ *Type // nil where the key has a table
	key Key
}

// Owner implements journal.Source.
func (s source) Owner() (o owner, known bool) {
	if s.key.table != "" {
		return owner{key: s.key}, true
	}
	return owner{s.typ, s.key}, !s.key.IsZero()
}

// Files implements journal.Source: what is said of a file is also said of the files that
// are derived from it; and who holds a name that is refused, such as "/a.png", also
// holds what it is likely to mean.
func (s source) Files(field int, name string, op journal.Op, f func(ref Ref, derivedFrom string)) {
	in := &s.typ.Fields[field]
	f(Ref{Storage: in.Storage, Name: name}, "")
	if op == journal.Hold {
		if other := storage.OtherSpelling(name); other != "" {
			f(Ref{Storage: in.Storage, Name: other}, "")
		}
	}
	for _, template := range in.Derived {
		f(Ref{Storage: in.Storage, Name: storage.Derive(template, name)}, name)
	}
}

// A Record collects what one write says of one record: the names that it holds now, then
// the names that it held before. Generated methods use it; it is valid until the next
// Record of its batch.
type Record struct {
	batch *Batch // nil: the batch had ended, nothing is collected
	typ   *Type
	exact bool            // values are names, so that they can be compared at once
	rest  []journal.Entry // then the held entries that released names are still to be compared with
}

// Created starts the record of a row that was inserted. The type must not be nil.
func (b *Batch) Created(t *Type, key Key) Record { return b.record(t, key, Updated) }

// Updated starts the record of a row that was written anew.
func (b *Batch) Updated(t *Type, key Key) Record { return b.record(t, key, Updated) }

// Deleted starts the record of a row that was deleted.
func (b *Batch) Deleted(t *Type, key Key) Record { return b.record(t, key, Deleted) }

func (b *Batch) record(t *Type, key Key, why Reason) Record {
	b.mu.Lock()
	if b.state == ended {
		b.mu.Unlock()
		b.cleaner.log(context.Background(), slog.LevelError, "filecleangen: a batch was written to after its end; what was written is ignored, files may stay behind",
			slog.String("type", t.Name))
		return Record{}
	}
	defer b.mu.Unlock()
	if t == nil {
		panic("filecleangen: a record without a type")
	}
	b.journal.Begin(journal.Record[source]{Source: source{t, key, why}, Unconfirmed: b.hooking, Locked: b.locked})
	return Record{batch: b, typ: t, exact: !b.cleaner.hasNames && !b.locked}
}

// Hold says that the record names a file in the field with this index in its [Type]. An
// empty name is no file. In a storage with [Names] it is what the column holds.
func (r *Record) Hold(field int, name string) {
	name = r.file(field, name)
	if name == "" {
		return
	}
	b := r.batch
	b.mu.Lock()
	b.journal.Add(journal.Entry{Name: name, Field: uint16(field), Op: journal.Hold})
	if r.exact {
		r.rest = b.journal.Last()
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
	b.journal.Grow(len(names))
	for _, name := range names {
		if name != "" {
			b.journal.Add(journal.Entry{Name: name, Field: uint16(field), Op: journal.Hold})
		}
	}
	r.rest = b.journal.Last()
}

// Release says that the row named a file in this field before the write. A name that the
// record holds is not released, whichever field it moved to, so that callers need not
// compare; all its holds must come first.
func (r *Record) Release(field int, name string) {
	name = r.file(field, name)
	if name == "" || r.held(field, name) {
		return
	}
	b := r.batch
	b.mu.Lock()
	b.journal.Add(journal.Entry{Name: name, Field: uint16(field), Op: journal.Release})
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
	if len(r.rest) == 0 { // all of them, mostly
		b.journal.Grow(len(names))
	}
	for _, name := range names {
		if name != "" && !r.held(field, name) {
			b.journal.Add(journal.Entry{Name: name, Field: uint16(field), Op: journal.Release})
		}
	}
}

// Same reports whether the name is the next of those that the record holds: then it need
// not be released. The usual case is that nothing changed, and the released names are the
// held ones in the same order. Generated code asks first, since the compiler can inline
// it; what is missed here is found when the journal is replayed.
func (r *Record) Same(field int, name string) bool {
	if len(r.rest) > 0 && r.rest[0].Name == name && int(r.rest[0].Field) == field {
		r.rest = r.rest[1:]
		return true
	}
	return false
}

// held is Same, and passes by what the record holds in fields before, and what it holds
// instead in a field of one file, so that Same hits for the fields after.
func (r *Record) held(field int, name string) bool {
	for len(r.rest) > 0 && int(r.rest[0].Field) < field {
		r.rest = r.rest[1:]
	}
	if r.Same(field, name) {
		return true
	}
	if len(r.rest) > 0 && int(r.rest[0].Field) == field && r.typ.Fields[field].Shape == Single {
		r.rest = r.rest[1:]
	}
	return false
}

// check panics where a field does not exist, at the place that is to blame: found later,
// it would be in a commit, perhaps of another batch.
func (r *Record) check(field int) {
	if uint(field) >= uint(len(r.typ.Fields)) {
		panic(fmt.Sprintf("filecleangen: field %d of a record with %d file fields; was its code generated again?", field, len(r.typ.Fields)))
	}
}

// file returns the name of the file that a value of a field means, or "" if it means
// none.
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
