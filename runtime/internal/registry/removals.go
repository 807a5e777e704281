package registry

import "github.com/filecleangen/filecleangen/storage"

// removals are the files that were deleted, and when.
type removals struct {
	order []removal
	last  map[storage.Ref]Time
}

type removal struct {
	at  Time
	ref storage.Ref
}

func (r *removals) add(at Time, ref storage.Ref) {
	if r.last == nil {
		r.last = map[storage.Ref]Time{}
	}
	r.order = append(r.order, removal{at, ref})
	r.last[ref] = at
}

// forget drops what no batch needs to know that was opened then or later.
func (r *removals) forget(then Time) {
	n := 0
	for n < len(r.order) && r.order[n].at <= then {
		if old := r.order[n]; r.last[old.ref] == old.at {
			delete(r.last, old.ref)
		}
		n++
	}
	if n == len(r.order) { // with the memory
		r.order = nil
		return
	}
	clear(r.order[:n])
	r.order = r.order[n:]
}
