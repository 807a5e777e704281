package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/filecleangen/filecleangen/storage"
)

var (
	// ErrEnded is returned by methods of a batch that was committed or rolled
	// back before.
	ErrEnded = errors.New("filecleangen: the batch has ended")

	// ErrSavepoint is returned by [Batch.RollbackTo] for a savepoint that does
	// not exist (any more).
	ErrSavepoint = errors.New("filecleangen: no such savepoint")

	// ErrGone is wrapped by the errors of [Batch.Exec] and [Batch.CommitWith]
	// where a record names a file that another batch let go of and deleted since
	// this one began. The row would name a file that is gone: roll back, and
	// begin anew with what the rows say now.
	ErrGone = errors.New("filecleangen: file is gone")
)

// A Batch is what one database transaction does to files: a log of refs that
// records hold and release, and of files uploaded for them. Nothing is deleted
// before [Batch.CommitWith] has seen the transaction commit; then the log is
// judged as a whole.
//
// Open one per transaction with [Cleaner.Begin] and end it with CommitWith or
// [Batch.Rollback]. Like the transaction it stands for, a batch is meant for
// one goroutine at a time; different batches of a cleaner are independent.
type Batch struct {
	cleaner *Cleaner
	opened  uint64 // the cleaner's clock when the batch began
	closed  uint64 // and when its commit did

	mu      sync.Mutex // other batches read the log while they are judged
	state   batchState
	log     log
	points  []point // savepoints that exist
	saved   int     // savepoints so far
	uploads []*Upload

	writes  int        // calls of hooks so far
	writing *execution // the innermost that is running, or nil
	locked  bool       // whether Locked is running

	lost   error // why the log can't be trusted any more, or nil
	undone bool  // rolled back: no row names what it held
	handed bool  // an outbox failed to take what it promised

	recordBuf [2]record // where small logs live
	entryBuf  [8]entry
}

type batchState uint8

const (
	open       batchState = iota
	committing            // the outcome is unknown from here on
	ended
)

// Begin opens a batch. Open it before the transaction, and defer its Rollback
// at once:
//
//	b := cleaner.Begin()
//	defer b.Rollback()
//	tx, err := db.BeginTx(ctx, nil)
//	if err != nil {
//		return err
//	}
//	defer tx.Rollback()
//
// A batch that is never ended makes its cleaner keep every file that it
// mentions.
func (c *Cleaner) Begin() *Batch {
	b := &Batch{cleaner: c}
	b.log.records, b.log.entries = b.recordBuf[:0], b.entryBuf[:0]
	c.company.join(b)
	return b
}

// Created starts the log of a record that was inserted. The type must not be
// nil.
func (b *Batch) Created(t *Type, key Key) Record { return b.record(t, key, Updated) }

// Updated starts the log of a record that was written anew.
func (b *Batch) Updated(t *Type, key Key) Record { return b.record(t, key, Updated) }

// Deleted starts the log of a record that was deleted.
func (b *Batch) Deleted(t *Type, key Key) Record { return b.record(t, key, Deleted) }

func (b *Batch) record(t *Type, key Key, why Reason) Record {
	b.mu.Lock()
	if b.state == ended {
		b.mu.Unlock()
		b.cleaner.log(context.Background(), slog.LevelError, "filecleangen: a batch was written to after its end; what was written is ignored, files may stay behind",
			slog.String("type", t.Name))
		return Record{}
	}
	defer b.mu.Unlock()
	if t == nil {
		panic("filecleangen: a record without a type")
	}
	first := len(b.log.entries)
	r := record{typ: t, key: key, reason: why, since: len(b.log.records), first: first, locked: b.locked}
	if b.writing != nil {
		r.write, r.since, r.state = b.writing.write, b.writing.since, idle
	}
	b.log.records = append(b.log.records, r)
	return Record{batch: b, typ: t, first: first, exact: !b.cleaner.hasNames && !b.locked}
}

// Locked runs hook, and says of the records that it logs: what they are told as old
// was read in this transaction, and their rows have been locked since (FOR UPDATE).
// Then a name that was there before and stays need not be told to an outbox, and
// transactions that write rows which share a file don't wait for each other:
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

