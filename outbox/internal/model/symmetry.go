package model

// canonical returns one state for all that differ only in which of two transactions, or
// of two relays, is which.
func (m *model) canonical(s state) state {
	if m.transactions == 2 && s.txKey(0) < s.txKey(1) {
		s.tx[0], s.tx[1] = s.tx[1], s.tx[0]
		s.rename(tx1, tx2)
	}
	if m.relays == 2 && s.relayKey(0) < s.relayKey(1) {
		s.relay[0], s.relay[1] = s.relay[1], s.relay[0]
		s.rename(relay1, relay2)
	}
	return s
}

// rename has two actors change places in everything that names them.
func (s *state) rename(a, b actor) {
	r := func(who *actor) {
		switch *who {
		case a:
			*who = b
		case b:
			*who = a
		default:
		}
	}
	r(&s.cells[0].lock)
	r(&s.cells[1].lock)
	r(&s.outbox.lock)
	r(&s.outbox.committed.claim)
	r(&s.outbox.work.claim)
	r(&s.disk.row.claim)
}

// txKey orders transactions by all that there is to know of them.
func (s *state) txKey(i int) (key uint64) {
	t, me := &s.tx[i], txActor(i)
	bit(&key, s.cells[0].lock == me)
	bit(&key, s.cells[1].lock == me)
	bit(&key, s.outbox.lock == me)
	bit(&key, t.takes)
	bit(&key, t.releases)
	bit(&key, t.snapshot)
	bit(&key, t.stale[0])
	bit(&key, t.stale[1])
	bit(&key, t.staleRow)
	for _, v := range [...]uint8{uint8(t.memory), uint8(t.wants), uint8(t.seen[0]), uint8(t.seen[1])} {
		key = key<<4 | uint64(v)
	}
	return key
}

// relayKey orders relays.
func (s *state) relayKey(i int) (key uint64) {
	r, me := &s.relay[i], relayActor(i)
	bit(&key, s.outbox.lock == me)
	bit(&key, s.outbox.committed.claim == me)
	bit(&key, s.outbox.work.claim == me)
	bit(&key, s.disk.row.claim == me)
	bit(&key, r.named)
	bit(&key, r.unchanged)
	bit(&key, r.missing)
	return key<<4 | uint64(r.phase)
}

func bit(key *uint64, set bool) {
	*key <<= 1
	if set {
		*key |= 1
	}
}
