package runtime

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// company is what a cleaner knows of batches that live at the same time: a
// file that one of them lets go of may be in the hands of another.
//
// Whatever a batch writes to its log, another that decides about a file reads
// there. Whatever it writes after that decision it looks up in doomed, before
// its statement runs and before it commits, so that of the two one always sees
// the other.
type company struct {
	mu       sync.Mutex
	clock    uint64 // ticks when something below happens
	open     map[*Batch]struct{}
	settled  []settled // as long as a batch is open that was opened before
	doomed   map[Ref]doom
	removed  removals         // as long as a batch is open that was opened before
	doubtful map[Ref]struct{} // what batches of unknown outcome may have left rows with, for good
	watches  int              // uploads so far
	uploads  map[Ref]*Upload  // that the cleaner made, until they are taken, discarded or out of time
	writing  map[Ref]struct{} // those that are not complete
	hanging  map[Ref]int      // calls that delete a file, and that nobody waits for any more

	watched atomic.Int64 // len(doomed) + len(removed): whether a write need look
}

// settled is a batch that was committed, or may have been.
type settled struct {
	at    uint64
	holds map[Ref][]owner
}

// doom is a file that is to be deleted.
type doom struct {
	batches  int    // how many have decided so, and are not done with it
	mentions uint64 // when another batch last came to mention it
	removing int    // calls of its storage that are under way
}

// removals are the files that were deleted, and when.
type removals struct {
	order []removal
	last  map[Ref]uint64
}

type removal struct {
	at  uint64
	ref Ref
}

// tick advances the clock.
func (c *company) tick() uint64 {
	c.clock++
	return c.clock
}

// join adds a batch that begins.
func (c *company) join(b *Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.opened = c.tick()
	c.open[b] = struct{}{}
}

// closing notes when a batch begins to commit.
func (c *company) closing(b *Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.closed = c.tick()
}

// leave takes a batch that ended out of the open ones. What it may have left
// rows with is remembered for the batches of its time; v is the view of its log
// if the transaction was committed.
func (c *company) leave(b *Batch, v view) {
	delete(c.open, b)
	at := c.tick()
	if len(c.open) > 0 && !b.undone {
		if holds := b.mayHold(v); len(holds) > 0 {
			c.settled = append(c.settled, settled{at: at, holds: holds})
		}
	}
	c.forget()
}

// forget drops what no open batch needs to know any more.
func (c *company) forget() {
	oldest := c.clock
	for b := range c.open {
		oldest = min(oldest, b.opened)
	}
	gone := 0
	for gone < len(c.settled) && c.settled[gone].at <= oldest {
		gone++
	}
	c.settled = dropFirst(c.settled, gone)
	c.removed.forget(oldest)
	c.count()
}

func (r *removals) forget(oldest uint64) {
	gone := 0
	for gone < len(r.order) && r.order[gone].at <= oldest {
		if old := r.order[gone]; r.last[old.ref] == old.at {
			delete(r.last, old.ref)
		}
		gone++
	}
	r.order = dropFirst(r.order, gone)
}

// dropFirst drops the first n elements, and the memory with the last.
func dropFirst[T any](s []T, n int) []T {
	if n == len(s) {
		return nil
	}
	clear(s[:n])
	return s[n:]
}

func (c *company) count() {
	c.watched.Store(int64(len(c.doomed) + len(c.removed.order)))
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

// part takes a batch out of its company, keeps what others use and dooms the
// rest, all in one step: of two batches that let go of the same file, the second
// sees what the first has decided. It returns when that was; release must
// follow. v is the view of the batch's log if its transaction was committed.
func (c *company) part(b *Batch, files []Result, v view) (decided uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range files {
		if _, ok := c.doubtful[files[i].Ref]; ok {
			files[i].keep(InDoubt, nil)
		}
	}
	if refs := undecided(files); len(refs) > 0 {
		c.doom(refs) // before the others are asked; see the comment of company
		if len(c.open) > 1 || len(c.settled) > 0 {
			c.keepUsed(files, c.usedBeside(b, refSet(refs), v))
		}
	}
	c.leave(b, v)
	return c.tick()
}

// handOver takes a batch out of its company that left its promises to an outbox.
func (c *company) handOver(b *Batch, v view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(b, v)
}

// watch makes an upload one that any batch can take.
func (c *company) watch(u *Upload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uploads == nil {
		c.uploads, c.writing = map[Ref]*Upload{}, map[Ref]struct{}{}
	}
	if c.watches++; c.watches%1000 == 0 {
		maps.DeleteFunc(c.uploads, func(_ Ref, u *Upload) bool { return u.intent != nil && passed(u.intent.Until.Add(time.Hour)) })
	}
	c.uploads[u.ref], c.writing[u.ref] = u, struct{}{}
}

// completed says that an upload is complete.
func (c *company) completed(u *Upload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.writing, u.ref)
}

// unwatch ends that, and reports whether it has been so, and whether a batch has
// taken the upload.
func (c *company) unwatch(u *Upload) (watched, taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	watched, taken = c.uploads[u.ref] == u, u.taken
	if watched {
		delete(c.uploads, u.ref)
		delete(c.writing, u.ref)
	}
	u.taken = false
	return watched || taken, taken
}

