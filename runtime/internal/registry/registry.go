// Package registry knows what the database can't: which batches of this process are
// open, which uploads no row names yet, and which files are being deleted. A file that
// one batch lets go of may be in the hands of another, or just be written.
//
// It knows ids and sets of refs, never a batch, a cleaner or a storage, and decides
// nothing by what a row may say: the rows are asked for that.
package registry

import (
	"sync"
	"sync/atomic"

	"github.com/filecleangen/filecleangen/storage"
)

// An ID is an open batch.
type ID uint64

// Refs is a set of refs.
type Refs = map[storage.Ref]struct{}

// A Lookup adds to found those of the refs that a batch mentions. It is called with the
// registry locked, and must not call it.
type Lookup func(refs, found Refs)

// A Time is a moment, in ticks of the registry.
type Time uint64

// A Registry is what one cleaner knows of batches, uploads and deletions at the same
// time. It is safe for concurrent use.
//
// Whatever a batch writes to its journal, a deletion that is planned later finds there
// ([Registry.Plan]). Whatever it writes after that it looks up here ([Registry.Mention]),
// before its statement runs and before it commits, so that of the two one always sees
// the other.
type Registry struct {
	mu          sync.Mutex
	clock       Time // ticks when something below happens
	open        map[ID]batch
	unconfirmed Refs // what batches of unknown outcome may have left rows with, for good
	deletions   map[storage.Ref]deletion
	removed     removals // as long as a batch is open that was opened before
	uploads     map[storage.Ref]*Upload
	reserved    int // uploads so far

	watched atomic.Int64 // len(deletions) + len(removed.order): whether a write need look
}

type batch struct {
	opened Time
	lookup Lookup
}

// deletion is a file that is to be deleted.
type deletion struct {
	plans    int  // how many want it, and are not done with it
	mention  Time // when a batch last came to mention it
	removing int  // calls of its storage that are under way
}

// New returns an empty registry.
func New() *Registry {
	return &Registry{open: map[ID]batch{}, unconfirmed: Refs{}, deletions: map[storage.Ref]deletion{}, uploads: map[storage.Ref]*Upload{}}
}

func (r *Registry) tick() Time {
	r.clock++
	return r.clock
}

// Open adds a batch that begins.
func (r *Registry) Open(lookup Lookup) ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.tick()
	r.open[ID(now)] = batch{now, lookup}
	return ID(now)
}

// Batches returns how many are open.
func (r *Registry) Batches() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

// Used reports whether a batch was ever opened, or an upload begun.
func (r *Registry) Used() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock > 0 || r.reserved > 0
}

// Close takes out a batch that ended, and of which all is known.
func (r *Registry) Close(id ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.close(id)
}

// CloseUnconfirmed takes out a batch whose commit failed, and may yet succeed long
// after: what it holds stays for good.
func (r *Registry) CloseUnconfirmed(id ID, holds Refs) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref := range holds {
		r.unconfirmed[ref] = struct{}{}
	}
	r.close(id)
}

func (r *Registry) close(id ID) {
	delete(r.open, id)
	oldest := r.clock
	for _, b := range r.open {
		oldest = min(oldest, b.opened)
	}
	r.removed.forget(oldest)
	r.count()
}

func (r *Registry) count() {
	r.watched.Store(int64(len(r.deletions) + len(r.removed.order)))
}

// A Conflict is why a file is not deleted now.
type Conflict uint8

// Why a file is not deleted.
const (
	Mentioned   Conflict = iota + 1 // an open batch mentions it, or it is an upload
	Unconfirmed                     // a batch whose outcome is unknown may have left a row with it
)

