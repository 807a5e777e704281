package model

// isolation is what transactions see of each other.
type isolation uint8

const (
	readCommitted  isolation = iota
	repeatableRead           // PostgreSQL: what the snapshot can't see can't be written
	currentWrites            // MariaDB's REPEATABLE READ: statements that write see what is committed
	oneWriter                // SQLite
)

// scenario says who is there.
type scenario struct {
	isolation    isolation
	transactions int
	uploads      int
	relays       int
	lateFiles    bool // an upload makes its file as late as it likes: a PUT to a storage of objects
	oneRecord    bool // X and Y are columns of one record
	power        bool // the database may lose what isn't on its disk
	parks        bool // files may fail to be deleted
	words        bool // what X says at the beginning is a word, and no file has its name
}

// model is the protocol with some rules, in a scenario.
type model struct {
	rules
	scenario
}

// emit is told of a step: who takes it, what it is, and what is then.
type emit func(who actor, what string, next state)

// Steps by which somebody gives up, or that are no progress.
const (
	rollsBack = "rolls back"
	crashes   = "crashes"
	forgets   = "forgets the name"
	waits     = "waits for a lock"
	parks     = "can't delete the file, and parks the row"
)

// initial is a file that X names, or a word that it says, which all programs remember.
func (m *model) initial() (s state) {
	s.file, s.cells[0].committed = first, first
	if m.words {
		s.file, s.cells[0].committed = none, word
	}
	for i := range m.transactions {
		s.tx[i].memory = s.cells[0].committed
	}
	if m.power {
		s.sync()
	}
	return s
}

// steps emits everything that can happen next.
func (m *model) steps(s state, emit emit) {
	for i := range m.transactions {
		m.transactionSteps(s, i, emit)
	}
	for i := range m.uploads {
		m.uploadSteps(s, i, emit)
	}
	for i := range m.relays {
		m.relaySteps(s, i, emit)
	}
	m.unpark(s, emit)
	m.purge(s, emit)
	if m.power {
		m.crash(s, emit)
	}
}
