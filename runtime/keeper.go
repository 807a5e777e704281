package runtime

import (
	"context"
	"database/sql"
	"errors"
)

// A Keeper keeps what transactions promise to delete until it is known that they were
// committed. There are two: a [Cleaner], in memory, and an outbox.Outbox, in the user's
// database. Adapters take either:
//
//	up, err := keeper.Create(ctx, "media", "covers/new.png") // before the transaction
//	defer up.Discard()
//	…
//	b := keeper.Begin()
//	defer b.Rollback()
//	tx, err := db.BeginTx(ctx, nil)
//	…
//	report, err := keeper.Commit(ctx, b, tx, tx.Commit)
type Keeper interface {
	// Create opens a new file for a row to name, before the transaction that names it
	// begins. See [Cleaner.Create].
	Create(ctx context.Context, storage, name string) (*Upload, error)
	// Begin opens a batch, before its transaction. See [Cleaner.Begin].
	Begin() *Batch
	// Commit commits a transaction, and its batch, by calling commit. See
	// [Cleaner.Commit].
	Commit(ctx context.Context, b *Batch, tx Tx, commit func() error) (*Report, error)
	// Types returns the record types that the keeper was told of.
	Types() []*Type
	// References returns what is asked before a file goes; nil if nothing is, see
	// [Unchecked].
	References() References
}

// A Tx is a transaction in which an outbox can write: an *sql.Tx, an *sql.Conn or *sql.DB
// in a transaction, or pgx by the adapter pgxclean.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Commit commits the transaction by calling commit, usually tx.Commit, and then deletes
// the files that it let go of and that no row names. The report says of each what became
// of it. In memory, tx is not used.
//
// The error is commit's: nothing that happens to a file makes a commit fail. If commit
// returns an error or panics, nobody knows what the database did, or may yet do: nothing
// is deleted, the report says so, and a later Rollback does nothing.
//
// A statement that is its own transaction is committed when it has run: run it in commit,
// with a batch of its own.
//
//	cleaner.Commit(ctx, b, db, func() error { return b.Exec(hook, write) })
//
// Without calling commit it returns [ErrEnded] if the batch has ended, [ErrUpload] if a
// record names an upload that was not closed without error, and [ErrGone] if one names a
// file that another batch has deleted meanwhile. The transaction is then still open.
//
// Deletions don't stop when ctx is cancelled: the rows are gone, and so must the files
// be. They have a deadline of their own, see [WithTimeout]. The values of ctx reach
// observers and references.
func (c *Cleaner) Commit(ctx context.Context, b *Batch, tx Tx, commit func() error) (*Report, error) {
	if err := b.ready(c); err != nil {
		return nil, err
	}
	if c.outbox != nil {
		return c.leaveToOutbox(ctx, b, tx, commit)
	}
	if commit == nil {
		return nil, errors.New("filecleangen: Commit needs the function that commits")
	}
	b.setState(committing)
	ctx = context.WithoutCancel(ctx)
	err := errors.New("commit panicked")
	var report *Report
	func() {
		defer func() {
			// Runs on a panic too, which then goes on to the caller.
			if err != nil {
				report = c.abandon(ctx, b, err)
			}
		}()
		err = commit()
	}()
	if err != nil {
		return report, err
	}
	return c.conclude(ctx, b), nil
}

func (b *Batch) setState(s batchState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = s
}
