package deletion

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/storage"
)

// A Retry says how deletions that failed are tried again, in the background.
type Retry struct {
	Attempts int           // how often a deletion is tried in all
	First    time.Duration // how long to wait before the second attempt; twice as long before each further one
	Longest  time.Duration // the longest wait
}

// wait returns how long to wait after so many attempts. It is random, so that what
// failed together does not come back together.
func (r Retry) wait(tries int) time.Duration {
	d := r.First
	for range tries - 1 {
		if d = 2 * d; d >= r.Longest {
			d = r.Longest
			break
		}
	}
	return d/2 + rand.N(d/2+1)
}

// MaxWaiting is how many files at most wait for another attempt. During a long outage
// of a storage memory must not grow without end.
const MaxWaiting = 100_000

// queues is the deletions that are to be tried again.
type queues struct {
	mu     sync.Mutex
	of     map[string]*queue // by storage, so that one that hangs holds up no other
	files  int               // how many wait
	closed bool
	closes chan struct{} // closed with it
	failed []storage.Ref // since then
}

func (q *queues) init() { q.of, q.closes = map[string]*queue{}, make(chan struct{}) }

// queue is the plans of one storage. While it exists a goroutine works on it.
type queue struct {
	plans []*waiting
	added chan struct{} // has room for one
}

// waiting is the files of a plan that are to be tried again.
type waiting struct {
	*Plan
	ctx context.Context //nolint:containedctx // its values are the commit's, for observers
	due time.Time
}

// mayPass reports whether a deletion that failed with err is worth another attempt.
func mayPass(err error) bool {
	return !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid)
}

// mayGo reports whether a file is worth another attempt.
func (f *File) mayGo() bool { return f.State == Undecided || f.State == Failed && mayPass(f.Err) }

// enqueue makes files of a plan wait that failed, or were not tried in time. A derived
// file waits with its own file, or not at all.
func (d *Deleter) enqueue(ctx context.Context, p *Plan) {
	if p.tries >= d.Retry.Attempts {
		return
	}
	type line struct {
		storage string
		hangs   bool // what hung holds up no other
	}
	again := map[line][]*File{}
	for _, f := range p.files {
		first := f
		if source := p.source(f); source != nil && !source.Gone() {
			first = source
		}
		if f.mayGo() && first.mayGo() {
			at := line{f.Ref.Storage, errors.Is(first.Err, ErrHangs)}
			again[at] = append(again[at], f)
		}
	}
	for at, files := range again {
		d.again(ctx, at.storage, p, files)
	}
}

// again puts files of a plan in the queue of their storage, unless it is closed or full.
func (d *Deleter) again(ctx context.Context, storageName string, p *Plan, files []*File) {
	copies := make([]*File, len(files)) // the others are the caller's
	for i, f := range files {
		c := *f
		c.State, c.Tag = Undecided, d.Detach(f.Tag)
		copies[i] = &c
	}
	next := NewPlan(copies, p.planned)
	next.tries = p.tries

	q := &d.queues
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.files+len(files) > MaxWaiting {
		return
	}
	for _, f := range files {
		f.State = Waiting
	}
	q.files += len(files)
	own := q.of[storageName]
	if own == nil {
		own = &queue{added: make(chan struct{}, 1)}
		q.of[storageName] = own
		d.running.begin()
		go func() {
			defer d.running.end()
			d.work(storageName, own)
		}()
	}
	own.plans = append(own.plans, &waiting{next, context.WithoutCancel(ctx), time.Now().Add(d.Retry.wait(p.tries))})
	select {
	case own.added <- struct{}{}:
	default:
	}
}

// work tries the plans of a queue when they are due, until none is left.
func (d *Deleter) work(storageName string, own *queue) {
	for {
		due, next := d.queues.take(storageName, own)
		if len(due) == 0 && next.IsZero() {
			return
		}
		if len(due) > 0 {
			d.inParallel(len(due), func(i int) { d.tryAgain(due[i]) })
			continue
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-own.added:
		case <-d.queues.closes:
		}
		timer.Stop()
	}
}

// take takes the plans that are due, or says when the next will be. When there is none
// the queue is gone.
func (q *queues) take(storageName string, own *queue) (due []*waiting, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	own.plans = slices.DeleteFunc(own.plans, func(w *waiting) bool {
		if q.closed || !w.due.After(now) {
			due = append(due, w)
			q.files -= len(w.files)
			return true
		}
		if next.IsZero() || w.due.Before(next) {
			next = w.due
		}
		return false
	})
	if len(due) == 0 && next.IsZero() {
		delete(q.of, storageName)
	}
	return due, next
}

// tryAgain makes another attempt. Minutes may have passed, so the rows are asked again;
// what batches did meanwhile is known.
func (d *Deleter) tryAgain(w *waiting) {
	ctx, cancel := context.WithTimeout(w.ctx, d.Timeout)
	defer cancel()
	defer context.AfterFunc(d.stop, cancel)()
	if d.stop.Err() != nil { // Close could not wait
		cancel()
	}
	d.Ask(ctx, w.files)
	d.attempt(ctx, w.Plan)
	d.conclude(w.ctx, w.Plan)
	d.Retried(w.ctx, w.files, w.tries)
}

// note remembers files that failed for good, for Close to tell of.
func (q *queues) note(files []*File) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range files {
		if q.closed && f.State == Failed {
			q.failed = append(q.failed, f.Ref)
		}
	}
}

// Waiting returns how many files wait for another attempt.
func (d *Deleter) Waiting() int {
	d.queues.mu.Lock()
	defer d.queues.mu.Unlock()
	return d.queues.files
}
