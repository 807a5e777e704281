package model

// claimAside is claim where one transaction at a time writes: it doesn't hold the lock
// while it asks.
func (m *model) claimAside(s state, i int, emit emit) {
	r, me := &s.relay[i], relayActor(i)
	if r.phase != resting && s.outbox.lock != nobody && r.phase != marked {
		return // it is to write
	}
	switch r.phase {
	case resting:
		if s.outbox.committed.claimable() {
			m.late(&s)
			m.ask(s, i, emit)
		}
	case asked:
		m.markAside(s, i, emit)
	case marked:
		r.phase, r.named = again, s.named()
		if !r.named {
			*r = relay{phase: claimed}
		}
		emit(me, "asks again", s)
	case again:
		if c := s.outbox.committed; c.state == deleting && c.claim == me {
			s.put(row{})
		}
		s.stop(i)
		emit(me, "drops what is named", s)
	default:
	}
}

func (m *model) markAside(s state, i int, emit emit) {
	r, me := &s.relay[i], relayActor(i)
	changed := m.markUnchanged && !r.unchanged
	named := r.named
	r.named = false
	switch {
	case changed:
		s.stop(i)
		emit(me, "finds the row changed", s)
		return
	case named:
		s.stop(i)
		s.put(row{})
	case m.askAgain && (m.reclaimAsks || s.outbox.committed.state != deleting):
		m.mark(&s, i)
		*r = relay{phase: marked}
	default:
		m.mark(&s, i)
		*r = relay{phase: claimed}
	}
	emit(me, "marks", s)
}
