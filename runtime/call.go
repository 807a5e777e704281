package runtime

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrNoTime is the error of a file that there was no time left to try to delete,
	// see [WithTimeout].
	ErrNoTime = errors.New("there was no time left for it")

	// ErrHangs is the error of a file whose deletion a storage was asked for and has
	// neither made nor refused: nobody knows what will become of it.
	ErrHangs = errors.New("the storage has not answered")
)

// late reports whether the time of ctx is over, by the clock itself: after a process
// was stopped, its timers come late.
func late(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && passed(end)
}

// passed reports whether it is past a time. Of the two clocks it believes the one that
// is ahead, since the monotonic one stands still while a machine sleeps.
func passed(end time.Time) bool {
	now := time.Now()
	return !now.Before(end) || !now.Round(0).Before(end.Round(0))
}

// maxHanging is how many calls of a storage may hang before it is called no more.
const maxHanging = 100

// call is a call of a storage that may hang. It works on copies of the files, so that
// it can be left alone.
type call struct {
	files []*Result
	done  chan struct{}

	mu   sync.Mutex
	over bool // it has returned
	left bool // nobody waits for it
}

func newCall(files []*Result) *call {
	k := &call{done: make(chan struct{}), files: make([]*Result, len(files))}
	copies := make([]Result, len(files))
	for i, f := range files {
		copies[i] = *f
		k.files[i] = &copies[i]
	}
	return k
}

// end says that the call has returned, and reports whether somebody waits for it.
func (k *call) end() (awaited bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	close(k.done)
	return !k.left
}

// leave stops waiting, and reports whether the call hangs, which it notes before.
func (k *call) leave(note func()) (hangs bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left = !k.over; k.left {
		note()
	}
	return k.left
}

// wait waits for the call until ctx ends, and then for as long as patience says.
func (k *call) wait(ctx context.Context, patience time.Duration) {
	select {
	case <-k.done:
		return
	case <-ctx.Done():
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-k.done:
	case <-timer.C:
	}
}

// callStorage makes calls of a storage that delete files, when it is their turn. The
// files of a call that hangs are undecided, with the error [ErrHangs]; it is not asked
// about them for ever, see mostHanging.
func (c *Cleaner) callStorage(ctx context.Context, decided uint64, s *store, files []*Result) {
	hanging, files := c.company.stillHanging(files)
	for _, f := range hanging {
		f.Err = ErrHangs
	}
	if len(files) == 0 {
		return
	}
	if !s.enter(ctx) {
		for _, f := range files {
			f.Err = ErrNoTime
		}
		return
	}
	defer func() { <-s.calls }()
	k := newCall(files)
	refs := make([]Ref, len(files))
	for i, f := range files {
		refs[i] = f.Ref
	}
	c.company.doomAll(refs) // for as long as the call goes on
	go func() {
		c.removeNow(ctx, decided, s, k.files)
		c.company.release(refs)
		if !k.end() {
			c.company.answered(refs)
			s.hanging.Add(-1)
		}
	}()
	k.wait(ctx, c.timeout)
	if k.leave(func() { c.company.hangs(refs) }) {
		s.hanging.Add(1)
		for _, f := range files {
			f.Err = ErrHangs
		}
		return
	}
	for i, f := range files {
		*f = *k.files[i]
		if f.Status == "" {
			f.Err = ErrNoTime
		}
	}
}

// enter waits until it is a call's turn, and reports whether that came in time.
func (s *store) enter(ctx context.Context) bool {
	if ctx.Err() != nil || s.hanging.Load() >= maxHanging {
		return false
	}
	select {
	case s.calls <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// removeNow deletes files, unless batches came to mention them.
func (c *Cleaner) removeNow(ctx context.Context, decided uint64, s *store, files []*Result) {
	c.company.claim(decided, files)
	files = undecidedOf(files)
	if len(files) == 0 {
		return
	}
	s.remove(ctx, files)
	c.company.removedNow(files)
	c.prune(s, files)
}
