package model

// relay is what a relay is up to with the name.
type relay struct {
	phase     relayPhase
	named     bool // what it was told when it asked
	unchanged bool // nobody has changed the row since
	missing   bool // it found no file to delete
}

type relayPhase uint8

const (
	resting relayPhase = iota
	before             // asked before it locked the row, which is wrong
	locked
	half // asked about X alone, which is wrong
	asked
	marked // where one transaction at a time writes: marked, not asked again
	again  // … and asked again
	claimed
	looked // at its lease
	unlinked
)

// claimable reports whether a relay acts on the row sooner or later. All times are
// unknown: a row may be due, and the lease of a claim over, at once.
func (r row) claimable() bool {
	switch r.state {
	case writing, upload, pending, deleting:
		return true
	default:
		return false
	}
}

func (m *model) relaySteps(s state, i int, emit emit) {
	r, me := &s.relay[i], relayActor(i)
	if r.phase != resting {
		next := s
		next.stop(i)
		emit(me, crashes, next)
	}
	switch r.phase {
	case claimed, looked, unlinked:
		m.removeFile(s, i, emit)
	default:
		if m.isolation == oneWriter {
			m.claimAside(s, i, emit)
		} else {
			m.claim(s, i, emit)
		}
	}
}

// stop ends what a relay is up to.
func (s *state) stop(i int) {
	if s.outbox.lock == relayActor(i) {
		s.outbox.unlock()
	}
	s.relay[i] = relay{}
}

// claim locks the row, asks, and marks, in one transaction.
func (m *model) claim(s state, i int, emit emit) {
	r, me := &s.relay[i], relayActor(i)
	switch r.phase {
	case resting:
		if !m.askAfterLock {
			next := s
			next.relay[i] = relay{phase: before, named: s.named()}
			emit(me, "takes a snapshot", next)
			return
		}
		m.lock(s, i, locked, emit)
	case before:
		m.lock(s, i, asked, emit)
	case locked:
		m.ask(s, i, emit)
	case half:
		r.phase, r.named = asked, r.named || s.cells[1].committed != none
		emit(me, "asks Y", s)
	case asked:
		m.mark(&s, i)
		if r.phase = claimed; r.named {
			s.stop(i)
		}
		emit(me, "commits its claim", s)
	default:
	}
}

// lock locks the row, or passes it over where another has locked it.
func (m *model) lock(s state, i int, next relayPhase, emit emit) {
	if s.outbox.lock != nobody || !s.outbox.committed.claimable() {
		return
	}
	m.late(&s)
	s.outbox.hold(relayActor(i), s.outbox.committed)
	s.relay[i].phase = next
	emit(relayActor(i), "locks the row", s)
}

// late notes that the time of an upload is over whose row is claimed.
func (m *model) late(s *state) {
	for u := range m.uploads {
		if h := &s.upload[u]; h.phase == noted && s.outbox.committed.token == uploadActor(u) {
			h.late = true
		}
	}
}

// ask asks the rows.
func (m *model) ask(s state, i int, emit emit) {
	r, me := &s.relay[i], relayActor(i)
	r.unchanged = m.isolation == oneWriter
	switch {
	case !m.reclaimAsks && s.outbox.committed.state == deleting:
		r.phase = asked
		emit(me, "doesn't ask again", s)
	case !m.askAtOnce && m.isolation != oneWriter:
		r.phase, r.named = half, s.cells[0].committed != none
		emit(me, "asks X", s)
	default:
		r.phase, r.named = asked, s.named()
		emit(me, "asks", s)
	}
}

// fresh reports whether a claim is the first of a row that it finds in a state.
func (m *model) fresh(was rowState) bool {
	switch was {
	case pending:
		return true
	case writing, upload:
		return !m.dropPending
	case deleting:
		return !m.dropFirst
	default:
		return false
	}
}

// mark drops the row if the file is named, and says that the file is being deleted
// otherwise.
func (m *model) mark(s *state, i int) {
	if s.relay[i].named {
		s.put(row{})
		return
	}
	s.put(row{state: deleting, claim: relayActor(i), fresh: m.fresh(s.outbox.committed.state)})
	if m.power && m.claimDurable {
		s.sync()
	}
}
