package deletion

import (
	"context"
	"slices"
	"sync"

	"github.com/filecleangen/filecleangen/storage"
)

// Close gives the files that wait their last attempt, and waits until nothing is under
// way or ctx ends; its error is that. After that calls of storages that are under way
// go on to their end, and no others are made for deletions that had failed before.
//
// Plans may be deleted after Close; what fails then is not tried again. A second Close
// waits as the first did.
func (d *Deleter) Close(ctx context.Context) error {
	d.queues.close()
	select {
	case <-d.running.idle():
		return nil
	case <-ctx.Done():
		d.cancel()
		return context.Cause(ctx)
	}
}

// Failed returns the files whose deletion failed for good since Close was called, one
// perhaps several times.
func (d *Deleter) Failed() []storage.Ref {
	d.queues.mu.Lock()
	defer d.queues.mu.Unlock()
	return slices.Clip(d.queues.failed)
}

func (q *queues) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.closes)
	}
}

// running counts what is under way.
type running struct {
	mu   sync.Mutex
	n    int
	zero chan struct{} // to be closed when n is 0; nil if nobody waits
}

func (r *running) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
}

func (r *running) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.zero != nil {
		close(r.zero)
		r.zero = nil
	}
}

// idle returns a channel that is closed when nothing is under way.
func (r *running) idle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 {
		zero := make(chan struct{})
		close(zero)
		return zero
	}
	if r.zero == nil {
		r.zero = make(chan struct{})
	}
	return r.zero
}
