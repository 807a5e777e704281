// Package deletion deletes files: a plan is split into chunks, workers ask a storage to
// delete them, and what failed is tried again. Files that are derived from others go
// after these, and directories that became empty with them.
//
// It decides nothing: what is in a plan has been let go of, was checked against policy
// and other batches, and is asked about by the function it is given. It knows of no
// batch, record or report.
package deletion

import (
	"context"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

// A State is what has become of a file.
type State uint8

// What becomes of a file.
const (
	Undecided State = iota // it is still to be deleted
	Removed                // deleted
	Missing                // there was none
	Kept                   // it stays; the caller said so, or Why does
	Failed                 // the last attempt failed, or was not made
	Waiting                // it failed, and is tried again
)

// A Why is why this package kept a file.
type Why uint8

// Why a file is kept.
const (
	Otherwise   Why = iota // the caller knows
	Mentioned              // a batch came to mention it
	SourceKept             // the file that it is derived from was kept
	IsDirectory            // it is a directory
)

// A File is one file of a plan.
type File struct {
	Ref         storage.Ref
	DerivedFrom string // the name of the file in the same storage with which it goes, or ""
	Prune       bool   // whether directories above it go that became empty
	Tag         any    // the caller's; see Config.Detach

	State State
	Why   Why   // for Kept
	Err   error // what failed
}

func (f *File) keep(why Why, err error) { f.State, f.Why, f.Err = Kept, why, err }

// Gone reports whether the file is not there any more.
func (f *File) Gone() bool { return f.State == Removed || f.State == Missing }

// Config is what a Deleter works with.
type Config struct {
	Stores   map[string]*Store
	Registry *registry.Registry
	Workers  int // how many goroutines call storages at once
	Timeout  time.Duration
	Retry    Retry

	// Detach returns a copy of a tag, for when Delete has returned and the caller has what
	// it gave.
	Detach func(tag any) any
	// Ask keeps, of files that are about to be deleted, those that must stay.
	Ask func(ctx context.Context, files []*File)
	// Before is called with each file right before it is deleted. An error keeps it.
	Before func(context.Context, *File) error
	// After is called with each file that was deleted, as soon as it was.
	After func(context.Context, *File)
	// Retried is called with what an attempt in the background decided, and how many were
	// made.
	Retried func(ctx context.Context, files []*File, attempts int)
}

// A Deleter deletes files of some storages. It is safe for concurrent use.
type Deleter struct {
	Config

	helpers chan struct{} // one in it for each goroutine that was started to help
	queues  queues
	running running
	stop    context.Context //nolint:containedctx // cancelled when Close can't wait
	cancel  context.CancelFunc

	mu      sync.Mutex
	hanging map[storage.Ref]int // calls that delete a file, and that nobody waits for any more
}

// New returns a Deleter.
func New(c Config) *Deleter {
	d := &Deleter{Config: c, helpers: make(chan struct{}, c.Workers-1), hanging: map[storage.Ref]int{}}
	d.queues.init()
	d.stop, d.cancel = context.WithCancel(context.Background())
	for _, s := range c.Stores {
		s.calls = make(chan struct{}, c.Workers)
	}
	return d
}

// A Plan is files that are to be deleted, each a pending deletion in the registry.
type Plan struct {
	files   []*File
	sources map[storage.Ref]*File // the files that some of them are derived from
	planned registry.Time
	tries   int // attempts made so far
}

// NewPlan makes a plan of the undecided ones among all files that a batch let go of.
func NewPlan(all []*File, planned registry.Time) *Plan {
	p := &Plan{planned: planned}
	derived := false
	for _, f := range all {
		if f.State == Undecided {
			p.files = append(p.files, f)
			derived = derived || f.DerivedFrom != ""
		}
	}
	if derived {
		p.sources = make(map[storage.Ref]*File, len(all))
		for _, f := range all {
			p.sources[f.Ref] = f
		}
	}
	return p
}

// source returns the file that f is derived from, or nil if it is not, or its file went
// in an earlier attempt.
func (p *Plan) source(f *File) *File {
	if f.DerivedFrom == "" {
		return nil
	}
	return p.sources[storage.Ref{Storage: f.Ref.Storage, Name: f.DerivedFrom}]
}

// Delete makes the first attempt at a plan, and leaves what failed to further ones in
// the background. It returns when every file of the plan is decided or waits. The
// attempt does not end with ctx, whose values go to the functions of the [Config].
func (d *Deleter) Delete(ctx context.Context, p *Plan) {
	d.running.begin()
	defer d.running.end()
	timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Timeout)
	defer cancel()
	d.Ask(timed, p.files)
	d.attempt(timed, p)
	d.conclude(ctx, p)
}

// Once makes one attempt at a plan, until ctx ends at the latest, of which nothing is
// tried again.
func (d *Deleter) Once(ctx context.Context, p *Plan) {
	d.running.begin()
	defer d.running.end()
	timed, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	defer context.AfterFunc(d.stop, cancel)()
	d.attempt(timed, p)
	refs := make([]storage.Ref, len(p.files))
	for i, f := range p.files {
		refs[i] = f.Ref
		if f.State == Undecided {
			p.giveUp(f)
		}
	}
	d.Registry.Release(refs)
}

// attempt tries once to delete the undecided files of a plan: first those that others
// are derived from. What it can't try in time stays undecided.
func (d *Deleter) attempt(ctx context.Context, p *Plan) {
	p.tries++
	var files, derived []*File
	for _, f := range p.files {
		switch {
		case f.State != Undecided:
		case p.tries == 1 && f.DerivedFrom != "" && p.source(f) == nil:
			f.keep(SourceKept, nil) // nothing was decided of its file: a record goes on naming it
		case p.source(f) != nil:
			derived = append(derived, f)
		default:
			files = append(files, f)
		}
	}
	d.deleteAll(ctx, p.planned, files)

	var ready []*File
	for _, f := range derived {
		switch source := p.source(f); {
		case source.Gone():
			ready = append(ready, f)
		case source.State == Kept:
			f.keep(SourceKept, nil)
		} // others wait for it
	}
	d.deleteAll(ctx, p.planned, ready)
}

// conclude ends an attempt: what failed, or was not tried in time, waits for another, or
// has failed for good.
func (d *Deleter) conclude(ctx context.Context, p *Plan) {
	d.enqueue(ctx, p)
	var done []storage.Ref
	for _, f := range p.files {
		if f.State == Undecided {
			p.giveUp(f)
		}
		if f.State != Waiting {
			done = append(done, f.Ref)
		}
	}
	d.queues.note(p.files)
	d.Registry.Release(done)
}

// giveUp ends a file that was not tried.
func (p *Plan) giveUp(f *File) {
	if source := p.source(f); source != nil && !source.Gone() {
		f.keep(SourceKept, nil)
		return
	}
	f.State = Failed
}
