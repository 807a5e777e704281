package model

// crash has the database lose what was committed, and isn't on its disk. That it loses
// a part of it is when a part has reached the disk before.
func (m *model) crash(s state, emit emit) {
	if s.disk == s.synced() {
		return
	}
	next := s
	next.sync()
	emit(server, "brings everything to its disk", next)

	for i := range s.tx {
		m.rollback(&s, i)
	}
	for i := range s.relay {
		if p := s.relay[i].phase; p >= before && p <= asked {
			s.stop(i)
		}
	}
	for c := range s.cells {
		s.cells[c] = cell{committed: s.disk.cells[c]}
	}
	s.put(s.disk.row)
	emit(server, "crashes, and loses what isn't on its disk", s)
}

func (s *state) synced() disk {
	c := *s
	c.sync()
	return c.disk
}
