package runtime

import (
	"context"
	"slices"

	"github.com/filecleangen/filecleangen/runtime/internal/deletion"
	"github.com/filecleangen/filecleangen/runtime/internal/guard"
	"github.com/filecleangen/filecleangen/runtime/internal/journal"
	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

// What a report goes through after the commit, each step once and downwards: the journal
// is replayed, policy keeps what must stay, the registry finds conflicts, the rows are
// asked, and the storage is called.

// flags of releases, see journal.Verdict.
const (
	flagUnknownType uint8 = 1 << iota // by a type that the cleaner was not told of
	flagKeep                          // by a field with the option keep
)

func (c *Cleaner) flags(s source, field int) (flags uint8) {
	if _, known := c.types[s.typ]; !known {
		flags |= flagUnknownType
	}
	if s.typ.Fields[field].Keep {
		flags |= flagKeep
	}
	return flags
}

// end closes a batch's journal, and returns what it says of the refs that were released.
func (b *Batch) end() []journal.Verdict[source] {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = ended
	return b.journal.Replay(b.cleaner.flags)
}

// conclude deletes the files of a batch that was committed.
func (c *Cleaner) conclude(ctx context.Context, b *Batch) *Report {
	verdicts := b.end()
	c.takeNamed(ctx, c.take(b))
	r := &Report{Outcome: Committed, Files: c.candidates(b, verdicts)}
	c.keepByPolicy(r.Files)
	files := filesOf(r.Files)
	planned, conflicts := c.registry.Plan(b.id, pending(files))
	c.delete(ctx, files, planned, conflicts)
	for i, f := range files {
		r.Files[i] = resultOf(f)
	}
	c.discardWaiting()
	return c.finish(ctx, r)
}

// abandon ends a batch whose commit failed with err: everything is kept, since the
// database may commit at any time.
func (c *Cleaner) abandon(ctx context.Context, b *Batch, err error) *Report {
	verdicts := b.end()
	r := &Report{Outcome: Unknown, Files: resultsOf(verdicts), Err: err}
	for i := range r.Files {
		r.Files[i].keep(UnknownOutcome, err)
	}
	holds := registry.Refs{}
	b.mu.Lock()
	b.journal.Held(func(ref Ref, _ bool) { holds[ref] = struct{}{} })
	b.mu.Unlock()
	c.registry.CloseUnconfirmed(b.id, holds)
	c.discardWaiting()
	return c.finish(ctx, r)
}

// take notes which uploads rows name now, and returns those that were held by a write
// which may have changed no row: where the rows are asked, they say it.
func (c *Cleaner) take(b *Batch) (unsure []Ref) {
	if c.registry.Uploads() == 0 {
		return nil
	}
	var taken []Ref
	b.mu.Lock()
	b.journal.Held(func(ref Ref, sure bool) {
		if sure || !c.asks() {
			taken = append(taken, ref)
		} else {
			unsure = append(unsure, ref)
		}
	})
	b.mu.Unlock()
	for _, ref := range taken {
		c.registry.Take(ref)
	}
	return unsure
}

// takeNamed notes which of the uploads rows name now. Of others it is not known: their
// Discard asks again.
func (c *Cleaner) takeNamed(ctx context.Context, refs []Ref) {
	refs = slices.DeleteFunc(refs, func(ref Ref) bool { return !c.registry.Uploaded(ref) })
	if len(refs) == 0 {
		return
	}
	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.question(timed, refs)
	if err != nil {
		return
	}
	for _, ref := range answer.Named {
		c.registry.Take(ref)
	}
}

func resultsOf(verdicts []journal.Verdict[source]) []Result {
	results := make([]Result, 0, len(verdicts))
	for i := range verdicts {
		results = append(results, resultOfVerdict(&verdicts[i]))
	}
	return results
}

func resultOfVerdict(v *journal.Verdict[source]) Result {
	s := v.Source
	return Result{Ref: v.Ref, Type: s.typ, Field: &s.typ.Fields[v.Field], Key: s.key, Reason: s.reason, DerivedFrom: v.DerivedFrom}
}

// candidates returns a result for each ref that may go, still to be decided but for what
// the types say, and what memory must decide: of derived files, which no row names, and
// of all where the rows are not asked.
func (c *Cleaner) candidates(b *Batch, verdicts []journal.Verdict[source]) []Result {
	results := make([]Result, 0, len(verdicts))
	for i := range verdicts {
		v := &verdicts[i]
		if !c.asks() && !v.Confirmed {
			continue
		}
		r := resultOfVerdict(v)
		memory := v.DerivedFrom != "" || !c.asks()
		switch {
		case !c.asks() && b.lost != nil:
			r.keep(LostTrack, b.lost)
		case memory && v.Held && v.Unsure:
			r.keep(NoRowChanged, nil)
		case memory && v.Held:
			r.keep(StillNamed, nil)
		}
		r.keepByFlags(v)
		results = append(results, r)
	}
	return results
}

// keepByFlags keeps what the types that released it say, and what one held of which
// nobody knows whether its rows are asked.
func (r *Result) keepByFlags(v *journal.Verdict[source]) {
	switch {
	case (v.Flags|v.HoldFlags)&flagUnknownType != 0:
		r.keep(UnknownType, nil)
	case v.Flags&flagKeep != 0:
		r.keep(IsKept, nil)
	}
}

// keep decides a result that is still open.
func (r *Result) keep(why Cause, err error) {
	if r.Status == "" {
		r.Status, r.Cause, r.Err = Kept, why, err
	}
}

// keepByPolicy keeps what must stay whatever records and rows say.
func (c *Cleaner) keepByPolicy(files []Result) {
	for i := range files {
		f := &files[i]
		if f.Status != "" {
			continue
		}
		if err := storage.CheckName(f.Ref.Name); err != nil {
			f.keep(UnsafeName, err)
		}
		if _, ok := c.defaults[f.Ref]; ok {
			f.keep(IsDefault, nil)
		}
		for _, protected := range c.protectors {
			yes := true // unless it says no
			if err := guard.Call(func() error { yes = protected(f.Ref); return nil }); yes {
				f.keep(IsProtected, err)
			}
		}
	}
}

// Policy returns why a file stays whatever rows say: it is a default, or protected
// ([WithProtected]), or its name is unsafe; "" if nothing of that is true. Sweeps ask it.
func (c *Cleaner) Policy(ref Ref) (why Cause, err error) {
	files := []Result{{Ref: ref}}
	c.keepByPolicy(files)
	return files[0].Cause, files[0].Err
}

// delete makes the first attempt at files that are planned, but for conflicts.
func (c *Cleaner) delete(ctx context.Context, files []*deletion.File, planned registry.Time, conflicts map[Ref]registry.Conflict) {
	for _, f := range files {
		switch conflicts[f.Ref] {
		case registry.Mentioned:
			keepFile(f, UsedElsewhere, nil)
		case registry.Unconfirmed:
			keepFile(f, InDoubt, nil)
		}
	}
	if len(files) > 0 {
		c.deleter.Delete(ctx, deletion.NewPlan(files, planned))
	}
}

// filesOf returns a file to delete for each result, which is its tag; those that are kept
// are so there, too, since others may be derived from them.
func filesOf(results []Result) []*deletion.File {
	files, all := make([]*deletion.File, len(results)), make([]deletion.File, len(results))
	for i := range results {
		r, f := &results[i], &all[i]
		*f = deletion.File{Ref: r.Ref, DerivedFrom: r.DerivedFrom, Prune: r.Field != nil && r.Field.Prune, Tag: r, Err: r.Err}
		if r.Status != "" {
			f.State = deletion.Kept
		}
		files[i] = f
	}
	return files
}

// pending returns the refs of the files that are to be deleted.
func pending(files []*deletion.File) registry.Refs {
	refs := registry.Refs{}
	for _, f := range files {
		if f.State == deletion.Undecided {
			refs[f.Ref] = struct{}{}
		}
	}
	return refs
}

// keepFile keeps a file that is still to be decided.
func keepFile(f *deletion.File, why Cause, err error) {
	if f.State == deletion.Undecided {
		f.State, f.Err = deletion.Kept, err
		f.Tag.(*Result).Cause = why
	}
}

// statuses and causes of what package deletion says.
var (
	statuses = map[deletion.State]Status{
		deletion.Removed: Removed, deletion.Missing: Missing, deletion.Kept: Kept, deletion.Failed: Failed, deletion.Waiting: Pending,
	}
	causes = map[deletion.Why]Cause{
		deletion.Mentioned: UsedElsewhere, deletion.SourceKept: FileKept, deletion.IsDirectory: IsDirectory,
	}
)

// resultOf says what became of a file.
func resultOf(f *deletion.File) Result {
	r := *f.Tag.(*Result)
	if r.Status != "" && f.State == deletion.Kept { // it was decided before
		return r
	}
	r.Status, r.Err = statuses[f.State], f.Err
	if why, ok := causes[f.Why]; ok && f.State == deletion.Kept {
		r.Cause = why
	}
	return r
}
