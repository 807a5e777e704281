package runtime

import (
	"slices"

	"github.com/filecleangen/filecleangen/storage"
)

// view is what a log says, taken as a whole, of the refs that matter.
type view struct {
	index    map[Ref]int32 // in refs
	refs     []refView
	released []Result // in the order of the first release

	owners map[owner]int32
	last   map[claim]lastSaying // the last that each record said of each ref
}

// refView is what the records of a log say of one ref.
type refView struct {
	held     bool
	state    recordState // if it is held: standing: a row names it; idle: perhaps
	released bool
	keep     bool    // released by a field with the option keep
	typ      *Type   // that released it first
	others   []*Type // that released it, too
}

// claim is a record's hold of a ref: their places in owners and refs.
type claim struct{ owner, ref int32 }

type lastSaying struct {
	by    int
	op    op
	state recordState
}

// of returns what is said of a ref.
func (v *view) of(ref Ref) refView {
	if i, ok := v.index[ref]; ok {
		return v.refs[i]
	}
	return refView{}
}

// letGo reports whether a record has let go of a ref for good.
func (v *view) letGo(by owner, ref Ref) bool {
	i, known := v.owners[by]
	j, ok := v.index[ref]
	if !known || !ok || by.anonymous != 0 {
		return false
	}
	last, ok := v.last[claim{i, j}]
	return ok && last.op == release
}

// owner tells records apart; anonymous ones by their place in the log.
type owner struct {
	typ       *Type // nil where the key has a table
	key       Key
	anonymous int
}

func (l *log) owner(i int) owner {
	r := &l.records[i]
	switch {
	case r.key.IsZero():
		return owner{anonymous: i + 1}
	case r.key.table != "":
		return owner{key: r.key}
	}
	return owner{typ: r.typ, key: r.key}
}

// saying is one thing that a record says of a ref.
type saying struct {
	by    int // the place of the record in the log
	since int // that at which its write began
	state recordState
	typ   *Type
	field *Field
	key   Key
	why   Reason // for a release
	op    op
	ref   Ref
	of    string // the name of the file that ref is derived from; "" if it is not
}

// each calls f for what every record that counts, from record first on, holds or
// releases, in order, what it holds first. What is said of a file is also said
// of the files that are derived from it; and who holds a name that is refused,
// such as "/a.png", also holds what it is likely to mean. The saying is f's until
// it returns.
func (l *log) each(first int, f func(*saying)) {
	var s saying
	for i := first; i < len(l.records); i++ {
		r := &l.records[i]
		s.by, s.since, s.state, s.typ, s.key, s.why = i, r.since, r.state, r.typ, r.key, r.reason
		for _, o := range [...]op{hold, release} {
			if r.state == void || r.state == idle && o == release {
				continue
			}
			for _, e := range l.entriesOf(i) {
				if e.op != o {
					continue
				}
				s.field, s.op, s.ref, s.of = &r.typ.Fields[e.field], o, r.ref(e), ""
				f(&s)
				if o == hold {
					if other := storage.OtherSpelling(e.name); other != "" {
						s.ref.Name = other
						f(&s)
					}
				}
				for _, template := range s.field.Derived {
					s.ref.Name, s.of = storage.Derive(template, e.name), e.name
					f(&s)
				}
			}
		}
	}
}

// view evaluates the log for every ref that was released, and for the others
// that are given. A record holds a ref at the end if the last that it said of
// it is hold; within one write, hold beats release.
func (l *log) view(others ...Ref) view {
	releases := l.releases()
	v := view{index: make(map[Ref]int32, releases+len(others))}
	v.refs = make([]refView, 0, releases+len(others))
	for _, ref := range others {
		v.want(ref)
	}
	l.each(0, func(s *saying) {
		if s.op == release {
			v.want(s.ref)
		}
	})
	if len(v.refs) == 0 {
		return view{}
	}
	v.owners, v.last = map[owner]int32{}, make(map[claim]lastSaying, len(v.refs))
	v.released = make([]Result, 0, len(v.refs)) // with room for uploads
	record, by := -1, int32(0)
	l.each(0, func(s *saying) {
		ref, ok := v.index[s.ref]
		if !ok {
			return
		}
		if s.by != record {
			record, by = s.by, v.owner(l.owner(s.by))
		}
		v.say(claim{by, ref}, s)
	})
	for c, last := range v.last {
		if r := &v.refs[c.ref]; last.op == hold && (!r.held || r.state == idle) {
			r.held, r.state = true, last.state
		}
	}
	return v
}

// releases returns how many entries are releases.
func (l *log) releases() (n int) {
	for i := range l.entries {
		if l.entries[i].op == release {
			n++
		}
	}
	return n
}

func (v *view) want(ref Ref) {
	if _, ok := v.index[ref]; !ok {
		v.index[ref] = int32(len(v.refs))
		v.refs = append(v.refs, refView{})
	}
}

func (v *view) owner(o owner) int32 {
	i, ok := v.owners[o]
	if !ok {
		i = int32(len(v.owners))
		v.owners[o] = i
	}
	return i
}

// say takes up what a record says of a ref.
func (v *view) say(c claim, s *saying) {
	before, ok := v.last[c]
	held := ok && before.op == hold
	if s.op == release && held && before.by == s.by {
		return
	}
	// What was held since the write began, by a write inside it, may have come
	// after it.
	if s.op == hold || !held || before.by < s.since {
		v.last[c] = lastSaying{s.by, s.op, s.state}
	}
	if s.op == hold {
		return
	}
	r := &v.refs[c.ref]
	switch {
	case !r.released:
		r.released, r.typ = true, s.typ
		v.released = append(v.released, Result{Ref: s.ref, Type: s.typ, Field: s.field, Key: s.key, Reason: s.why, DerivedFrom: s.of})
	case s.typ != r.typ && !slices.Contains(r.others, s.typ):
		r.others = append(r.others, s.typ)
	}
	r.keep = r.keep || s.field.Keep
}
