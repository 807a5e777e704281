package runtime

import (
	"context"
	"fmt"
	"slices"
)

// judge decides what becomes of the files of a batch that was committed, and
// deletes those that have to go.
func (c *Cleaner) judge(ctx context.Context, b *Batch) *Report {
	v := b.end()
	files := slices.Concat(v.released, b.strayUploads(v))
	for i := range files {
		f := &files[i]
		state, held := v.held[f.Ref]
		_, keep := v.keep[f.Ref]
		switch {
		case b.lost != nil:
			f.keep(LostTrack, b.lost)
		case held && state == idle:
			f.keep(NoRowChanged, nil)
		case held:
			f.keep(StillNamed, nil)
		case !c.knows(v.releasers[f.Ref]):
			f.keep(UnknownType, nil)
		case keep:
			f.keep(IsKept, nil)
		}
	}
	c.applyPolicy(files)
	doomed := c.part(b, files, v)
	defer c.company.finished(b, doomed)
	c.askDatabase(ctx, files)
	c.remove(ctx, b, files)
	return c.report(ctx, &Report{Outcome: Committed, Files: files})
}

// discard removes the uploads of a batch that was rolled back. The transaction
// may still have its connection, so the database is not asked.
func (c *Cleaner) discard(ctx context.Context, b *Batch) *Report {
	b.end()
	files := b.allUploads()
	c.applyPolicy(files)
	doomed := c.part(b, files, view{})
	defer c.company.finished(b, doomed)
	c.remove(ctx, b, files)
	return c.report(ctx, &Report{Outcome: RolledBack, Files: files})
}

// abandon ends a batch whose commit failed with err: everything is kept.
func (c *Cleaner) abandon(ctx context.Context, b *Batch, err error) *Report {
	v := b.end()
	files := v.released
	for _, u := range b.allUploads() {
		if v.releasers[u.Ref] == nil {
			files = append(files, u)
		}
	}
	for i := range files {
		files[i].keep(UnknownOutcome, err)
	}
	c.company.doubt(b)
	defer c.company.finished(b, c.part(b, files, view{}))
	return c.report(ctx, &Report{Outcome: Unknown, Files: files, Err: err})
}

// knows reports whether the cleaner was told of all the types.
func (c *Cleaner) knows(types []*Type) bool {
	for _, t := range types {
		if _, ok := c.types[t]; !ok {
			return false
		}
	}
	return true
}

// keep decides a result that is still pending.
func (r *Result) keep(why Cause, err error) {
	if r.Status == "" {
		r.Status, r.Cause, r.Err = Kept, why, err
	}
}

// pending returns the refs that are still to be decided.
func pending(files []Result) []Ref {
	var refs []Ref
	for _, f := range files {
		if f.Status == "" {
			refs = append(refs, f.Ref)
		}
	}
	return refs
}

func refSet(refs []Ref) map[Ref]struct{} {
	set := make(map[Ref]struct{}, len(refs))
	for _, ref := range refs {
		set[ref] = struct{}{}
	}
	return set
}

// applyPolicy keeps what must stay whatever records say.
func (c *Cleaner) applyPolicy(files []Result) {
	for i := range files {
		f := &files[i]
		if f.Status != "" {
			continue
		}
		if err := CheckName(f.Ref.Name); err != nil {
			f.keep(UnsafeName, err)
		}
		if _, ok := c.defaults[f.Ref]; ok {
			f.keep(IsDefault, nil)
		}
		for _, protected := range c.protectors {
			yes := true // unless it says no
			if err := guard(func() error { yes = protected(f.Ref); return nil }); yes {
				f.keep(IsProtected, err)
			}
		}
	}
}

// part takes a batch out of its company, keeps what others use and notes what
// is about to be deleted, all in one step: of two batches that let go of the
// same file, the second sees what the first has decided.
func (c *Cleaner) part(b *Batch, files []Result, v view) (doomed []Ref) {
	c.company.mu.Lock()
	defer c.company.mu.Unlock()
	for i := range files {
		if _, ok := c.company.doubtful[files[i].Ref]; ok {
			files[i].keep(InDoubt, nil)
		}
	}
	if refs := pending(files); len(refs) > 0 {
		used := c.company.usedBeside(b, refSet(refs))
		for i := range files {
			if _, ok := used[files[i].Ref]; ok {
				files[i].keep(UsedElsewhere, nil)
			}
		}
	}
	doomed = pending(files)
	for _, ref := range doomed {
		c.company.deleting[ref]++
	}
	if b.lost != nil {
		v = view{} // what it released may have been undone
	}
	c.company.leave(b, v)
	return doomed
}

// askDatabase keeps what the reference check says is named, or everything if
// it can't tell.
func (c *Cleaner) askDatabase(ctx context.Context, files []Result) {
	refs := pending(files)
	if c.check == nil || len(refs) == 0 {
		return
	}
	var named []Ref
	err := guard(func() (err error) {
		named, err = c.check(ctx, refs)
		return err
	})
	still := refSet(named)
	for i := range files {
		_, ok := still[files[i].Ref]
		switch {
		case err != nil:
			files[i].keep(CheckFailed, fmt.Errorf("reference check: %w", err))
		case ok:
			files[i].keep(StillInUse, nil)
		}
	}
}
