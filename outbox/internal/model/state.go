package model

// actor is somebody who takes steps.
type actor uint8

const (
	nobody actor = iota
	tx1
	tx2
	relay1
	relay2
	upload1
	upload2
	purger
	operator
	server // the database
)

func (a actor) String() string {
	return [...]string{"nobody", "T1", "T2", "relay 1", "relay 2", "upload 1", "upload 2", "purge", "operator", "database"}[a]
}

func txActor(i int) actor     { return tx1 + actor(i) }
func relayActor(i int) actor  { return relay1 + actor(i) }
func uploadActor(i int) actor { return upload1 + actor(i) }

// generation is a file that had the name: the one that is there at the beginning, or
// that of an upload.
type generation uint8

const (
	none generation = iota
	first
	word generation = 15 // what rows say that is the name of no file
)

func generationOf(upload int) generation { return first + 1 + generation(upload) }

// rowState is the state of the name's row in the outbox.
type rowState uint8

const (
	absent rowState = iota
	writing
	upload
	pending
	deleting
	parked
	gone
)

// row is the name's row in the outbox.
type row struct {
	state    rowState
	released bool  // noted in a row that is writing or upload
	token    actor // the upload that made a row that is writing or upload
	claim    actor // the relay that a row that is deleting belongs to
	fresh    bool  // the first claim of a row that was pending: nobody has tried yet to delete the file
}

// outbox is the name's row, and what a transaction that isn't over made of it. A name
// without a row that a transaction inserted and deleted again has a lock all the same:
// whoever inserts the name waits.
type outbox struct {
	committed, work row
	lock            actor
	touched         bool // a release has put off a row that is pending
}

// cell is the column of a user's row that may name the file.
type cell struct {
	committed, work generation
	lock            actor
}

// disk is what has reached the disk of the database.
type disk struct {
	cells [2]generation
	row   row
}

// state is everything that is, at one moment. It has no pointers, so that it can be
// the key of a map.
type state struct {
	file   generation
	cells  [2]cell
	outbox outbox
	disk   disk
	tx     [2]transaction
	upload [2]handle
	relay  [2]relay
}

// now is the value that who sees who holds the lock.
func (c *cell) now() generation {
	if c.lock != nobody {
		return c.work
	}
	return c.committed
}

// now is the row that who sees who holds the lock.
func (o *outbox) now() row {
	if o.lock != nobody {
		return o.work
	}
	return o.committed
}

// hold locks the row for a transaction, and makes it what it is to become.
func (o *outbox) hold(who actor, r row) { o.lock, o.work = who, r }

// unlock gives up what was not committed.
func (o *outbox) unlock() { o.lock, o.work, o.touched = nobody, row{}, false }

// named reports whether a committed row names the file.
func (s *state) named() bool {
	return s.cells[0].committed != none || s.cells[1].committed != none
}

// put commits the outbox's row. Snapshots taken before can't see it.
func (s *state) put(r row) {
	if r != s.outbox.committed || s.outbox.touched {
		for i := range s.tx {
			s.tx[i].staleRow = s.tx[i].strict
		}
		for i := range s.relay {
			s.relay[i].unchanged = false
		}
	}
	s.outbox.committed = r
	s.outbox.unlock()
}

// sync brings everything committed to the disk.
func (s *state) sync() {
	s.disk = disk{cells: [2]generation{s.cells[0].committed, s.cells[1].committed}, row: s.outbox.committed}
}
