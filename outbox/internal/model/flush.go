package model

// flush brings what a batch noted to the outbox. It reports whether it was let.
func (m *model) flush(s *state, i int) bool {
	t := &s.tx[i]
	takes, releases := t.takes, t.releases
	t.takes, t.releases = false, false
	switch {
	case takes && releases && m.bothChecked:
		return m.take(s, txActor(i), m.bothLeft)
	case releases:
		m.release(s, txActor(i))
		return true
	default:
		return m.take(s, txActor(i), false)
	}
}

// take is a transaction's coming to name the file. What it leaves without a row, or
// left is false, is held by the unique key alone.
func (m *model) take(s *state, me actor, left bool) bool {
	r := s.outbox.now()
	switch {
	case m.refuses(r.state):
		return false
	case r.state == absent && !left:
		if m.keyWaits {
			s.outbox.hold(me, row{})
		}
		return true
	case r.state != absent && !left && !m.takeLeavesRow:
		s.outbox.hold(me, row{})
		return true
	}
	s.outbox.hold(me, row{state: pending})
	s.outbox.touched = s.outbox.touched || m.takeTouches
	return true
}

func (m *model) refuses(state rowState) bool {
	switch state {
	case writing:
		return m.refuseWriting
	case deleting:
		return m.refuseDeleting
	case parked:
		return m.refuseParked
	case gone:
		return m.refuseGone
	default:
		return false
	}
}

// release is a row's not naming the file any more.
func (m *model) release(s *state, me actor) {
	r := s.outbox.now()
	switch r.state {
	case absent:
		r.state = pending
	case pending:
		if !m.lockPending {
			return
		}
		s.outbox.touched = true
	case writing, upload:
		if !m.lockUpload {
			return
		}
		r.released = true
	case gone:
		if !m.goneNotLeft {
			return
		}
		r.state = deleting
		if !m.goneNotPending {
			r.state = pending
		}
	case deleting:
		if m.releaseUnclaims {
			r.claim = nobody
		}
	case parked:
	}
	s.outbox.touched = s.outbox.touched || m.releaseTouches
	s.outbox.hold(me, r)
}
