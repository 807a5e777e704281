package model

// fault is what must never be.
type fault string

const (
	fine    fault = ""
	loss    fault = "loss: a committed row names a file that is not there"
	part    fault = "part: a committed row names a file that was never complete"
	leak    fault = "leak: no row names the file, and no relay will delete it"
	refused fault = "refused: a row names a file that nobody can take any more"
	stuck   fault = "stuck: somebody waits for ever"
)

// check looks at one state.
func (m *model) check(s *state) fault {
	for c := range s.cells {
		g := s.cells[c].committed
		if g == none || g == word {
			continue
		}
		if g != s.file {
			return loss
		}
		if g > first && !s.upload[g-first-1].whole {
			return part
		}
	}
	if m.stuck(s) {
		return stuck
	}
	if !m.ended(s) {
		return fine
	}
	return m.afterwards(*s)
}

// ended reports whether nobody is up to anything.
func (m *model) ended(s *state) bool {
	for i := range s.tx {
		if !s.idle(i) {
			return false
		}
	}
	for i := range s.upload {
		if p := s.upload[i].phase; p != unused && p != over {
			return false
		}
	}
	return s.relay == [2]relay{}
}

// afterwards lets one relay run, as long as there is something to do, and looks at what
// is left.
func (m *model) afterwards(s state) fault {
	for range 20 {
		next, moved := s, false
		m.relaySteps(s, 0, func(_ actor, what string, n state) {
			if what != crashes && what != parks {
				next, moved = n, true
			}
		})
		if !moved {
			m.unpark(s, func(_ actor, _ string, n state) { next, moved = n, true })
		}
		if s = next; !moved || s.outbox.committed.state == gone {
			break
		}
	}
	switch s.outbox.committed.state {
	case absent, gone:
	default:
		return stuck
	}
	switch {
	case s.file != none && !s.named():
		return leak
	case s.named() && s.outbox.committed.state == gone:
		return refused
	}
	return fine
}

// stuck reports whether a transaction waits for somebody who takes no step, other than
// in a deadlock of transactions, of which the database rolls one back.
func (m *model) stuck(s *state) bool {
	for i := range m.transactions {
		who := i
		for range m.transactions {
			if s.tx[who].wants == nothing {
				break
			}
			holder := m.holder(s, s.tx[who].wants)
			if holder >= relay1 && !m.moves(s, int(holder-relay1)) {
				return true
			}
			if holder == nobody || holder >= relay1 {
				break
			}
			who = int(holder - tx1)
		}
	}
	return false
}

// moves reports whether a relay has a step, and needn't crash.
func (m *model) moves(s *state, i int) (can bool) {
	m.relaySteps(*s, i, func(_ actor, what string, _ state) { can = can || what != crashes })
	return can
}