// take says that a batch which was committed, or may have been, has taken the uploads
// that it holds.
func (c *company) take(b *Batch, v view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.uploads) == 0 {
		return
	}
	for ref := range b.mayHold(v) {
		if u := c.uploads[ref]; u != nil && u.batch != b {
			u.taken = true
			delete(c.uploads, ref)
		}
	}
}

// incomplete returns uploads that any batch can take, and that are not complete.
func (c *company) incomplete() (refs []Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ref := range c.writing {
		refs = append(refs, ref)
	}
	return refs
}

// hangs notes files about which a storage does not answer, until answered says that it
// has.
func (c *company) hangs(refs []Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hanging == nil {
		c.hanging = map[Ref]int{}
	}
	for _, ref := range refs {
		c.hanging[ref]++
	}
}

func (c *company) answered(refs []Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ref := range refs {
		if c.hanging[ref]--; c.hanging[ref] <= 0 {
			delete(c.hanging, ref)
		}
	}
}

// mostHanging is how many calls for one file may hang before no other is made.
const mostHanging = 2

// stillHanging returns those of the files about which so many calls hang, and the others.
func (c *company) stillHanging(files []*Result) (hanging, others []*Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range files {
		if c.hanging[f.Ref] >= mostHanging {
			hanging = append(hanging, f)
		} else {
			others = append(others, f)
		}
	}
	return hanging, others
}

// keepUsed keeps those of the files, doomed a moment ago, that others use.
func (c *company) keepUsed(files []Result, used map[Ref]struct{}) {
	for i := range files {
		if _, ok := used[files[i].Ref]; ok && files[i].Status == "" {
			files[i].keep(UsedElsewhere, nil)
			c.spare(files[i].Ref)
		}
	}
}

// doomAll dooms files that no batch let go of just now, and returns when that
// was; release must follow.
func (c *company) doomAll(refs []Ref) (decided uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doom(refs)
	return c.tick()
}

func (c *company) doom(refs []Ref) {
	for _, ref := range refs {
		d := c.doomed[ref]
		d.batches++
		c.doomed[ref] = d
	}
	c.count()
}

// spare ends one batch's interest in a doomed file.
func (c *company) spare(ref Ref) {
	d := c.doomed[ref]
	if d.batches--; d.batches <= 0 {
		delete(c.doomed, ref)
		return
	}
	c.doomed[ref] = d
}

// release ends a batch's interest in files that it had doomed.
func (c *company) release(refs []Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ref := range refs {
		c.spare(ref)
	}
	c.count()
}

// usedBeside returns those of the refs that a batch other than b mentions and
// that is open, or was while b was and may have left a row that names them; v is
// the view of b's log if its transaction was committed.
func (c *company) usedBeside(b *Batch, refs map[Ref]struct{}, v view) map[Ref]struct{} {
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
		for ref, owners := range s.holds {
			if _, ok := refs[ref]; ok && !s.superseded(ref, owners, b, v) {
				used[ref] = struct{}{}
			}
		}
	}
	return used
}

// superseded reports whether b, which was committed after s, has written all the
// rows anew with which s may have left a ref: what is waiting for the lock of a
// row is open beside the batch that has it, and lets go of what that one named.
// A row stays locked from its write to the commit, so the one that was committed
// first has written first. That s was committed first is sure only if it was
// over before b's commit began.
func (s *settled) superseded(ref Ref, owners []owner, b *Batch, v view) bool {
	if s.at > b.closed {
		return false
	}
	for _, by := range owners {
		if !v.letGo(by, ref) {
			return false
		}
	}
	return true
}

// claim is called right before the storage is. It keeps what other batches have
// come to mention since it was decided that the files go; from here on a batch
// that takes up one of the others is told that it is gone.
func (c *company) claim(decided uint64, files []*Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range files {
		d := c.doomed[f.Ref]
		if d.mentions > decided {
			f.keep(UsedElsewhere, nil)
			continue
		}
		d.removing++
		c.doomed[f.Ref] = d
	}
}

// removedNow is called right after the storage was, for files that were claimed.
func (c *company) removedNow(files []*Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range files {
		d := c.doomed[f.Ref]
		d.removing--
		c.doomed[f.Ref] = d
		if (f.Status == Removed || f.Status == Missing) && len(c.open) > 0 {
			at := c.tick()
			if c.removed.last == nil {
				c.removed.last = map[Ref]uint64{}
			}
			c.removed.order = append(c.removed.order, removal{at, f.Ref})
			c.removed.last[f.Ref] = at
		}
	}
	c.count()
}

// meet tells the company what a batch mentions in its log from record since on:
// doomed files that it mentions stay. It returns those that it names although
// they are being deleted, and those that were since it began.
func (c *company) meet(b *Batch, since int) (going, gone []Ref) {
	if c.watched.Load() == 0 {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log.each(since, func(s *saying) {
		names := s.op == hold && s.of == ""
		if d, ok := c.doomed[s.ref]; ok {
			if d.removing > 0 && names {
				going = append(going, s.ref)
			}
			d.mentions = c.tick()
			c.doomed[s.ref] = d
		}
		if c.removed.last[s.ref] > b.opened && names {
			gone = append(gone, s.ref)
		}
	})
	return going, gone
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
	if _, doomed := c.doomed[u.ref]; doomed || len(used) > 0 {
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
