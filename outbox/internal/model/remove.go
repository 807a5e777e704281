package model

// removeFile is everything after the claim.
func (m *model) removeFile(s state, i int, emit emit) {
	r, me := &s.relay[i], relayActor(i)
	switch c := s.outbox.committed; {
	case r.phase == claimed && m.lookAtLease:
		r.phase = looked
		emit(me, "looks at its lease", s)
	case r.phase == claimed || r.phase == looked:
		m.park(s, i, emit)
		r.phase, r.missing, s.file = unlinked, s.file == none, none
		emit(me, "unlinks the file", s)
	case r.phase == unlinked:
		left := row{state: gone}
		if c.fresh && (r.missing || !m.dropMissing) {
			left = row{}
		}
		s.stop(i)
		if s.outbox.lock == nobody && c.state == deleting && (c.claim == me || !m.doneOwn) {
			s.put(left)
		}
		emit(me, "is done", s)
	}
}

// park gives up a file that could not be deleted too often, until an operator says that
// it is to be tried again.
func (m *model) park(s state, i int, emit emit) {
	if c := s.outbox.committed; m.parks && s.outbox.lock == nobody && c.state == deleting && c.claim == relayActor(i) {
		s.stop(i)
		s.put(row{state: parked})
		emit(relayActor(i), parks, s)
	}
}

func (m *model) unpark(s state, emit emit) {
	if s.outbox.lock == nobody && s.outbox.committed.state == parked {
		s.put(row{state: deleting})
		emit(operator, "has it tried again", s)
	}
}
