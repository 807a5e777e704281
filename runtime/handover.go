package runtime

import (
	"context"
	"errors"
	"slices"
)

// ErrOutbox is returned by [Batch.CommitWith] where the cleaner has an outbox,
// and by [Batch.HandOver] where it has none: with an outbox, batches are committed
// by the outbox.
var ErrOutbox = errors.New("filecleangen: batches are committed by the outbox if the cleaner has one, and not otherwise")

// An Intent is a promise, made durably before a file is, that the file goes
// unless the transaction comes to name it.
type Intent struct {
	Ref Ref
	ID  string // tells it from others for the same file, before and after it
}

// AttachOutbox makes all batches of the cleaner leave their promises to an
// outbox, a table in the user's database, instead of keeping them themselves:
// they are ended by [Batch.HandOver] or [Batch.Rollback], each of their uploads
// is preceded by an intent, and files are deleted by [Cleaner.Delete]. Package
// outbox calls it; programs call that. It fails if the cleaner has an outbox or
// has opened a batch.
//
// intend makes an intent. If the name is spoken for it returns nil, and the upload
// gets another name. unwanted is told of the intents of a batch that was rolled
// back: their files may go now, unless a row names them.
func (c *Cleaner) AttachOutbox(intend func(context.Context, Ref) (*Intent, error), unwanted func(context.Context, []*Intent) error) error {
	c.company.mu.Lock()
	defer c.company.mu.Unlock()
	switch {
	case intend == nil || unwanted == nil:
		return errors.New("filecleangen: AttachOutbox needs two functions")
	case c.intend != nil:
		return errors.New("filecleangen: the cleaner has an outbox")
	case c.company.clock > 0:
		return errors.New("filecleangen: the cleaner has opened batches without the outbox; attach it first")
	}
	c.intend, c.unwanted = intend, unwanted
	return nil
}

// Create opens a new file as [Batch.Create] does, for which the outbox alone is
// responsible: it goes when the time of its intent is over, unless a row has come to
// name it. Close it, without error, before a row does. Package outbox calls it.
func (c *Cleaner) Create(ctx context.Context, storage, name string) (*Upload, error) {
	if c.intend == nil {
		return nil, ErrOutbox
	}
	b := c.Begin()
	u, err := b.Create(ctx, storage, name)
	b.mu.Lock()
	b.state, b.uploads = ended, nil
	b.mu.Unlock()
	c.company.handOver(b, view{})
	return u, err
}

// Cleaner returns the cleaner that opened the batch.
func (b *Batch) Cleaner() *Cleaner { return b.cleaner }

// A Handover is what a batch leaves to an outbox.
type Handover struct {
	// Held are the files that rows may name from now on, without duplicates:
	// deletions of them that others promised are to be called off.
	Held []Ref

	// Perhaps are files that only writes held which may have hit no row: it is for
	// the database to say, after the commit, whether a row names them. Where a
	// deletion was promised, it is to be promised anew, so that it is decided then.
	Perhaps []Ref

	// Uploads are the intents of the files that were uploaded for this batch. They
	// are to be called off; where one is gone, so is the file.
	Uploads []*Intent

	// Released are the files to be deleted if, after the commit, no row names
	// them. They are not decided: the outbox may keep one. An upload that is one
	// of Perhaps is here, too. Derived files are not: they are released when their
	// file has gone.
	Released []*Result
}

// HandOver ends the batch by leaving what it promised to an outbox: write puts
// it into the transaction, and then commit, which may be nil if the caller
// commits later, commits. Nothing is deleted here. The report has the files that
// policy keeps, and as [Pending] those that were handed over.
//
// If write returns an error, it is returned, and commit is not called; so are
// the errors that [Batch.CommitWith] returns without calling commit. The
// transaction must be rolled back then. A later Rollback of the batch does
// nothing if write succeeded, and leaves uploads to their intents if it failed:
// nobody can tell what becomes of the transaction.
func (b *Batch) HandOver(ctx context.Context, write func(*Handover) error, commit func() error) (*Report, error) {
	if b.cleaner.intend == nil {
		return nil, ErrOutbox
	}
	if err := b.checkUploads(); err != nil {
		return nil, err
	}
	if err := b.checkGone(0); err != nil {
		return nil, err
	}
	v, files, h := b.handover()
	if err := write(h); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.handed = true
		return nil, err
	}
	for i := range files {
		if files[i].Status == "" {
			files[i].Status = Pending
		}
	}
	return b.handedOver(ctx, v, files, commit)
}

