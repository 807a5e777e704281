package sqlclean

import (
	"context"
	"database/sql"

	"github.com/filecleangen/filecleangen/runtime"
)

// A Beginner begins transactions, as *sql.DB and *sql.Conn do, and *sqlx.DB.
type Beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// An Option says more of a transaction to [InTx].
type Option func(*options)

type options struct {
	tx     *sql.TxOptions
	report func(*runtime.Report)
}

// WithTxOptions begins the transaction with these options.
func WithTxOptions(o *sql.TxOptions) Option { return func(all *options) { all.tx = o } }

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
// transaction (SQLITE_BUSY, a deadlock, a serialization failure): nothing of the first
// time is left, unless COMMIT itself was refused.
//
// The errors are those of f, of BeginTx and of [runtime.Keeper], as they are. An error of
// COMMIT itself means that nobody knows what the database did: nothing is deleted then.
func InTx(ctx context.Context, db Beginner, keeper runtime.Keeper, f func(tx *sql.Tx, b *runtime.Batch) error, more ...Option) error {
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
	defer tx.Rollback()
	if err := f(tx, b); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // COMMIT would fail, and its outcome be unknown
		return err
	}
	report, err := keeper.Commit(ctx, b, tx, tx.Commit)
	if o.report != nil && report != nil {
		o.report(report)
	}
	return err
}

// Exec runs a statement that writes the row of a record, and logs that with hook, a
// generated method.
func Exec(ctx context.Context, tx *sql.Tx, b *runtime.Batch, hook func(*runtime.Batch), query string, args ...any) error {
	return b.Exec(hook, func() (int64, error) { return runtime.Rows(tx.ExecContext(ctx, query, args...)) })
}

// An Integer is the type of a key that a database counts.
type Integer interface {
	~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64
}

// Insert is Exec for an INSERT whose key the database makes, and tells by LastInsertId,
// as SQLite and MySQL do: it is put into key.
//
//	err := sqlclean.Insert(ctx, tx, b, article.AfterCreate, &article.ID,
//		"INSERT INTO article (title, cover) VALUES (?, ?)", article.Title, article.Cover)
func Insert[K Integer](ctx context.Context, tx *sql.Tx, b *runtime.Batch, hook func(*runtime.Batch), key *K, query string, args ...any) error {
	return b.Exec(hook, func() (int64, error) {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		id, err := result.LastInsertId()
		if err != nil {
			return 0, err
		}
		*key = K(id)
		return result.RowsAffected()
	})
}

// Returning is Exec for a statement that writes one row and says what it holds, by
// RETURNING, as PostgreSQL, SQLite and MariaDB can: that is scanned into dest. If it
// returns no row the error is [sql.ErrNoRows].
//
//	err := sqlclean.Returning(ctx, tx, b, article.AfterCreate,
//		"INSERT INTO article (title, cover) VALUES ($1, $2) RETURNING id", []any{article.Title, article.Cover}, &article.ID)
func Returning(ctx context.Context, tx *sql.Tx, b *runtime.Batch, hook func(*runtime.Batch), query string, args []any, dest ...any) error {
	return b.Exec(hook, func() (int64, error) {
		err := tx.QueryRowContext(ctx, query, args...).Scan(dest...)
		return 1, err
	})
}
