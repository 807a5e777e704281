package runtime

import "slices"

// mentions adds those of the refs that the batch's log or uploads mention.
func (b *Batch) mentions(refs, found map[Ref]struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := func(ref Ref) {
		if _, ok := refs[ref]; ok {
			found[ref] = struct{}{}
		}
	}
	b.log.each(0, func(s *saying) { note(s.ref) })
	for _, u := range b.uploads {
		note(u.ref)
	}
}

// end closes a batch and takes the final view of it.
func (b *Batch) end() view {
	v, unclosed := b.seal()
	for _, u := range unclosed {
		// No row names it, so what Close says no longer matters. It may take long:
		// nothing is locked.
		_ = guard(u.file.Close)
	}
	return v
}

func (b *Batch) seal() (v view, unclosed []*Upload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = ended
	b.uploads = slices.DeleteFunc(b.uploads, func(u *Upload) bool { return u.file == nil })
	others := make([]Ref, 0, len(b.uploads))
	for _, u := range b.uploads {
		others = append(others, u.ref)
		if !u.closed {
			u.closed = true
			unclosed = append(unclosed, u)
		}
	}
	return b.log.view(others...), unclosed
}

// allUploads returns a result, still to be decided, for each upload of a batch
// that has ended.
func (b *Batch) allUploads() []Result {
	files := make([]Result, len(b.uploads))
	for i, u := range b.uploads {
		files[i] = Result{Ref: u.ref, Reason: Unused}
	}
	return files
}

// strayUploads returns a result for each upload that no row surely names. Those
// whose hold was cut by a savepoint are still to be decided: their files are
// unwanted, where those that nobody ever held are a mystery, and stay.
func (b *Batch) strayUploads(v view) (files []Result) {
	for _, u := range b.uploads {
		said := v.of(u.ref)
		r := Result{Ref: u.ref, Reason: Unused}
		switch {
		case said.released, said.held && said.state == standing:
			continue // the judgement of releases decides, or a row names it
		case said.held:
			r.keep(NoRowChanged, nil)
		case !u.cut:
			r.keep(NeverHeld, nil)
		}
		files = append(files, r)
	}
	return files
}

// mayHold returns every ref that the batch may have left rows with, and the
// records that held it.
func (b *Batch) mayHold(v view) map[Ref][]owner {
	b.mu.Lock()
	defer b.mu.Unlock()
	holds := map[Ref][]owner{}
	b.log.each(0, func(s *saying) {
		if by := b.log.owner(s.by); s.op == hold && !slices.Contains(holds[s.ref], by) {
			holds[s.ref] = append(holds[s.ref], by)
		}
	})
	for _, r := range v.released {
		if !v.of(r.Ref).held {
			delete(holds, r.Ref)
		}
	}
	return holds
}