// CommitWith commits the transaction by calling commit, usually tx.Commit, and
// then deletes the files that the transaction let go of. The report says of
// each what became of it.
//
// The error is commit's: nothing that happens to a file makes a commit fail.
// If commit returns an error or panics, nobody knows what the database did:
// nothing is deleted, not even uploads, the report says so, and a later
// Rollback does nothing.
//
// A statement that is its own transaction is committed when it has run: run it
// in commit, with a batch of its own.
//
//	batch.CommitWith(ctx, func() error { return batch.Exec(hook, write) })
//
// Without calling commit it returns [ErrEnded] if the batch has ended, [ErrOutbox]
// if the cleaner has an outbox, [ErrUpload] if a record names an upload that was
// not closed without error, and [ErrGone] if one names a file that another batch
// has deleted meanwhile. The transaction is then still open.
//
// Deletions don't stop when ctx is cancelled: the rows are gone, and so must
// the files be. They have a deadline of their own, see [WithTimeout]. The values
// of ctx reach observers and references.
func (b *Batch) CommitWith(ctx context.Context, commit func() error) (*Report, error) {
	ctx = context.WithoutCancel(ctx)
	if err := b.startCommit(); err != nil {
		return nil, err
	}
	err := errors.New("commit panicked")
	var report *Report
	func() {
		defer func() {
			// Runs on a panic too, which then goes on to the caller.
			if err != nil {
				report = b.cleaner.abandon(ctx, b, err)
			}
		}()
		err = commit()
	}()
	if err != nil {
		return report, err
	}
	return b.cleaner.judge(ctx, b), nil
}

func (b *Batch) startCommit() error {
	if b.cleaner.intents != nil {
		return ErrOutbox
	}
	if err := b.checkUploads(); err != nil {
		return err
	}
	if err := b.checkGone(0); err != nil {
		return fmt.Errorf("%w; the transaction was not committed", err)
	}
	b.cleaner.company.closing(b)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = committing
	return nil
}

// checkUploads returns an error if a record names an upload that is not
// complete.
func (b *Batch) checkUploads() error {
	incomplete := b.cleaner.company.incomplete()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != open {
		return ErrEnded
	}
	for _, u := range b.uploads {
		if !u.complete {
			incomplete = append(incomplete, u.ref)
		}
	}
	for _, ref := range incomplete {
		if b.holds(ref) {
			return fmt.Errorf("%w: a record names %s, which was not closed, or not without error; the transaction was not committed", ErrUpload, ref)
		}
	}
	return nil
}

// checkGone returns an error if what was logged from record since on names a
// file that another batch has deleted since this one began, or is deleting.
func (b *Batch) checkGone(since int) error {
	going, gone := b.cleaner.company.meet(b, since)
	for _, ref := range gone {
		// It may have been made anew.
		if err := guard(func() error { _, err := storage.Lstat(b.cleaner.storages[ref.Storage].fs, ref.Name); return err }); err != nil {
			going = append(going, ref)
		}
	}
	if len(going) > 0 {
		return fmt.Errorf("%w: a record names %s, which another batch let go of and deleted since this one began", ErrGone, going[0])
	}
	return nil
}

// holds reports whether a record holds the ref at the end.
func (b *Batch) holds(ref Ref) bool {
	v := b.log.view(ref)
	said := v.of(ref)
	return said.held && said.state == standing
}

// Rollback ends the batch because its transaction was rolled back: it removes
// the uploads and nothing else. After CommitWith it does nothing and returns
// nil, whatever the outcome was, so that it can be deferred. With an outbox it
// tells that by a short transaction, and a relay removes them: call it when the
// transaction has been rolled back, as it waits for the lock, on SQLite.
//
// A transaction that was committed past CommitWith must not be followed by a
// Rollback: the rows may name the uploads that it removes.
func (b *Batch) Rollback() *Report {
	b.mu.Lock()
	was := b.state
	if was == open {
		b.state, b.undone = ended, true
	}
	b.mu.Unlock()
	if was != open {
		return nil
	}
	return b.cleaner.discard(context.Background(), b)
}
