package runtime

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// An UnfinishedError is returned by [Cleaner.Close] and says which files it
// leaves behind.
type UnfinishedError struct {
	Files []Ref // whose deletion failed, or may not have been made; sorted
	Err   error // why Close did not wait longer, or nil
}

// Error names the files, up to ten.
func (e *UnfinishedError) Error() string {
	var b strings.Builder
	b.WriteString("filecleangen: still to be deleted: ")
	for i, ref := range e.Files {
		if i == 10 {
			fmt.Fprintf(&b, ", … (%d in all)", len(e.Files))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(ref.String())
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	return b.String()
}

// Unwrap returns why Close did not wait longer, or nil.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Close waits for the deletions that are under way. Those that wait for another
// attempt get it now, and it is their last. Call it when the program ends, with
// a context that says how long there is.
//
// If files are left, because their deletion failed or ctx ended, the error is an
// [*UnfinishedError] that names them. After ctx has ended, calls of storages that
// are under way go on to their end, and no others are made for deletions that
// had failed before.
//
// Batches may be opened and ended after Close; what fails then is not tried
// again. A second Close waits as the first did.
func (c *Cleaner) Close(ctx context.Context) error {
	c.retries.close()
	var err error
	select {
	case <-c.running.idle():
	case <-ctx.Done():
		err = context.Cause(ctx)
		c.cancel()
	}
	if files := c.left(); len(files) > 0 || err != nil {
		return &UnfinishedError{Files: files, Err: err}
	}
	return nil
}

func (r *retries) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.closes)
	}
}

// left returns the files whose deletion failed since Close was called, and those
// that are doomed now, sorted.
func (c *Cleaner) left() []Ref {
	c.retries.mu.Lock()
	set := refSet(c.retries.failed)
	c.retries.mu.Unlock()
	c.company.mu.Lock()
	for ref := range c.company.doomed {
		set[ref] = struct{}{}
	}
	c.company.mu.Unlock()
	return slices.SortedFunc(maps.Keys(set), func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Storage, b.Storage), cmp.Compare(a.Name, b.Name))
	})
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
