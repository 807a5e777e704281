package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/filecleangen/filecleangen/runtime/internal/guard"
	"github.com/filecleangen/filecleangen/runtime/internal/journal"
	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

var (
	// ErrEnded is returned by methods of a batch that was committed or rolled back
	// before, and for one of another keeper.
	ErrEnded = errors.New("filecleangen: the batch has ended")

	// ErrSavepoint is returned by [Batch.RollbackTo] for a savepoint that does not exist
	// (any more).
	ErrSavepoint = errors.New("filecleangen: no such savepoint")

	// ErrGone is wrapped by the errors of [Batch.Exec] and [Keeper.Commit] where a record
	// names a file that another batch let go of and that was deleted since this one
	// began. The row would name a file that is gone: roll back, and begin anew with what
	// the rows say now.
	ErrGone = errors.New("filecleangen: file is gone")
)

// A Batch is what one database transaction does to files: a journal of refs that records
// hold and release. Nothing is deleted before [Keeper.Commit] has seen the transaction
// commit.
//
// Open one per transaction with [Keeper.Begin], and end it with Commit or
// [Batch.Rollback]. Like the transaction it stands for, a batch is meant for one
// goroutine at a time; different batches are independent.
type Batch struct {
	cleaner *Cleaner
	id      registry.ID

	mu      sync.Mutex // others look into the journal
	state   batchState
	journal journal.Journal[owner, source]
	points  []point // savepoints that exist
	saved   int     // savepoints so far
	floor   int     // how short the journal was cut since the write that runs began

	hooking bool  // whether the hook of Exec is running
	locked  bool  // whether Locked is running
	lost    error // why the journal does not say what the transaction did, or nil
}

type batchState uint8

const (
	open       batchState = iota
	committing            // the outcome is unknown from here on
	ended
)

// Begin opens a batch. Open it before the transaction, and defer its Rollback at once:
//
//	b := cleaner.Begin()
//	defer b.Rollback()
//	tx, err := db.BeginTx(ctx, nil)
//	if err != nil {
//		return err
//	}
//	defer tx.Rollback()
//
// A batch that is never ended makes its cleaner keep every file that it mentions.
func (c *Cleaner) Begin() *Batch {
	b := &Batch{cleaner: c}
	b.id = c.registry.Open(b.lookUp)
	return b
}

// lookUp is a registry.Lookup.
func (b *Batch) lookUp(refs, found registry.Refs) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.Each(0, func(m *journal.Mention[source]) {
		if _, ok := refs[m.Ref]; ok {
			found[m.Ref] = struct{}{}
		}
	})
}

// Locked runs hook, and says of the records that it logs: what they are told as old was
// read in this transaction, and their rows have been locked since (FOR UPDATE). Then a
// name that was there before and stays need not be told to an outbox, and transactions
// that write rows which share a file don't wait for each other:
//
//	b.Locked(func(b *runtime.Batch) { article.BeforeUpdate(b, old) })
//
// If that is not so, a file may be deleted that the row goes on naming. In memory it
// changes nothing.
func (b *Batch) Locked(hook func(*Batch)) {
	b.mu.Lock()
	before := b.locked
	b.locked = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.locked = before
	}()
	hook(b)
}

// Rollback ends the batch because its transaction was, or will be, rolled back: what it
// let go of stays. After a commit it does nothing, whatever the outcome was, so that it
// can be deferred. Files that were uploaded for the transaction go with
// [Upload.Discard].
func (b *Batch) Rollback() {
	b.mu.Lock()
	was := b.state
	if was == open {
		b.state = ended
	}
	b.mu.Unlock()
	if was != open {
		return
	}
	c := b.cleaner
	c.registry.Close(b.id)
	c.discardWaiting()
	c.finish(context.Background(), &Report{Outcome: RolledBack})
}

// ready returns why a batch can't be committed, or nil.
func (b *Batch) ready(c *Cleaner) error {
	if b.cleaner != c {
		return fmt.Errorf("%w, or was begun by another keeper", ErrEnded)
	}
	if err := b.checkUploads(); err != nil {
		return err
	}
	if err := b.checkGone(0); err != nil {
		return fmt.Errorf("%w; the transaction was not committed", err)
	}
	return nil
}

// checkUploads returns an error if a record names an upload that is not complete.
func (b *Batch) checkUploads() error {
	writing := registry.Refs{}
	b.cleaner.registry.Writing(func(ref Ref) { writing[ref] = struct{}{} })
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != open {
		return ErrEnded
	}
	if len(writing) == 0 {
		return nil
	}
	var named []Ref
	b.journal.Held(func(ref Ref, _ bool) {
		if _, ok := writing[ref]; ok {
			named = append(named, ref)
		}
	})
	for _, ref := range named {
		return fmt.Errorf("%w: a record names %s, which was not closed, or not without error; the transaction was not committed", ErrUpload, ref)
	}
	return nil
}

// checkGone returns an error if what was logged from a record on names a file that was
// deleted since the batch began, or is being deleted.
func (b *Batch) checkGone(from int) error {
	r := b.cleaner.registry
	if !r.Watched() {
		return nil
	}
	going, gone := r.Mention(b.id, func(mention func(Ref, bool)) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.journal.Each(from, func(m *journal.Mention[source]) {
			mention(m.Ref, m.Op == journal.Hold && m.DerivedFrom == "")
		})
	})
	for _, ref := range gone {
		// It may have been made anew.
		if err := guard.Call(func() error { _, err := storage.Lstat(b.cleaner.storages[ref.Storage].fs, ref.Name); return err }); err != nil {
			going = append(going, ref)
		}
	}
	if len(going) > 0 {
		return fmt.Errorf("%w: a record names %s, which another batch let go of and deleted since this one began", ErrGone, going[0])
	}
	return nil
}
