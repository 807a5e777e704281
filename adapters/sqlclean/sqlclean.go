package sqlclean

import (
	"context"
	"database/sql"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// A Beginner begins transactions, as *sql.DB and *sql.Conn do, and *sqlx.DB.
type Beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// A Keeper keeps what transactions promise: an outbox, in the database; or a
// cleaner without one, in memory.
type Keeper interface {
	*outbox.Outbox | *runtime.Cleaner
}

// InTx runs f in a transaction and its batch. If f returns nil the transaction is
// committed: the files that its writes let go of go, by the relay of an outbox or,
// from memory, before InTx returns. If f returns an error or panics, the transaction
// is rolled back: the files that f uploaded go, and no others.
//
// f must not commit or roll back tx, nor use it when it has returned. It may be
// called again with a new transaction, by the caller, if the database refused
// because of another transaction (SQLITE_BUSY, a deadlock, a serialization failure):
// nothing of the first time is left.
//
// The errors are those of f, of BeginTx, of [runtime.Batch.CommitWith] and
// [outbox.Outbox.Commit], as they are. An error of COMMIT itself means that nobody
// knows what the database did: nothing is deleted then.
func InTx[K Keeper](ctx context.Context, db Beginner, keeper K, f func(tx *sql.Tx, b *runtime.Batch) error) error {
	return InTxWith(ctx, db, nil, keeper, f)
}

// InTxWith is InTx with options for the transaction.
func InTxWith[K Keeper](ctx context.Context, db Beginner, options *sql.TxOptions, keeper K, f func(tx *sql.Tx, b *runtime.Batch) error) error {
	b := begin(keeper)
	return EndInTx(ctx, db, options, keeper, b, func(tx *sql.Tx) error { return f(tx, b) })
}

// EndInTx is InTx for a batch that was begun before, by the keeper: for uploads that
// are created before the transaction begins, as those to an outbox on SQLite must be.
// The batch is committed or rolled back when it returns.
//
//	b := box.Begin()
//	defer b.Rollback()
//	file, err := b.Create(ctx, "media", "covers/new.png")
//	…
//	err = sqlclean.EndInTx(ctx, db, nil, box, b, func(tx *sql.Tx) error { … })
func EndInTx[K Keeper](ctx context.Context, db Beginner, options *sql.TxOptions, keeper K, b *runtime.Batch, f func(tx *sql.Tx) error) error {
	defer b.Rollback() // after that of the transaction
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // COMMIT would fail, and its outcome be unknown
		return err
	}
	return commit(ctx, keeper, b, tx)
}

func begin[K Keeper](keeper K) *runtime.Batch {
	if box, ok := any(keeper).(*outbox.Outbox); ok {
		return box.Begin()
	}
	return any(keeper).(*runtime.Cleaner).Begin()
}

func commit[K Keeper](ctx context.Context, keeper K, b *runtime.Batch, tx *sql.Tx) (err error) {
	if box, ok := any(keeper).(*outbox.Outbox); ok {
		_, err = box.Commit(ctx, b, tx)
	} else {
		_, err = b.CommitWith(ctx, tx.Commit)
	}
	return err
}

// Exec runs a statement that writes the row of a record, and logs that with hook, a
// generated method. See [runtime.Batch.Exec] for what counts where fewer rows were
// hit than meant.
//
// An INSERT that makes the primary key can't use it: the hook must know the key. Call
// [runtime.Batch.Exec] there, with a function that sets it.
func Exec(ctx context.Context, tx *sql.Tx, b *runtime.Batch, hook func(*runtime.Batch), query string, args ...any) error {
	return b.Exec(hook, func() (int64, error) { return runtime.Rows(tx.ExecContext(ctx, query, args...)) })
}
