package runtime

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// ErrOutbox is returned by [Batch.CommitWith] where the cleaner has an outbox,
// and by [Batch.HandOver] where it has none: with an outbox, batches are committed
// by the outbox.
var ErrOutbox = errors.New("filecleangen: batches are committed by the outbox if the cleaner has one, and not otherwise")

// An Intent is what an outbox has noted of an upload, durably, before its file is
// there: the file goes unless a row comes to name it.
type Intent struct {
	Ref   Ref
	ID    string    // tells it from others for the same file, before and after it
	Until time.Time // when it is over, by this process's clock: the file must not be made any more

	Complete bool // whether the file is, when it is discarded
}

// Intents are how uploads are noted in an outbox. Each function returns when what it
// notes is committed.
type Intents struct {
	// Note notes an upload that begins. If the name is spoken for it returns nil, and
	// the upload gets another one.
	Note func(context.Context, Ref) (*Intent, error)
	// Complete notes that the file is complete, so that rows may name it. It is an
	// error if its time was over before.
	Complete func(context.Context, *Intent) error
	// Cancel takes back an intent whose file was not made, because there was one.
	Cancel func(context.Context, *Intent) error
	// Discard notes that files are not wanted any more: they go now, unless rows name
	// them.
	Discard func(context.Context, []*Intent) error
}

// AttachOutbox makes all batches of the cleaner leave their promises to an
// outbox, a table in the user's database, instead of keeping them themselves:
// they are ended by [Batch.HandOver] or [Batch.Rollback], each upload is noted
// before its file is made, and files are deleted by [Cleaner.Delete]. Package
// outbox calls it; programs call that. It fails if the cleaner has an outbox or
// has opened a batch.
func (c *Cleaner) AttachOutbox(in Intents) error {
	c.company.mu.Lock()
	defer c.company.mu.Unlock()
	switch {
	case in.Note == nil || in.Complete == nil || in.Cancel == nil || in.Discard == nil:
		return errors.New("filecleangen: AttachOutbox needs all functions")
	case c.intents != nil:
		return errors.New("filecleangen: the cleaner has an outbox")
	case c.company.clock > 0:
		return errors.New("filecleangen: the cleaner has opened batches without the outbox; attach it first")
	}
	c.intents = &in
	return nil
}

// Cleaner returns the cleaner that opened the batch.
func (b *Batch) Cleaner() *Cleaner { return b.cleaner }

// A Handover is what a batch leaves to an outbox. A file may be in both lists: then
// memory does not know whether a row names it at the end.
type Handover struct {
	// Takes are the files that rows may come to name by the transaction, without
	// duplicates. Deletions of them that others promised are to be decided after it.
	Takes []Ref

	// Releases are the files that go if, after the commit, no row names them. They
	// are not decided: the outbox may keep one. Derived files are not among them: they
	// are released when their file has gone.
	Releases []*Result

	// Uploads reports whether files were uploaded for this batch.
	Uploads bool
}

// HandOver ends the batch by leaving what it promised to an outbox: write puts
// it into the transaction, and then commit, which may be nil if the caller
// commits later, commits. Nothing is deleted here. The report has the files that
// policy keeps, and as [Pending] those that were handed over.
//
// If write returns an error, it is returned, and commit is not called; so are
// the errors that [Batch.CommitWith] returns without calling commit. The
// transaction must be rolled back then. A later Rollback of the batch does
// nothing if write succeeded, and leaves uploads to their time if it failed:
// nobody can tell what becomes of the transaction.
func (b *Batch) HandOver(ctx context.Context, write func(*Handover) error, commit func() error) (*Report, error) {
	if b.cleaner.intents == nil {
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
			c.company.take(b, v)
			c.discardUnused(context.WithoutCancel(ctx), b, files)
		}
		r.Err = err
	}
	return r, err
}

// discardUnused has uploads go now that a batch was committed without: their time may
// be long.
func (c *Cleaner) discardUnused(ctx context.Context, b *Batch, files []Result) {
	unused := map[Ref]struct{}{}
	for _, f := range files {
		if f.Reason == Unused {
			unused[f.Ref] = struct{}{}
		}
	}
	var intents []*Intent
	for _, u := range b.uploads {
		if _, ok := unused[u.ref]; ok && u.intent != nil {
			u.intent.Complete = u.complete
			intents = append(intents, u.intent)
		}
	}
	if len(intents) == 0 {
		return
	}
	if err := guard(func() error { return c.intents.Discard(ctx, intents) }); err != nil {
		c.log(ctx, slog.LevelWarn, "filecleangen: uploads that no record names could not be discarded; they go when their time is over", slog.Any("error", err))
	}
}

// handover says what the log has of takes and releases. What memory can't decide is
// both.
func (b *Batch) handover() (view, []Result, *Handover) {
	b.mu.Lock()
	h := &Handover{}
	var uploads []Ref
	for _, u := range b.uploads {
		if u.file == nil {
			continue
		}
		h.Uploads = true
		if u.complete { // or nothing can take it, and its time will come
			uploads = append(uploads, u.ref)
		}
	}
	v := b.log.view(uploads...)
	taken := b.log.takes(b.cleaner.defaults)
	b.mu.Unlock()

	files := slices.Clone(v.released)
	for _, ref := range uploads {
		if said := v.of(ref); !said.released && (!said.held || said.state == idle) {
			files = append(files, Result{Ref: ref, Reason: Unused})
		}
	}
	h.Takes = taken
	b.cleaner.keepForOutbox(&v, files)
	for i := range files {
		if f := &files[i]; f.Status == "" && f.DerivedFrom == "" {
			h.Releases = append(h.Releases, f)
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
			u.intent.Complete = u.complete
			intents[i] = u.intent
		}
		err = guard(func() error { return c.intents.Discard(ctx, intents) })
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
func (c *Cleaner) keepForOutbox(v *view, files []Result) {
	for i := range files {
		f := &files[i]
		said := v.of(f.Ref)
		switch {
		case !c.knows(said):
			f.keep(UnknownType, nil)
		case said.keep:
			f.keep(IsKept, nil)
		}
	}
	c.applyPolicy(files)
}

// takes returns every ref that a record of the log holds, but for defaults, which
// nobody deletes, and for what a row that is locked named before.
func (l *log) takes(defaults map[Ref]struct{}) (refs []Ref) {
	taken := map[Ref]struct{}{}
	unchanged := map[Ref]struct{}{}
	record := -1
	l.each(0, func(s *saying) {
		if s.op != hold {
			return
		}
		if s.by != record {
			record = s.by
			l.unchanged(record, unchanged)
		}
		if _, ok := taken[s.ref]; ok {
			return
		}
		if _, ok := unchanged[Ref{Storage: s.ref.Storage, Name: cmp.Or(s.of, s.ref.Name)}]; ok {
			return
		}
		if _, ok := defaults[s.ref]; !ok {
			taken[s.ref] = struct{}{}
			refs = append(refs, s.ref)
		}
	})
	return refs
}

// unchanged sets refs to those that record i holds, and that its row named before,
// if that was read from a locked row.
func (l *log) unchanged(i int, refs map[Ref]struct{}) {
	clear(refs)
	r := &l.records[i]
	if !r.locked {
		return
	}
	for _, e := range l.entriesOf(i) {
		if e.op == release {
			refs[r.ref(e)] = struct{}{}
		}
	}
}