// handedOver ends a batch whose promises are in the transaction.
func (b *Batch) handedOver(ctx context.Context, v view, files []Result, commit func() error) (*Report, error) {
	c := b.cleaner
	c.company.closing(b)
	b.end()
	r, err := &Report{Outcome: HandedOver, Files: files}, error(nil)
	if commit != nil {
		r.Outcome, r.Err = Unknown, errors.New("commit panicked")
	}
	defer func() {
		c.company.handOver(b, v)
		c.finish(context.WithoutCancel(ctx), r)
	}()
	if commit != nil {
		if err = commit(); err == nil {
			r.Outcome = Committed
		}
		r.Err = err
	}
	return r, err
}

// handover judges the log as far as a batch can without the database.
func (b *Batch) handover() (view, []Result, *Handover) {
	b.mu.Lock()
	h := &Handover{}
	var uploads []Ref
	for _, u := range b.uploads {
		if u.file != nil {
			uploads = append(uploads, u.ref)
			h.Uploads = append(h.Uploads, u.intent)
		}
	}
	v := b.log.view(uploads...)
	h.Held, h.Perhaps = b.log.held(&v, b.lost != nil)
	b.mu.Unlock()

	files := slices.Clone(v.released)
	for _, ref := range uploads {
		if said := v.of(ref); !said.released && (!said.held || said.state == idle) {
			files = append(files, Result{Ref: ref, Reason: Unused})
		}
	}
	b.cleaner.keepForOutbox(b, &v, files)
	for i := range files {
		if f := &files[i]; f.Status == "" && f.DerivedFrom == "" {
			h.Released = append(h.Released, f)
		}
	}
	return v, files, h
}

// discardToOutbox leaves the uploads of a batch that was rolled back to the outbox:
// another transaction may have come to name one. After a failed attempt to write to
// the outbox it is told nothing, since the transaction may be committed all the same.
func (c *Cleaner) discardToOutbox(ctx context.Context, b *Batch, files []Result) *Report {
	var err error
	if len(files) > 0 && !b.handed {
		intents := make([]*Intent, len(files))
		for i, u := range b.uploads {
			intents[i] = u.intent
		}
		err = guard(func() error { return c.unwanted(ctx, intents) })
	}
	for i := range files {
		if b.handed || err != nil {
			files[i].keep(LeftToOutbox, err)
		} else {
			files[i].Status = Pending
		}
	}
	c.company.handOver(b, view{})
	return c.finish(ctx, &Report{Outcome: RolledBack, Files: files})
}

// keepForOutbox keeps what must stay whatever the database says.
func (c *Cleaner) keepForOutbox(b *Batch, v *view, files []Result) {
	for i := range files {
		f := &files[i]
		said := v.of(f.Ref)
		switch {
		case b.lost != nil:
			f.keep(LostTrack, b.lost)
		case said.held && said.state == standing:
			f.keep(StillNamed, nil)
		case !c.knows(said):
			f.keep(UnknownType, nil)
		case said.keep:
			f.keep(IsKept, nil)
		}
	}
	c.applyPolicy(files)
}

// held returns every ref that a record of the log may have left its row with, or
// that any record ever held; apart from the others, those that only writes held
// which may have hit no row.
func (l *log) held(v *view, ever bool) (held, perhaps []Ref) {
	var refs []Ref
	sure := map[Ref]bool{}
	l.each(0, func(s *saying) {
		if s.op != hold {
			return
		}
		if said := v.of(s.ref); said.released && !said.held && !ever {
			return
		}
		before, known := sure[s.ref]
		if !known {
			refs = append(refs, s.ref)
		}
		sure[s.ref] = before || s.state == standing
	})
	for _, ref := range refs {
		if sure[ref] {
			held = append(held, ref)
		} else {
			perhaps = append(perhaps, ref)
		}
	}
	return held, perhaps
}
