package deletion

import (
	"context"
	"path"
	"sync"
	"sync/atomic"

	"github.com/filecleangen/filecleangen/runtime/internal/registry"
)

// chunk is files of one storage that are deleted in one go.
type chunk struct {
	store *Store
	files []*File
}

// chunks groups files by storage, those of a directory also by directory, and splits
// the groups to size.
func (d *Deleter) chunks(files []*File) (chunks []chunk) {
	type place struct{ storage, dir string }
	groups := map[place][]*File{}
	var places []place
	for _, f := range files {
		p := place{storage: f.Ref.Storage}
		if d.Stores[f.Ref.Storage].dir != nil {
			p.dir = path.Dir(f.Ref.Name)
		}
		if groups[p] == nil {
			places = append(places, p)
		}
		groups[p] = append(groups[p], f)
	}
	for _, p := range places {
		s, group := d.Stores[p.storage], groups[p]
		size := s.chunkSize(len(files), d.Workers)
		for len(group) > 0 {
			n := min(size, len(group))
			chunks = append(chunks, chunk{s, group[:n]})
			group = group[n:]
		}
	}
	return chunks
}

func (d *Deleter) deleteAll(ctx context.Context, planned registry.Time, files []*File) {
	chunks := d.chunks(files)
	d.inParallel(len(chunks), func(i int) { d.deleteChunk(ctx, planned, chunks[i]) })
}

// inParallel calls do for 0 to n-1, in this goroutine and in as many others as are free:
// a Deleter never has more than its number of workers.
func (d *Deleter) inParallel(n int, do func(int)) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			do(int(i))
		}
	}
	var others sync.WaitGroup
	for range n - 1 {
		select {
		case d.helpers <- struct{}{}:
			others.Go(func() {
				defer func() { <-d.helpers }()
				work()
			})
			continue
		default:
		}
		break
	}
	work()
	others.Wait()
}

// deleteChunk asks the observers, deletes what they let go, and tells them. Nothing that
// happens to one file affects another.
func (d *Deleter) deleteChunk(ctx context.Context, planned registry.Time, c chunk) {
	var files []*File
	for _, f := range c.files {
		if err := d.Before(ctx, f); err != nil {
			f.keep(Otherwise, err)
			continue
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return
	}
	d.call(ctx, planned, c.store, files)
	for _, f := range files {
		if f.Gone() {
			d.After(ctx, f)
		}
	}
}

func undecided(files []*File) (rest []*File) {
	for _, f := range files {
		if f.State == Undecided {
			rest = append(rest, f)
		}
	}
	return rest
}
