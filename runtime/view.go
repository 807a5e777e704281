package runtime

import "maps"

// view is what a log says, taken as a whole, of the refs that matter.
type view struct {
	held      map[Ref]recordState // standing: a row names it; idle: perhaps
	released  []Result            // in the order of the first release
	releasers map[Ref][]*Type     // the types of the records that released it
	keep      map[Ref]struct{}    // released by a field with the option keep
	last      map[claim]saying    // the last that each record said of each
}

// claim is a record's hold of a ref.
type claim struct {
	owner owner
	ref   Ref
}

// letGo reports whether a record has let go of a ref for good.
func (v *view) letGo(by owner, ref Ref) bool {
	s, ok := v.last[claim{by, ref}]
	return ok && s.op == release && by.anonymous == 0
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
// releases, in order, what it holds first. What is said of a file is also said of the files that
// are derived from it; and who holds a name that is refused, such as "/a.png",
// also holds what it is likely to mean.
func (l *log) each(first int, f func(saying)) {
	for i := first; i < len(l.records); i++ {
		r := &l.records[i]
		for _, o := range [...]op{hold, release} {
			if r.state == void || r.state == idle && o == release {
				continue
			}
			for _, e := range l.entriesOf(i) {
				if e.op != o {
					continue
				}
				s := saying{by: i, since: r.since, state: r.state, typ: r.typ, field: &r.typ.Fields[e.field], key: r.key, why: r.reason, op: o, ref: r.ref(e)}
				f(s)
				if other := otherSpelling(e.name); o == hold && other != "" {
					s := s
					s.ref.Name = other
					f(s)
				}
				for _, template := range s.field.Derived {
					s := s
					s.ref, s.of = Ref{s.ref.Storage, derive(template, e.name)}, e.name
					f(s)
				}
			}
		}
	}
}

// view evaluates the log for every ref that was released, and for the others
// that are given. A record holds a ref at the end if the last that it said of
// it is hold; within one write, hold beats release.
func (l *log) view(others map[Ref]struct{}) view {
	wanted := maps.Clone(others)
	l.each(0, func(s saying) {
		if s.op == release {
			if wanted == nil {
				wanted = map[Ref]struct{}{}
			}
			wanted[s.ref] = struct{}{}
		}
	})
	if len(wanted) == 0 {
		return view{}
	}

	v := view{held: map[Ref]recordState{}, releasers: map[Ref][]*Type{}, keep: map[Ref]struct{}{}, last: map[claim]saying{}}
	l.each(0, func(s saying) {
		if _, ok := wanted[s.ref]; !ok {
			return
		}
		c := claim{l.owner(s.by), s.ref}
		before, ok := v.last[c]
		held := ok && before.op == hold
		if s.op == release && held && before.by == s.by {
			return
		}
		// What was held since the write began, by a write inside it, may have
		// come after it.
		if s.op == hold || !held || before.by < s.since {
			v.last[c] = s
		}
		if s.op == release {
			v.release(s)
		}
	})
	for c, s := range v.last {
		if s.op != hold {
			continue
		}
		if state, ok := v.held[c.ref]; !ok || state == idle {
			v.held[c.ref] = s.state
		}
	}
	return v
}

// release notes that a record let go of a ref.
func (v *view) release(s saying) {
	if v.releasers[s.ref] == nil {
		v.released = append(v.released, Result{Ref: s.ref, Type: s.typ, Field: s.field, Key: s.key, Reason: s.why, DerivedFrom: s.of})
	}
	v.releasers[s.ref] = append(v.releasers[s.ref], s.typ)
	if s.field.Keep {
		v.keep[s.ref] = struct{}{}
	}
}
