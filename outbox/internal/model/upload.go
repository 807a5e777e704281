package model

// handle is an upload that a program has begun.
type handle struct {
	phase   uploadPhase
	whole   bool // it was closed
	late    bool // its time was over before it made its file: a relay has claimed its row
	expired bool // it is older than the retention: nobody takes its name any more
}

type uploadPhase uint8

const (
	unused uploadPhase = iota
	noted              // the row is there, the file is not
	exists             // another file has the name
	made               // the file is there
	closed
	over
)

// teaches reports whether a program takes the name from the handle. Where a row has named
// the name before, a relay drops the note of an upload whose time is over, and nobody is
// refused a file that was not closed.
func (m *model) teaches(h *handle) bool {
	return !h.expired && (h.phase == made && !m.words || h.phase == closed)
}

func (m *model) uploadSteps(s state, i int, emit emit) {
	h, me := &s.upload[i], uploadActor(i)
	if m.crashable(h) {
		next := s
		next.upload[i] = handle{phase: over, whole: h.whole}
		emit(me, crashes, next)
	}
	if h.phase != noted && s.outbox.lock != nobody {
		return // all others need the row
	}
	switch h.phase {
	case unused:
		m.create(s, i, emit)
	case noted:
		m.makeFile(s, i, emit)
	case exists:
		m.giveUp(s, i, emit)
	case made:
		m.close(s, i, emit)
	case closed:
		m.discard(s, i, emit)
	case over:
	}
}

// crashable leaves out the one crash that leaves a file behind: after a PUT that came
// when the time was over.
func (m *model) crashable(h *handle) bool {
	if h.phase == made && h.late {
		return !m.lateFiles
	}
	return h.phase != unused && h.phase != over
}

// create makes the row, unless there is one: then the upload gets another name.
func (m *model) create(s state, i int, emit emit) {
	me := uploadActor(i)
	if !m.free(s.outbox.committed.state) {
		s.upload[i].phase = over
		emit(me, "chooses another name", s)
		return
	}
	s.upload[i].phase = noted
	r := row{state: writing, token: me}
	if !m.writingFirst {
		r.state = upload
	}
	s.put(r)
	if m.power && m.createDurable {
		s.sync()
	}
	emit(me, "notes that it writes", s)
}

// free reports whether Create uses a name, by the state of its row.
func (m *model) free(state rowState) bool {
	switch state {
	case absent:
		return true
	case gone:
		return !m.createGone
	case deleting:
		return !m.createDeleting
	case parked:
		return !m.createParked
	default:
		return false
	}
}

// makeFile opens the file, or puts the whole of it, where storages have objects.
func (m *model) makeFile(s state, i int, emit emit) {
	h, me := &s.upload[i], uploadActor(i)
	m.discard(s, i, emit)
	switch {
	case h.late && m.openInTime && !m.lateFiles:
		h.phase = over
		emit(me, "is too late to make the file", s)
	case s.file != none:
		h.phase = exists
		emit(me, "finds another file", s)
	default:
		h.phase, s.file = made, generationOf(i)
		emit(me, "makes the file", s)
	}
}

// giveUp deletes the row of an upload that found another file. A release that was noted
// in it meanwhile is one of that file.
func (m *model) giveUp(s state, i int, emit emit) {
	s.upload[i].phase = over
	if r := s.outbox.committed; r.token == uploadActor(i) {
		next := row{}
		if r.released && m.existsKeepsNote {
			next.state = pending
		}
		s.put(next)
	}
	emit(uploadActor(i), "gives the name up", s)
}

// close says that the file is complete.
func (m *model) close(s state, i int, emit emit) {
	h, me := &s.upload[i], uploadActor(i)
	if !m.lateFiles {
		m.discard(s, i, emit)
	}
	r := s.outbox.committed
	if r.token == me && (r.state == writing || r.state == upload) {
		h.phase, h.whole, r.state = closed, true, upload
		s.put(r)
		emit(me, "is closed", s)
		return
	}
	h.phase = over
	if m.closeReleases {
		m.release(&s, me)
		s.put(s.outbox.now())
	}
	emit(me, "is closed, and finds no row", s)
}

// discard leaves it to the relay whether the file is deleted. A row that is writing stays
// so, and is due.
func (m *model) discard(s state, i int, emit emit) {
	me := uploadActor(i)
	if s.outbox.lock != nobody {
		return
	}
	if s.upload[i].phase == closed {
		next := s
		next.upload[i].phase = over
		emit(me, "ends", next)
	}
	s.upload[i].phase = over
	if r := s.outbox.committed; r.token == me {
		switch {
		case !m.discardAsks:
			s.put(row{})
			s.file = none
		case r.state == upload || !m.discardRefuses:
			s.put(row{state: pending})
		}
	}
	emit(me, "is discarded", s)
}
