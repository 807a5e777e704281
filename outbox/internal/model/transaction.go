package model

// transaction is what a user's program and its transaction are up to. There is no
// statement counter: a transaction may have any number of statements, and the program
// any number of transactions, one after the other.
type transaction struct {
	memory   generation // the file whose name the program knows
	takes    bool       // of the batch, not flushed yet
	releases bool
	wants    statement // what it waits for a lock for

	snapshot  bool // that it has one
	strict    bool // what it can't see it can't write: PostgreSQL
	seen      [2]generation
	stale     [2]bool // rows of which the snapshot can't see the last version
	staleRow  bool
	exclusive bool // it is the one that writes, where there is one
}

// idle reports whether no transaction is open.
func (s *state) idle(i int) bool {
	t, me := &s.tx[i], txActor(i)
	return !t.takes && !t.releases && t.wants == nothing && !t.snapshot && !t.exclusive &&
		s.cells[0].lock != me && s.cells[1].lock != me && s.outbox.lock != me
}

func (m *model) transactionSteps(s state, i int, emit emit) {
	t := &s.tx[i]
	if !s.idle(i) {
		m.end(s, i, emit)
	}
	if t.wants != nothing {
		m.attempt(s, i, t.wants, emit)
		return
	}
	m.remember(s, i, emit)
	if m.isolation != readCommitted && !t.snapshot && !t.exclusive {
		m.begin(s, i, emit)
		return
	}
	m.write(s, i, emit)
	m.lie(s, i, emit)
}

// remember lets a program learn a name, from a row or the handle of an upload, which it
// may use at any time later, or forget it.
func (m *model) remember(s state, i int, emit emit) {
	t, me := &s.tx[i], txActor(i)
	learn := func(g generation, what string) {
		if g != none && g != t.memory {
			next := s
			next.tx[i].memory = g
			emit(me, what, next)
		}
	}
	for c := range s.cells {
		learn(m.visible(&s, i, c), "reads the name")
	}
	for u := range m.uploads {
		if m.teaches(&s.upload[u]) {
			learn(generationOf(u), "is given the name of the upload")
		}
	}
	if t.memory != none && s.idle(i) {
		t.memory = none
		emit(me, forgets, s)
	}
}

// visible is what a plain read sees.
func (m *model) visible(s *state, i, c int) generation {
	switch t := &s.tx[i]; {
	case s.cells[c].lock == txActor(i):
		return s.cells[c].work
	case t.snapshot:
		return t.seen[c]
	default:
		return s.cells[c].committed
	}
}

// begin takes the snapshot, or the lock for writing.
func (m *model) begin(s state, i int, emit emit) {
	t, me := &s.tx[i], txActor(i)
	if m.isolation != oneWriter {
		t.snapshot, t.strict = true, m.isolation == repeatableRead
		t.seen = [2]generation{s.cells[0].committed, s.cells[1].committed}
		emit(me, "begins", s)
		return
	}
	if s.outbox.lock != nobody {
		return
	}
	t.exclusive = true
	for c := range s.cells {
		s.cells[c].lock, s.cells[c].work = me, s.cells[c].committed
	}
	s.outbox.hold(me, s.outbox.committed)
	emit(me, "begins", s)
}

// end commits, if everything is flushed, or rolls back.
func (m *model) end(s state, i int, emit emit) {
	t, me := &s.tx[i], txActor(i)
	if next := s; t.wants == nothing && !t.takes && !t.releases {
		m.commit(&next, i)
		emit(me, "commits", next)
	}
	if next := s; t.snapshot {
		m.rollback(&next, i)
		n := &next.tx[i]
		n.snapshot, n.strict, n.seen, n.stale, n.staleRow = true, t.strict, t.seen, t.stale, t.staleRow
		emit(me, "rolls back to a savepoint", next)
	}
	m.rollback(&s, i)
	emit(me, rollsBack, s)
}

func (m *model) commit(s *state, i int) {
	me := txActor(i)
	for c := range s.cells {
		if s.cells[c].lock != me {
			continue
		}
		if s.cells[c].committed != s.cells[c].work {
			for other := range s.tx {
				s.tx[other].stale[c] = s.tx[other].strict
			}
		}
		s.cells[c].committed = s.cells[c].work
	}
	if s.outbox.lock == me {
		s.put(s.outbox.work)
	}
	m.rollback(s, i)
}

// rollback gives up what was not committed, and ends the transaction. The program
// remembers the name.
func (m *model) rollback(s *state, i int) {
	me := txActor(i)
	for c := range s.cells {
		if s.cells[c].lock == me {
			s.cells[c].lock, s.cells[c].work = nobody, none
		}
	}
	if s.outbox.lock == me {
		s.outbox.unlock()
	}
	s.tx[i] = transaction{memory: s.tx[i].memory}
}
