package runtime

import (
	"slices"
	"sync"
)

// company is what a cleaner knows of batches that live at the same time: a
// file that one of them lets go of may be in the hands of another.
type company struct {
	mu        sync.Mutex
	clock     uint64 // ticks when a batch opens or settles
	open      map[*Batch]struct{}
	finishing map[*Batch]struct{} // ended, and deleting what they let go of
	settled   []settled           // as long as a batch is here that was opened before
	deleting  map[Ref]int         // what they are about to delete: no name for uploads
	doubtful  map[Ref]struct{}    // what batches of unknown outcome may have left rows with, for good
}

// settled is a batch that was committed, or may have been.
type settled struct {
	at    uint64
	holds map[Ref]struct{}
}

// join adds a batch that begins.
func (c *company) join(b *Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	b.opened = c.clock
	c.open[b] = struct{}{}
}

// leave takes a batch that ended out of the open ones; it goes on to delete
// what it let go of. What it may have left rows with is remembered for the
// batches of its time; v is the view of its log if the transaction was
// committed.
func (c *company) leave(b *Batch, v view) {
	delete(c.open, b)
	c.clock++
	if len(c.open)+len(c.finishing) > 0 && !b.undone {
		if holds := b.mayHold(v); len(holds) > 0 {
			c.settled = append(c.settled, settled{at: c.clock, holds: holds})
		}
	}
	c.finishing[b] = struct{}{}
}

// doubt remembers for good what a batch may have left rows with: its commit
// failed, and may yet succeed long after.
func (c *company) doubt(b *Batch) {
	holds := b.mayHold(view{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubtful == nil {
		c.doubtful = map[Ref]struct{}{}
	}
	for ref := range holds {
		c.doubtful[ref] = struct{}{}
	}
}

// finished ends the deletions of a batch, and forgets what no batch needs to
// know any more.
func (c *company) finished(b *Batch, doomed []Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ref := range doomed {
		if c.deleting[ref]--; c.deleting[ref] == 0 {
			delete(c.deleting, ref)
		}
	}
	delete(c.finishing, b)
	oldest := c.clock
	for _, batches := range []map[*Batch]struct{}{c.open, c.finishing} {
		for other := range batches {
			oldest = min(oldest, other.opened)
		}
	}
	gone := 0
	for gone < len(c.settled) && c.settled[gone].at <= oldest {
		gone++
	}
	c.settled = slices.Delete(c.settled, 0, gone)
}

// takenUp reports whether another batch has come to mention a ref since it was
// decided that b deletes it.
func (c *company) takenUp(b *Batch, ref Ref) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.usedBeside(b, map[Ref]struct{}{ref: {}})) > 0
}

// usedBeside returns those of the refs that a batch other than b mentions and
// that is open, or was while b was and may have left a row that names them.
func (c *company) usedBeside(b *Batch, refs map[Ref]struct{}) map[Ref]struct{} {
	used := map[Ref]struct{}{}
	for other := range c.open {
		if other != b {
			other.mentions(refs, used)
		}
	}
	for _, s := range c.settled {
		if s.at < b.opened {
			continue
		}
		for ref := range refs {
			if _, ok := s.holds[ref]; ok {
				used[ref] = struct{}{}
			}
		}
	}
	return used
}

// reserve makes u an upload of its batch, and returns true, unless a batch
// mentions its name or it is being deleted.
func (c *company) reserve(u *Upload) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	refs, used := map[Ref]struct{}{u.ref: {}}, map[Ref]struct{}{}
	for other := range c.open {
		other.mentions(refs, used)
	}
	if len(used) > 0 || c.deleting[u.ref] > 0 {
		return false, nil
	}
	u.batch.mu.Lock()
	defer u.batch.mu.Unlock()
	if u.batch.state != open {
		return false, ErrEnded
	}
	u.batch.uploads = append(u.batch.uploads, u)
	return true, nil
}
