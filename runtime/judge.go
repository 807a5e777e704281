package runtime

import (
	"cmp"
	"context"
	"fmt"

	"github.com/filecleangen/filecleangen/storage"
)

// judge decides what becomes of the files of a batch that was committed, and
// deletes those that have to go.
func (c *Cleaner) judge(ctx context.Context, b *Batch) *Report {
	v := b.end()
	c.company.take(b, v)
	files := append(v.released, b.strayUploads(v)...) //nolint:gocritic // it has room
	for i := range files {
		f := &files[i]
		said := v.of(f.Ref)
		switch {
		case b.lost != nil:
			f.keep(LostTrack, b.lost)
		case said.held && said.state == idle:
			f.keep(NoRowChanged, nil)
		case said.held:
			f.keep(StillNamed, nil)
		case !c.knows(said):
			f.keep(UnknownType, nil)
		case said.keep:
			f.keep(IsKept, nil)
		}
	}
	if b.lost != nil {
		v = view{} // what it released may have been undone
	}
	return c.execute(ctx, b, v, &Report{Outcome: Committed, Files: files}, c.askDatabase)
}

// discard removes the uploads of a batch that was rolled back. The transaction
// may still have its connection, so the database is not asked.
func (c *Cleaner) discard(ctx context.Context, b *Batch) *Report {
	b.end()
	files := b.allUploads()
	if c.intents != nil {
		return c.discardToOutbox(ctx, b, files)
	}
	noQuestion := func(context.Context, []*Result) {}
	return c.execute(ctx, b, view{}, &Report{Outcome: RolledBack, Files: files}, noQuestion)
}

// abandon ends a batch whose commit failed with err: everything is kept.
func (c *Cleaner) abandon(ctx context.Context, b *Batch, err error) *Report {
	v := b.end()
	files := v.released
	for _, u := range b.allUploads() {
		if !v.of(u.Ref).released {
			files = append(files, u)
		}
	}
	for i := range files {
		files[i].keep(UnknownOutcome, err)
	}
	c.company.take(b, view{})
	c.company.doubt(b)
	c.company.part(b, files, view{})
	return c.finish(ctx, &Report{Outcome: Unknown, Files: files, Err: err})
}

// execute deletes the undecided files of a report, unless policy, other batches
// or the database object. v is the view of a batch that was committed.
func (c *Cleaner) execute(ctx context.Context, b *Batch, v view, r *Report, ask func(context.Context, []*Result)) *Report {
	c.running.begin()
	defer c.running.end()
	c.applyPolicy(r.Files)
	t := newTask(r.Files, c.company.part(b, r.Files, v))
	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	ask(timed, t.files)
	c.attempt(timed, t)
	c.conclude(ctx, t)
	return c.finish(ctx, r)
}

// knows reports whether the cleaner was told of all the types that released a
// ref; none did so with an upload.
func (c *Cleaner) knows(said refView) bool {
	_, ok := c.types[said.typ]
	ok = ok || said.typ == nil
	for _, t := range said.others {
		_, known := c.types[t]
		ok = ok && known
	}
	return ok
}

// keep decides a result that is still pending.
func (r *Result) keep(why Cause, err error) {
	if r.Status == "" {
		r.Status, r.Cause, r.Err = Kept, why, err
	}
}

// undecided returns the refs that are still to be decided.
func undecided(files []Result) []Ref {
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
		if err := storage.CheckName(f.Ref.Name); err != nil {
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

// askDatabase keeps what the rows name, and everything that nobody can tell of.
func (c *Cleaner) askDatabase(ctx context.Context, files []*Result) {
	if c.references == nil || len(files) == 0 {
		return
	}
	refs := make([]Ref, len(files))
	for i, f := range files {
		refs[i] = f.Ref
	}
	var answer Answer
	err := guard(func() (err error) {
		answer, err = c.references.Ask(ctx, refs)
		return err
	})
	named := refSet(answer.Named)
	for _, f := range files {
		if unknown := cmp.Or(err, answer.Unknown[f.Ref]); unknown != nil {
			f.keep(CheckFailed, fmt.Errorf("asking the rows: %w", unknown))
		} else if _, ok := named[f.Ref]; ok {
			f.keep(StillInUse, nil)
		}
	}
}
