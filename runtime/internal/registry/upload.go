package registry

import (
	"time"

	"github.com/filecleangen/filecleangen/storage"
)

// An Upload is a file that is being written, or that waits for a row to name it. As
// long as it is here nothing deletes it, and no other upload gets its name.
type Upload struct {
	ref       storage.Ref
	expires   time.Time // when nobody need know of it any more; zero is never
	writing   bool      // the file is there, and not complete
	taken     bool      // a batch that was committed has surely taken it
	discarded bool      // it goes when no open batch mentions it
}

// Ref returns the file.
func (u *Upload) Ref() storage.Ref { return u.ref }

// Reserve enters an upload, unless a batch mentions its name or it is being deleted.
func (r *Registry) Reserve(ref storage.Ref) (*Upload, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, pending := r.deletions[ref]
	if pending || len(r.conflicts(0, Refs{ref: {}})) > 0 {
		return nil, false
	}
	r.expire(time.Now())
	u := &Upload{ref: ref}
	r.uploads[ref] = u
	return u, true
}

// Opened says that the file of an upload is there, which is not complete.
func (r *Registry) Opened(u *Upload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.writing = true
}

// Expire says when nobody need know of an upload any more, although it was not
// discarded.
func (r *Registry) Expire(u *Upload, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.expires = at
}

// expire drops uploads that were never discarded, now and then.
func (r *Registry) expire(now time.Time) {
	if r.reserved++; r.reserved%1000 != 0 {
		return
	}
	for ref, u := range r.uploads {
		if !u.expires.IsZero() && now.After(u.expires) {
			delete(r.uploads, ref)
		}
	}
}

// Complete says that an upload is complete, so that batches can take it.
func (r *Registry) Complete(u *Upload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.writing = false
}

// Writing calls f for each upload that is not complete.
func (r *Registry) Writing(f func(storage.Ref)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref, u := range r.uploads {
		if u.writing {
			f(ref)
		}
	}
}

// Uploads returns how many there are.
func (r *Registry) Uploads() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.uploads)
}

// Uploaded reports whether a ref is an upload that no batch has taken.
func (r *Registry) Uploaded(ref storage.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, is := r.uploads[ref]
	return is
}

// Take says that a batch which was committed has taken the upload of a ref, if there is
// one.
func (r *Registry) Take(ref storage.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.uploads[ref]; u != nil {
		u.taken = true
		delete(r.uploads, ref)
	}
}

// Drop takes out an upload that is somebody else's business, and reports whether a batch
// has taken it.
func (r *Registry) Drop(u *Upload) (taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.uploads[u.ref] == u {
		delete(r.uploads, u.ref)
	}
	return u.taken
}

// A Discard is what becomes of an upload that nobody wants any more.
type Discard uint8

// What becomes of an upload.
const (
	Planned Discard = iota // it is a pending deletion; Release must follow
	Taken                  // a batch has taken it
	Waits                  // an open batch mentions it: Discarded returns it when that has ended
	Doubted                // a batch whose outcome is unknown may have taken it
)

// Discard ends an upload, in one step with entering it as a pending deletion.
func (r *Registry) Discard(u *Upload) (planned Time, d Discard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d = r.discard(u)
	r.count()
	return r.tick(), d
}

func (r *Registry) discard(u *Upload) Discard {
	if u.taken || r.uploads[u.ref] != u {
		return Taken
	}
	delete(r.uploads, u.ref)
	refs := Refs{u.ref: {}}
	r.enter(refs)
	r.count() // as in Plan
	switch r.conflicts(0, refs)[u.ref] {
	case Unconfirmed:
		r.leave(u.ref)
		return Doubted
	case Mentioned:
		r.leave(u.ref)
		r.uploads[u.ref], u.discarded = u, true
		return Waits
	default:
		return Planned
	}
}

// Discarded returns uploads for which Discard said that they wait, and which can be
// discarded now. It is called when a batch has ended.
func (r *Registry) Discarded() (uploads []*Upload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.uploads {
		if u.discarded && !u.taken {
			uploads = append(uploads, u)
		}
	}
	return uploads
}
