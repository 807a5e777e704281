package model

// purge deletes a tombstone that is older than the retention. That takes longer than
// any memory of the name: no program knows it any more, no open transaction has seen
// it, no relay is about to unlink the file, having looked at its lease. A relay that
// hasn't looked yet finds its lease over; no name is taken from a handle that is older.
func (m *model) purge(s state, emit emit) {
	if s.outbox.lock != nobody || s.outbox.committed.state != gone {
		return
	}
	for i := range s.tx {
		if m.retention && (s.tx[i].memory != none || s.tx[i].seen != [2]generation{}) {
			return
		}
	}
	for i := range s.relay {
		switch p := s.relay[i].phase; {
		case p == looked:
			return
		case (p == claimed || p == marked) && m.lookAtLease:
			s.stop(i)
		}
	}
	for i := range s.upload {
		if h := &s.upload[i]; h.phase != unused && h.phase != over {
			h.late, h.expired = h.late || h.phase == noted, true
		}
	}
	s.put(row{})
	emit(purger, "deletes the tombstone", s)
}
