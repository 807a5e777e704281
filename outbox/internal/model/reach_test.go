package model

import "testing"

// TestReaches makes sure that what is searched is not empty: what can happen happens.
func TestReaches(t *testing.T) {
	for _, test := range []struct {
		what     string
		scenario scenario
		is       func(m *model, s *state) bool
	}{
		{"a deadlock", transactions, func(m *model, s *state) bool {
			return s.tx[0].wants != nothing && m.holder(s, s.tx[0].wants) == tx2 &&
				s.tx[1].wants != nothing && m.holder(s, s.tx[1].wants) == tx1
		}},
		{"a transaction that waits for a relay", transactions, func(m *model, s *state) bool {
			return s.tx[0].wants == flush && m.holder(s, flush) == relay1
		}},
		{"a row of which a snapshot can't see the last version", scenario{isolation: repeatableRead, transactions: 2, relays: 1}, func(_ *model, s *state) bool {
			return s.tx[0].staleRow && s.outbox.committed.state == deleting
		}},
		{"a name of the second file", files, func(_ *model, s *state) bool {
			return s.cells[0].committed == generationOf(0) && s.outbox.committed.state == absent
		}},
		{"a name of the third", scenario{transactions: 1, uploads: 2, relays: 1}, func(_ *model, s *state) bool {
			return s.cells[0].committed == generationOf(1) && s.upload[0].whole
		}},
		{"a tombstone of the second", files, func(_ *model, s *state) bool {
			return s.upload[0].whole && s.outbox.committed.state == gone
		}},
		{"a word that nothing says, and everybody may", words, func(_ *model, s *state) bool {
			return !s.named() && s.outbox.committed.state == absent && s.tx[0].memory == word
		}},
		{"a file whose name was a word", words, func(_ *model, s *state) bool {
			return s.cells[0].committed == generationOf(0) && s.tx[0].memory == word
		}},
		{"two relays that unlink at once", files, func(_ *model, s *state) bool {
			return s.relay[0].phase == looked && s.relay[1].phase == looked
		}},
		{"a parked row", files, func(_ *model, s *state) bool { return s.outbox.committed.state == parked }},
		{"a commit that isn't on the disk", power, func(_ *model, s *state) bool { return s.disk.cells != s.synced().cells }},
		{"a file that is late", objects, func(_ *model, s *state) bool { return s.upload[0].phase == made && s.upload[0].late }},
	} {
		t.Run(test.what, func(t *testing.T) {
			m := &model{rules: protocol, scenario: test.scenario}
			if !m.reaches(func(s *state) bool { return test.is(m, s) }) {
				t.Error("is never reached")
			}
		})
	}
}
