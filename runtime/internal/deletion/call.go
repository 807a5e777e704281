package deletion

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

var (
	// ErrNoTime is the error of a file that there was no time left to try to delete.
	ErrNoTime = errors.New("there was no time left for it")

	// ErrHangs is the error of a file whose deletion a storage was asked for and has
	// neither made nor refused.
	ErrHangs = errors.New("the storage has not answered")
)

// late reports whether the time of ctx is over, by the clock itself: after a process
// was stopped, its timers come late.
func late(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && Passed(end)
}

// Passed reports whether it is past a time. Of the two clocks it believes the one that
// is ahead, since the monotonic one stands still while a machine sleeps.
func Passed(end time.Time) bool {
	now := time.Now()
	return !now.Before(end) || !now.Round(0).Before(end.Round(0))
}

const (
	// mostHanging is how many calls for one file may hang before no other is made.
	mostHanging = 2
	// mostHangingCalls is how many calls of a storage may hang before it is called no more.
	mostHangingCalls = 100
)

// call is a call of a storage that may hang. It works on copies of the files, so that
// it can be left alone.
type call struct {
	files []*File
	done  chan struct{}

	mu   sync.Mutex
	over bool // it has returned
	left bool // nobody waits for it
}

func newCall(files []*File) *call {
	k := &call{done: make(chan struct{}), files: make([]*File, len(files))}
	copies := make([]File, len(files))
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

// call asks a storage to delete files, when it is their turn. The files of a call that
// hangs stay undecided, with the error [ErrHangs]; the storage is not asked about them
// for ever, see mostHanging.
func (d *Deleter) call(ctx context.Context, planned registry.Time, s *Store, files []*File) {
	hanging, files := d.stillHanging(files)
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
	k, refs := newCall(files), refsOf(files)
	set := make(registry.Refs, len(refs))
	for _, ref := range refs {
		set[ref] = struct{}{}
	}
	d.Registry.Enter(set) // for as long as the call goes on
	go func() {
		d.deleteNow(ctx, planned, s, k.files)
		d.Registry.Release(refs)
		if !k.end() {
			d.answered(refs)
			s.hanging.Add(-1)
		}
	}()
	k.wait(ctx, d.Timeout)
	if k.leave(func() { d.hangs(refs) }) {
		s.hanging.Add(1)
		for _, f := range files {
			f.Err = ErrHangs
		}
		return
	}
	for i, f := range files {
		*f = *k.files[i]
		if f.State == Undecided {
			f.Err = ErrNoTime
		}
	}
}

func refsOf(files []*File) []storage.Ref {
	refs := make([]storage.Ref, len(files))
	for i, f := range files {
		refs[i] = f.Ref
	}
	return refs
}

// enter waits until it is a call's turn, and reports whether that came in time.
func (s *Store) enter(ctx context.Context) bool {
	if ctx.Err() != nil || s.hanging.Load() >= mostHangingCalls {
		return false
	}
	select {
	case s.calls <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// hangs notes files about which a storage does not answer, until answered says that it
// has.
func (d *Deleter) hangs(refs []storage.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ref := range refs {
		d.hanging[ref]++
	}
}

func (d *Deleter) answered(refs []storage.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ref := range refs {
		if d.hanging[ref]--; d.hanging[ref] <= 0 {
			delete(d.hanging, ref)
		}
	}
}

// stillHanging returns those of the files about which too many calls hang, and the
// others.
func (d *Deleter) stillHanging(files []*File) (hanging, others []*File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range files {
		if d.hanging[f.Ref] >= mostHanging {
			hanging = append(hanging, f)
		} else {
			others = append(others, f)
		}
	}
	return hanging, others
}

// deleteNow deletes files, unless batches came to mention them.
func (d *Deleter) deleteNow(ctx context.Context, planned registry.Time, s *Store, files []*File) {
	mentioned := d.Registry.Start(planned, refsOf(files))
	for _, f := range files {
		if _, ok := mentioned[f.Ref]; ok {
			f.keep(Mentioned, nil)
		}
	}
	files = undecided(files)
	if len(files) == 0 {
		return
	}
	s.remove(ctx, files)
	d.Registry.Done(refsOf(files), func(i int) bool { return files[i].Gone() })
	s.prune(files)
}
