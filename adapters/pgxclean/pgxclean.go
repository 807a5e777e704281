package pgxclean

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/filecleangen/filecleangen/runtime"
)

// A Beginner begins transactions, as *pgxpool.Pool and *pgx.Conn do.
type Beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// An Option says more of a transaction to [InTx].
type Option func(*options)

type options struct {
	tx     pgx.TxOptions
	report func(*runtime.Report)
}

// WithTxOptions begins the transaction with these options.
func WithTxOptions(o pgx.TxOptions) Option { return func(all *options) { all.tx = o } }

// WithReport calls f with the report of the commit, also where its outcome is unknown:
// what became of each file, or that it was left to the outbox.
func WithReport(f func(*runtime.Report)) Option { return func(all *options) { all.report = f } }

// InTx runs f in a transaction and its batch. If f returns nil the transaction is
// committed: the files that its writes let go of go, by the relay of an outbox or, from
// memory, before InTx returns. If f returns an error or panics, the transaction is rolled
// back, and no file goes.
//
// f must not commit or roll back tx, nor use it when it has returned. It may be called
// again with a new transaction, by the caller, if the database refused because of another
// transaction (a deadlock, a serialization failure): nothing of the first time is left.
//
// The errors are those of f, of BeginTx and of [runtime.Keeper], as they are. An error of
// COMMIT itself means that nobody knows what the database did: nothing is deleted then.
func InTx(ctx context.Context, db Beginner, keeper runtime.Keeper, f func(tx pgx.Tx, b *runtime.Batch) error, more ...Option) error {
	var o options
	for _, option := range more {
		option(&o)
	}
	b := keeper.Begin()
	defer b.Rollback() // after that of the transaction
	tx, err := db.BeginTx(ctx, o.tx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := f(tx, b); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // COMMIT would fail, and its outcome be unknown
		return err
	}
	report, err := Commit(ctx, keeper, b, tx)
	if o.report != nil && report != nil {
		o.report(report)
	}
	return err
}

// Commit commits a transaction of pgx and its batch. It is Commit of [runtime.Keeper],
// with the same errors, for programs that don't use [InTx].
func Commit(ctx context.Context, keeper runtime.Keeper, b *runtime.Batch, tx pgx.Tx) (*runtime.Report, error) {
	handle, done := Tx(tx)
	defer done()
	return keeper.Commit(ctx, b, handle, func() error { return tx.Commit(ctx) })
}

// InSavepoint runs f in a savepoint of the transaction and its batch. If f returns an
// error or panics, what it wrote is rolled back, and what it logged is forgotten; the
// transaction goes on, if the caller does. It may be nested: f uses the inner
// transaction.
func InSavepoint(ctx context.Context, tx pgx.Tx, b *runtime.Batch, f func(inner pgx.Tx) error) error {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	s := b.Savepoint()
	released := false
	defer func() {
		if released {
			return
		}
		if inner.Rollback(context.WithoutCancel(ctx)) != nil {
			s = runtime.Savepoint{} // none: the batch has lost track
		}
		_ = b.RollbackTo(s)
	}()
	if err := f(inner); err != nil {
		return err
	}
	err = inner.Commit(ctx)
	released = err == nil
	return err
}

// Exec runs a statement that writes the row of a record, and logs that with hook, a
// generated method.
func Exec(ctx context.Context, tx pgx.Tx, b *runtime.Batch, hook func(*runtime.Batch), query string, args ...any) error {
	return b.Exec(hook, func() (int64, error) { return Rows(tx.Exec(ctx, query, args...)) })
}

// Returning is Exec for a statement that writes one row and says what it holds, by
// RETURNING, such as a key that the database makes: that is scanned into dest. If it
// returns no row the error is [pgx.ErrNoRows].
//
//	err := pgxclean.Returning(ctx, tx, b, article.AfterCreate,
//		"INSERT INTO article (title, cover) VALUES ($1, $2) RETURNING id", []any{article.Title, article.Cover}, &article.ID)
func Returning(ctx context.Context, tx pgx.Tx, b *runtime.Batch, hook func(*runtime.Batch), query string, args []any, dest ...any) error {
	return b.Exec(hook, func() (int64, error) { return 1, tx.QueryRow(ctx, query, args...).Scan(dest...) })
}

// Rows returns how many rows a statement changed, as [runtime.Batch.Exec] wants to know.
func Rows(tag pgconn.CommandTag, err error) (int64, error) {
	return tag.RowsAffected(), err
}
