package runtime

// A Savepoint is a place in the life of a [Batch] to roll back to.
type Savepoint struct {
	batch *Batch
	id    int
}

// point is a savepoint that exists.
type point struct {
	id int
	at mark
}

// Savepoint marks the current place in the log. Call it beside SAVEPOINT; there
// is nothing to call beside RELEASE.
func (b *Batch) Savepoint() Savepoint {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved++
	b.points = append(b.points, point{id: b.saved, at: b.log.mark()})
	return Savepoint{batch: b, id: b.saved}
}

// RollbackTo forgets what was logged since the savepoint. Call it after
// ROLLBACK TO SAVEPOINT has succeeded. The savepoint stays, those made after it
// go. Files uploaded since are deleted when the batch is committed, unless a
// record holds them by then.
//
// A savepoint of another batch, or one that is gone, means that the log and the
// transaction have parted ways: the error is [ErrSavepoint], and the batch
// keeps every file.
func (b *Batch) RollbackTo(s Savepoint) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == ended {
		return ErrEnded
	}
	for i, p := range b.points {
		if s.batch == b && s.id == p.id {
			b.cutUploads(p.at)
			b.log.cut(p.at)
			b.points = b.points[:i+1]
			return nil
		}
	}
	b.lost = ErrSavepoint
	return ErrSavepoint
}

// cutUploads remembers which uploads lose a hold to a rollback to m: their
// files are unwanted, where those of uploads that nobody ever held are a
// mystery.
func (b *Batch) cutUploads(m mark) {
	for _, u := range b.uploads {
		for i := m.records; i < len(b.log.records); i++ {
			r := &b.log.records[i]
			if r.state != standing {
				continue
			}
			for _, e := range b.log.entriesOf(i) {
				u.cut = u.cut || e.op == hold && r.ref(e) == u.ref
			}
		}
	}
}