// Plan closes a batch, if there is one, and enters the refs as pending deletions, all
// in one step: of two batches that let go of the same file, the second sees the first.
// It returns when that was, and what must not be deleted now, which is not entered.
// Release must follow for the others.
func (r *Registry) Plan(id ID, refs Refs) (planned Time, conflicts map[storage.Ref]Conflict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enter(refs)
	r.count() // before the others are looked at; see the comment of Registry
	conflicts = r.conflicts(id, refs)
	for ref := range conflicts {
		r.leave(ref)
	}
	if id != 0 {
		r.close(id)
	}
	r.count()
	return r.tick(), conflicts
}

func (r *Registry) conflicts(id ID, refs Refs) map[storage.Ref]Conflict {
	if len(refs) == 0 {
		return nil
	}
	conflicts, used := map[storage.Ref]Conflict{}, Refs{}
	for other, b := range r.open {
		if other != id {
			b.lookup(refs, used)
		}
	}
	for ref := range refs {
		_, mentioned := used[ref]
		_, uploaded := r.uploads[ref]
		_, unconfirmed := r.unconfirmed[ref]
		switch {
		case unconfirmed:
			conflicts[ref] = Unconfirmed
		case mentioned || uploaded:
			conflicts[ref] = Mentioned
		}
	}
	return conflicts
}

// Enter enters refs as pending deletions that no batch let go of just now, and returns
// when that was. Release must follow.
func (r *Registry) Enter(refs Refs) Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enter(refs)
	r.count()
	return r.tick()
}

func (r *Registry) enter(refs Refs) {
	for ref := range refs {
		d := r.deletions[ref]
		d.plans++
		r.deletions[ref] = d
	}
}

func (r *Registry) leave(ref storage.Ref) {
	d := r.deletions[ref]
	if d.plans--; d.plans <= 0 {
		delete(r.deletions, ref)
		return
	}
	r.deletions[ref] = d
}

// Release ends the interest of one plan in refs, whatever became of them.
func (r *Registry) Release(refs []storage.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ref := range refs {
		r.leave(ref)
	}
	r.count()
}

// Pending returns the refs that are to be deleted, or are being so.
func (r *Registry) Pending() Refs {
	r.mu.Lock()
	defer r.mu.Unlock()
	refs := Refs{}
	for ref := range r.deletions {
		refs[ref] = struct{}{}
	}
	return refs
}

// Start is called right before the storage is. It returns those of the refs that
// batches came to mention since they were planned, which must stay; from here on a
// batch that takes up one of the others is told that it is gone. Done must follow for
// these.
func (r *Registry) Start(planned Time, refs []storage.Ref) (mentioned Refs) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ref := range refs {
		d := r.deletions[ref]
		if d.mention > planned {
			if mentioned == nil {
				mentioned = Refs{}
			}
			mentioned[ref] = struct{}{}
			continue
		}
		d.removing++
		r.deletions[ref] = d
	}
	return mentioned
}

// Done is called right after the storage was, for refs that were started; gone are
// those whose files are not there any more.
func (r *Registry) Done(refs []storage.Ref, gone func(i int) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, ref := range refs {
		d := r.deletions[ref]
		d.removing--
		r.deletions[ref] = d
		if gone(i) && len(r.open) > 0 {
			r.removed.add(r.tick(), ref)
		}
	}
	r.count()
}

// Watched reports whether Mention may find anything. It is cheap.
func (r *Registry) Watched() bool { return r.watched.Load() > 0 }

// Mention is told what a batch has come to mention. Files that are to be deleted stay
// then. Of those that the batch names, it returns the ones that are being deleted, and
// those that were since it began.
func (r *Registry) Mention(id ID, each func(mention func(ref storage.Ref, names bool))) (going, gone []storage.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	opened := r.open[id].opened
	each(func(ref storage.Ref, names bool) {
		if d, ok := r.deletions[ref]; ok {
			if d.removing > 0 && names {
				going = append(going, ref)
			}
			d.mention = r.tick()
			r.deletions[ref] = d
		}
		if r.removed.last[ref] > opened && names {
			gone = append(gone, ref)
		}
	})
	return going, gone
}
