package journal

import (
	"slices"

	"github.com/filecleangen/filecleangen/storage"
)

// A Mention is one ref that a record holds or releases.
type Mention[S any] struct {
	Ref         storage.Ref
	DerivedFrom string // the name of the file that it is derived from, or ""
	Op          Op
	Field       int
	Record      *Record[S]
	place       int // of the record
}

// Each calls f for every mention from a record on, in order, of each record what it
// holds first. The mention is f's until it returns.
func (j *Journal[O, S]) Each(from int, f func(*Mention[S])) {
	var m Mention[S]
	mention := func(ref storage.Ref, derivedFrom string) {
		m.Ref, m.DerivedFrom = ref, derivedFrom
		f(&m)
	}
	for i := from; i < len(j.records); i++ {
		m.Record, m.place = &j.records[i], i
		for _, op := range [...]Op{Hold, Release} {
			m.Op = op
			for _, e := range j.entriesOf(i) {
				if e.Op == op {
					m.Field = int(e.Field)
					m.Record.Source.Files(m.Field, e.Name, op, mention)
				}
			}
		}
	}
}

// A Verdict is what the records of a journal say, in the end, of a ref that one of them
// released.
type Verdict[S any] struct {
	Ref         storage.Ref
	DerivedFrom string
	Source      S // that released it first
	Field       int

	Held      bool // a record holds it at the end
	Confirmed bool // a write that surely changed its row released it
	Unsure    bool // it is held by a record whose write is not confirmed, and by no other
	Flags     uint8
	HoldFlags uint8 // of all records that held it
}

// Replay returns a verdict for each ref that was released, in the order of the first
// release. A ref is held at the end if the last that some record said of it is hold;
// within one record, hold beats release. An unconfirmed release cancels nothing. A
// derived file is not held by who holds the file that it goes with: that is decided
// first. What a record holds itself it has not released: it moved to another field, or is
// unchanged. The flags of all releases of a ref are combined in its verdict.
func (j *Journal[O, S]) Replay(flags func(s S, field int) uint8) []Verdict[S] {
	if !slices.ContainsFunc(j.all, func(e Entry) bool { return e.Op == Release }) {
		return nil
	}
	r := replay[O, S]{index: map[storage.Ref]int{}}
	holds, place := map[storage.Ref]struct{}{}, 0 // of the record at that place
	j.Each(0, func(m *Mention[S]) {
		if m.place != place {
			place = m.place
			clear(holds)
		}
		if m.Op == Hold {
			holds[m.Ref] = struct{}{}
		} else if _, moved := holds[m.Ref]; !moved {
			r.release(m, flags(m.Record.Source, m.Field))
		}
	})
	if len(r.verdicts) == 0 {
		return nil
	}
	r.last = make(map[word[O]]said, len(r.verdicts))
	j.Each(0, func(m *Mention[S]) {
		if i, ok := r.index[m.Ref]; ok && m.Op == Hold {
			r.verdicts[i].HoldFlags |= flags(m.Record.Source, m.Field)
		}
		r.say(m)
	})
	for w, last := range r.last {
		if v := &r.verdicts[w.ref]; last.op == Hold {
			v.Unsure = last.unconfirmed && (!v.Held || v.Unsure)
			v.Held = true
		}
	}
	return r.verdicts
}

type replay[O comparable, S Source[O]] struct {
	index    map[storage.Ref]int // in verdicts
	verdicts []Verdict[S]
	last     map[word[O]]said // the last that each record said of each ref
}

// word identifies what one record says of one ref.
type word[O comparable] struct {
	owner O
	place int // of the record that nothing tells apart from others, from 1
	ref   int
}

type said struct {
	op          Op
	place       int
	unconfirmed bool
}

func (r *replay[O, S]) release(m *Mention[S], flags uint8) {
	i, ok := r.index[m.Ref]
	if !ok {
		i = len(r.verdicts)
		r.index[m.Ref] = i
		r.verdicts = append(r.verdicts, Verdict[S]{Ref: m.Ref, DerivedFrom: m.DerivedFrom, Source: m.Record.Source, Field: m.Field})
	}
	v := &r.verdicts[i]
	v.Flags |= flags
	v.Confirmed = v.Confirmed || !m.Record.Unconfirmed
}

func (r *replay[O, S]) say(m *Mention[S]) {
	i, ok := r.index[m.Ref]
	if !ok || m.Op == Release && m.Record.Unconfirmed {
		return
	}
	if m.Op == Hold && m.DerivedFrom != "" && m.DerivedFrom == r.verdicts[i].DerivedFrom {
		return // as long as that is held it stays, and this one with it
	}
	w := word[O]{ref: i}
	owner, known := m.Record.Source.Owner()
	if w.owner = owner; !known {
		w.place = m.place + 1
	}
	if before, ok := r.last[w]; ok && m.Op == Release && before.op == Hold && before.place == m.place {
		return
	}
	r.last[w] = said{m.Op, m.place, m.Record.Unconfirmed}
}

// Held calls f for every ref that a record holds at some time; sure is false while its
// write is not confirmed.
func (j *Journal[O, S]) Held(f func(ref storage.Ref, sure bool)) {
	j.Each(0, func(m *Mention[S]) {
		if m.Op == Hold {
			f(m.Ref, !m.Record.Unconfirmed)
		}
	})
}

// Takes returns every ref that a record holds, once, but for those that skip reports,
// and for what a locked row named before.
func (j *Journal[O, S]) Takes(skip func(storage.Ref) bool) (refs []storage.Ref) {
	taken, before, place := map[storage.Ref]struct{}{}, map[storage.Ref]struct{}{}, -1
	j.Each(0, func(m *Mention[S]) {
		if m.Op != Hold {
			return
		}
		if m.place != place {
			place = m.place
			j.lockedBefore(place, before)
		}
		file := m.Ref
		if m.DerivedFrom != "" {
			file.Name = m.DerivedFrom
		}
		if _, unchanged := before[file]; unchanged {
			return
		}
		if _, ok := taken[m.Ref]; !ok && !skip(m.Ref) {
			taken[m.Ref] = struct{}{}
			refs = append(refs, m.Ref)
		}
	})
	return refs
}

// lockedBefore sets refs to those that the row of a record named before, if that was
// read from a locked row.
func (j *Journal[O, S]) lockedBefore(place int, refs map[storage.Ref]struct{}) {
	clear(refs)
	r := &j.records[place]
	if !r.Locked {
		return
	}
	for _, e := range j.entriesOf(place) {
		if e.Op == Release {
			r.Source.Files(int(e.Field), e.Name, Release, func(ref storage.Ref, derivedFrom string) {
				if derivedFrom == "" {
					refs[ref] = struct{}{}
				}
			})
		}
	}
}
