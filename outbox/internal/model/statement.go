package model

// statement is one that may have to wait for a lock.
type statement uint8

const (
	nothing statement = iota
	nameX
	nameY
	keepX // sets a name that memory says is there already
	keepY
	clearX
	clearY
	moveXY // within one record that is locked
	moveYX
	flush
)

func (s statement) String() string {
	return [...]string{"", "sets X to the name", "sets Y to the name",
		"sets X to the name that it says was there", "sets Y to the name that it says was there",
		"clears X", "clears Y", "moves the name from X to Y", "moves the name from Y to X", "flushes"}[s]
}

// cell returns which cell a statement writes.
func (s statement) cell() int {
	switch s {
	case nameY, keepY, clearY, moveYX:
		return 1
	default:
		return 0
	}
}

// write tries all statements that make sense now.
func (m *model) write(s state, i int, emit emit) {
	t := &s.tx[i]
	if t.memory != none {
		m.attempt(s, i, nameX, emit)
		m.attempt(s, i, nameY, emit)
		if !m.takeUnchanged {
			m.attempt(s, i, keepX, emit)
			m.attempt(s, i, keepY, emit)
		}
	}
	m.attempt(s, i, clearX, emit)
	m.attempt(s, i, clearY, emit)
	if m.oneRecord {
		m.attempt(s, i, moveXY, emit)
		m.attempt(s, i, moveYX, emit)
	}
	if t.takes || t.releases {
		m.attempt(s, i, flush, emit)
	}
}

// lie has memory say what didn't happen: a take whose statement hit no row, or a
// release by a row that still names the file. A savepoint that is rolled back while the
// batch keeps what it noted is the same.
func (m *model) lie(s state, i int, emit emit) {
	t, me := &s.tx[i], txActor(i)
	if t.memory == none {
		return
	}
	if next := s; !t.takes {
		next.tx[i].takes = true
		emit(me, "notes a take, its statement hit no row", next)
	}
	if next := s; !t.releases {
		next.tx[i].releases = true
		emit(me, "notes a release, the row still names the file", next)
	}
}

// attempt runs a statement, or has the transaction wait for a lock.
func (m *model) attempt(s state, i int, what statement, emit emit) {
	t, me := &s.tx[i], txActor(i)
	if holder := m.holder(&s, what); holder != nobody && holder != me {
		if t.wants == nothing {
			t.wants = what
			emit(me, waits, s)
		}
		return
	}
	waited := t.wants != nothing
	t.wants = nothing
	switch {
	case s.fails(i, what):
		m.rollback(&s, i)
		emit(me, "has a serialization failure", s)
	case what == flush:
		if m.flush(&s, i) {
			emit(me, what.String(), s)
		} else {
			m.rollback(&s, i)
			emit(me, "is refused", s)
		}
	case m.update(&s, i, what):
		emit(me, what.String(), s)
	case waited:
		emit(me, "has nothing to change", s)
	}
}

// holder returns who has the lock that a statement needs.
func (m *model) holder(s *state, what statement) actor {
	if what == flush {
		return s.outbox.lock
	}
	return s.cells[what.cell()].lock
}

// fails reports whether a snapshot is too old for a statement.
func (s *state) fails(i int, what statement) bool {
	t := &s.tx[i]
	if what == flush {
		return t.staleRow && s.outbox.lock == nobody && s.outbox.committed.state != absent
	}
	return t.stale[what.cell()]
}

// update changes a row of the user's, and notes in the batch what that means. It
// reports whether there was something to change.
func (m *model) update(s *state, i int, what statement) bool {
	t, c := &s.tx[i], what.cell()
	had := s.cells[c].now()
	switch what {
	case nameX, nameY:
		if had != none {
			return false
		}
		m.set(s, i, c, t.memory)
		t.takes = true
	case keepX, keepY:
		if had != none {
			return false
		}
		m.set(s, i, c, t.memory)
	case moveXY, moveYX:
		if had == none || s.cells[1-c].now() != none {
			return false
		}
		m.set(s, i, c, none)
		m.set(s, i, 1-c, had)
	default:
		if had == none {
			return false
		}
		if m.releaseSees || m.visible(s, i, c) != none {
			t.releases = true
		}
		m.set(s, i, c, none)
	}
	return true
}

// set writes a cell. Those of one record have one lock.
func (m *model) set(s *state, i, c int, g generation) {
	for other := range s.cells {
		if o := &s.cells[other]; (other == c || m.oneRecord) && o.lock == nobody {
			o.lock, o.work = txActor(i), o.committed
		}
	}
	s.cells[c].work = g
}
