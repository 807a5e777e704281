package runtime

import "maps"

// view is what a log says, taken as a whole, of the refs that matter.
type view struct {
	held      map[Ref]recordState // standing: a row names it; idle: perhaps
	released  []Result            // in the order of the first release
	releasers map[Ref][]*Type     // the types of the records that released it
	keep      map[Ref]struct{}    // released by a field with the option keep
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

// each calls f for what every record that counts holds or releases, in order,
// what it holds first.
func (l *log) each(f func(i int, r *record, o op, ref Ref)) {
	for i := range l.records {
		r := &l.records[i]
		for _, o := range [...]op{hold, release} {
			if r.state == void || r.state == idle && o == release {
				continue
			}
			for _, e := range l.entriesOf(i) {
				if e.op == o {
					f(i, r, o, r.ref(e))
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
	l.each(func(_ int, _ *record, o op, ref Ref) {
		if o == release {
			if wanted == nil {
				wanted = map[Ref]struct{}{}
			}
			wanted[ref] = struct{}{}
		}
	})
	if len(wanted) == 0 {
		return view{}
	}

	type claim struct {
		owner owner
		ref   Ref
	}
	type said struct {
		op op
		by int
	}
	v := view{held: map[Ref]recordState{}, releasers: map[Ref][]*Type{}, keep: map[Ref]struct{}{}}
	last := map[claim]said{}
	l.each(func(i int, r *record, o op, ref Ref) {
		if _, ok := wanted[ref]; !ok {
			return
		}
		c := claim{l.owner(i), ref}
		if o == hold {
			last[c] = said{hold, i}
			return
		}
		if s, ok := last[c]; ok && s == (said{hold, i}) {
			return
		}
		last[c] = said{release, i}
		if v.releasers[ref] == nil {
			v.released = append(v.released, Result{Ref: ref, Type: r.typ, Field: r.fieldOf(ref, l.entriesOf(i)), Reason: r.reason})
		}
		v.releasers[ref] = append(v.releasers[ref], r.typ)
		if r.keeps(ref, l.entriesOf(i)) {
			v.keep[ref] = struct{}{}
		}
	})
	for c, s := range last {
		if s.op != hold {
			continue
		}
		if state, ok := v.held[c.ref]; !ok || state == idle {
			v.held[c.ref] = l.records[s.by].state
		}
	}
	return v
}

// fieldOf returns the first field by which the record released ref.
func (r *record) fieldOf(ref Ref, entries []entry) *Field {
	for _, e := range entries {
		if e.op == release && r.ref(e) == ref {
			return &r.typ.Fields[e.field]
		}
	}
	return nil
}

// keeps reports whether one of the fields by which the record released ref has
// the option keep.
func (r *record) keeps(ref Ref, entries []entry) bool {
	for _, e := range entries {
		if e.op == release && r.typ.Fields[e.field].Keep && r.ref(e) == ref {
			return true
		}
	}
	return false
}
