package runtime

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A Retry says how deletions that failed are tried again, in the background.
type Retry struct {
	Attempts int           // how often a deletion is tried in all, the first time by CommitWith
	First    time.Duration // how long to wait before the second attempt; twice as long before each further one
	Longest  time.Duration // the longest wait
}

var defaultRetry = Retry{Attempts: 10, First: time.Second, Longest: time.Minute}

// wait returns how long to wait after so many attempts. It is random, so that
// what failed together does not come back together.
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

// maxPending is how many files at most wait for another attempt. During a long
// outage of a storage memory must not grow without end.
const maxPending = 100_000

// retries is the deletions that are to be tried again.
type retries struct {
	mu     sync.Mutex
	queues map[string]*queue // by storage, so that one that hangs holds up no other
	files  int               // how many wait
	closed bool
	closes chan struct{} // closed with it
	failed []Ref         // since then
}

// queue is the tasks of one storage. While it exists a goroutine works on it.
type queue struct {
	tasks []*retryTask
	added chan struct{} // has room for one
}

// retryTask is the files of a task that are to be tried again.
type retryTask struct {
	task
	ctx context.Context //nolint:containedctx // its values are the commit's, for observers
	due time.Time
}

// mayPass reports whether a deletion that failed with err is worth another
// attempt.
func mayPass(err error) bool {
	return !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid)
}

// conclude ends an attempt: what failed, or was not tried in time, waits for
// another, or has failed for good.
func (c *Cleaner) conclude(ctx context.Context, t *task) {
	type line struct {
		storage string
		hangs   bool // what hung holds up no other
	}
	again := map[line][]*Result{}
	for _, f := range t.files {
		if (f.Status == "" || f.Status == Failed && mayPass(f.Err)) && t.tries < c.retry.Attempts {
			at := line{f.Ref.Storage, errors.Is(f.Err, ErrHangs)}
			again[at] = append(again[at], f)
		}
	}
	for at, files := range again {
		c.again(ctx, at.storage, t, files)
	}
	var done []Ref
	for _, f := range t.files {
		if f.Status == "" {
			t.giveUp(f)
		}
		if f.Status != Pending {
			done = append(done, f.Ref)
		}
	}
	c.company.release(done)
}

// giveUp ends a file that was not tried.
func (t *task) giveUp(f *Result) {
	if source := t.source(f); source != nil && source.Status != Removed && source.Status != Missing {
		f.keep(FileKept, nil)
		return
	}
	f.Status = Failed
}

// again puts files of a task in the queue of their storage, unless it is closed
// or full.
func (c *Cleaner) again(ctx context.Context, storage string, t *task, files []*Result) {
	copies := make([]Result, len(files)) // the others are the user's
	for i, f := range files {
		copies[i] = *f
		copies[i].Status = ""
	}
	r := &retryTask{task: *newTask(copies, t.decided), ctx: ctx, due: time.Now().Add(c.retry.wait(t.tries))}
	r.tries = t.tries

	q := &c.retries
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.files+len(files) > maxPending {
		return
	}
	for _, f := range files {
		f.Status = Pending
	}
	q.files += len(files)
	own := q.queues[storage]
	if own == nil {
		own = &queue{added: make(chan struct{}, 1)}
		q.queues[storage] = own
		c.running.begin()
		go func() {
			defer c.running.end()
			c.work(storage, own)
		}()
	}
	own.tasks = append(own.tasks, r)
	select {
	case own.added <- struct{}{}:
	default:
	}
}

// note remembers a file that failed for good, for Close to tell of.
func (r *retries) note(ref Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.failed = append(r.failed, ref)
	}
}

// work tries the tasks of a queue when they are due, until none is left.
func (c *Cleaner) work(storage string, own *queue) {
	for {
		due, next := c.retries.take(storage, own)
		if len(due) == 0 && next.IsZero() {
			return
		}
		if len(due) > 0 {
			c.inParallel(len(due), func(i int) { c.tryAgain(due[i]) })
			continue
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-own.added:
		case <-c.retries.closes:
		}
		timer.Stop()
	}
}

// take takes the tasks that are due, or says when the next will be. When there
// is none the queue is gone.
func (r *retries) take(storage string, own *queue) (due []*retryTask, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	own.tasks = slices.DeleteFunc(own.tasks, func(t *retryTask) bool {
		if r.closed || !t.due.After(now) {
			due = append(due, t)
			r.files -= len(t.files)
			return true
		}
		if next.IsZero() || t.due.Before(next) {
			next = t.due
		}
		return false
	})
	if len(due) == 0 && next.IsZero() {
		delete(r.queues, storage)
	}
	return due, next
}

// tryAgain makes another attempt. Minutes may have passed, so the database is
// asked again; what batches of this cleaner did meanwhile is known.
func (c *Cleaner) tryAgain(t *retryTask) {
	ctx, cancel := context.WithTimeout(t.ctx, c.timeout)
	defer cancel()
	defer context.AfterFunc(c.stop, cancel)()
	if c.stop.Err() != nil { // Close could not wait
		cancel()
	}
	c.askDatabase(ctx, t.files)
	c.attempt(ctx, &t.task)
	c.conclude(t.ctx, &t.task)

	r := &Report{}
	for _, f := range t.files {
		if f.Status != Pending {
			r.Files = append(r.Files, *f)
		}
	}
	c.counters.retried.Add(uint64(len(t.files)))
	c.tell(t.ctx, r, t.tries)
	if len(r.Files) > 0 {
		c.log(t.ctx, slog.LevelInfo, "filecleangen: deletions that had failed were tried again",
			append([]slog.Attr{slog.Int("attempts", t.tries)}, r.counts()...)...)
	}
}
