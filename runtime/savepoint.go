package runtime

import "github.com/filecleangen/filecleangen/runtime/internal/journal"

// A Savepoint is a place in the life of a [Batch] to roll back to.
type Savepoint struct {
	batch *Batch
	id    int
}

// point is a savepoint that exists.
type point struct {
	id int
	at journal.Mark
}

// Savepoint marks the current place in the journal. Call it beside SAVEPOINT; there is
// nothing to call beside RELEASE.
func (b *Batch) Savepoint() Savepoint {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved++
	b.points = append(b.points, point{id: b.saved, at: b.journal.Mark()})
	return Savepoint{batch: b, id: b.saved}
}

// RollbackTo forgets what was logged since the savepoint. Call it after ROLLBACK TO
// SAVEPOINT has succeeded. The savepoint stays, those made after it go.
//
// A savepoint of another batch, or one that is gone, means that the journal and the
// transaction have parted ways: the error is [ErrSavepoint]. The rows say what becomes
// of the files then; with [Unchecked] every file is kept.
func (b *Batch) RollbackTo(s Savepoint) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == ended {
		return ErrEnded
	}
	for i, p := range b.points {
		if s.batch == b && s.id == p.id {
			b.floor = min(b.floor, b.cut(p.at))
			b.points = b.points[:i+1]
			return nil
		}
	}
	b.lost = ErrSavepoint
	return ErrSavepoint
}

// cut cuts the journal, and returns how many records are left.
func (b *Batch) cut(at journal.Mark) int {
	b.journal.Cut(at)
	return b.journal.Records()
}
