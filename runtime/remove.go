package runtime

import (
	"context"
	"path"
	"sync"
	"sync/atomic"
)

// task is files that one judgement doomed, until each of them has gone or will
// not go.
type task struct {
	files   []*Result
	sources map[Ref]*Result // the files that some of them are derived from
	decided uint64          // when
	tries   int             // attempts made so far
}

// newTask collects the undecided files of a judgement.
func newTask(files []Result, decided uint64) *task {
	t := &task{decided: decided}
	derived := false
	for i := range files {
		if f := &files[i]; f.Status == "" {
			t.files = append(t.files, f)
			derived = derived || f.DerivedFrom != ""
		}
	}
	if derived {
		t.sources = make(map[Ref]*Result, len(files))
		for i := range files {
			t.sources[files[i].Ref] = &files[i]
		}
	}
	return t
}

// source returns the file that f is derived from, or nil if it is not, or its
// file went in an earlier attempt.
func (t *task) source(f *Result) *Result {
	if f.DerivedFrom == "" {
		return nil
	}
	return t.sources[Ref{Storage: f.Ref.Storage, Name: f.DerivedFrom}]
}

// attempt tries once to delete the undecided files of a task: first those that
// others are derived from. What it can't try in time stays undecided.
func (c *Cleaner) attempt(ctx context.Context, t *task) {
	t.tries++
	var files, derived []*Result
	for _, f := range t.files {
		switch {
		case f.Status != "":
		case t.tries == 1 && f.DerivedFrom != "" && t.source(f) == nil:
			f.keep(FileKept, nil) // nothing was decided of its file: a record goes on naming it
		case t.source(f) != nil:
			derived = append(derived, f)
		default:
			files = append(files, f)
		}
	}
	c.removeAll(ctx, t.decided, files)

	var ready []*Result
	for _, f := range derived {
		switch t.source(f).Status {
		case Removed, Missing:
			ready = append(ready, f)
		case Kept:
			f.keep(FileKept, nil)
		case Failed, Pending, "": // waits for it
		}
	}
	c.removeAll(ctx, t.decided, ready)
}

// portion is files of one storage that are deleted in one go.
type portion struct {
	storage *store
	files   []*Result
}

func (c *Cleaner) removeAll(ctx context.Context, decided uint64, files []*Result) {
	portions := c.portions(files)
	c.inParallel(len(portions), func(i int) { c.removePortion(ctx, decided, portions[i]) })
}

// portions groups files by storage, those of a DirFs by directory also, and
// splits the groups to size.
func (c *Cleaner) portions(files []*Result) (portions []portion) {
	type place struct{ storage, dir string }
	groups := map[place][]*Result{}
	var places []place
	for _, f := range files {
		p := place{storage: f.Ref.Storage}
		if c.storages[f.Ref.Storage].dir != nil {
			p.dir = path.Dir(f.Ref.Name)
		}
		if groups[p] == nil {
			places = append(places, p)
		}
		groups[p] = append(groups[p], f)
	}
	for _, p := range places {
		s, group := c.storages[p.storage], groups[p]
		size := s.portionSize(len(files), c.workers)
		for len(group) > 0 {
			n := min(size, len(group))
			portions = append(portions, portion{s, group[:n]})
			group = group[n:]
		}
	}
	return portions
}

// inParallel calls do for 0 to n-1, in this goroutine and in as many others as
// are free: a cleaner never has more than its number of workers.
func (c *Cleaner) inParallel(n int, do func(int)) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			do(int(i))
		}
	}
	var others sync.WaitGroup
	for range n - 1 {
		select {
		case c.helpers <- struct{}{}:
			others.Go(func() {
				defer func() { <-c.helpers }()
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

// removePortion asks the observers, deletes what they let go, and tells them.
// Nothing that happens to one file affects another.
func (c *Cleaner) removePortion(ctx context.Context, decided uint64, p portion) {
	var files []*Result
	for _, f := range p.files {
		if err := c.before(ctx, f.event()); err != nil {
			f.keep(Vetoed, err)
			continue
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return
	}
	c.callStorage(ctx, decided, p.storage, files)
	for _, f := range files {
		switch f.Status {
		case Removed, Missing:
			c.after(ctx, f.event())
		case Failed, Kept, Pending, "": // to be told when the attempt is concluded
		}
	}
}

func undecidedOf(files []*Result) (rest []*Result) {
	for _, f := range files {
		if f.Status == "" {
			rest = append(rest, f)
		}
	}
	return rest
}
