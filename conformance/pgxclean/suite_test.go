// Package pgxclean_test runs the conformance suite on pgx.
package pgxclean_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/filecleangen/filecleangen/adapters/pgxclean"
	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestSuite(t *testing.T) {
	suite.Run(t, suite.Adapter{Dialects: []references.Dialect{references.PostgreSQL}, Open: func(w *suite.World) suite.Layer {
		pool, err := pgxpool.New(w.T.Context(), w.DSN)
		w.Must(err)
		w.T.Cleanup(pool.Close)
		return &layer{pool: pool, box: w.NewOutbox(w.NewCleaner())}
	}})
}

// layer is pgx.
type layer struct {
	pool *pgxpool.Pool
	box  *outbox.Outbox
}

func (l *layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	b := l.box.Begin()
	defer b.Rollback()
	names, err := suite.Upload(ctx, b.Create, uploads)
	if err != nil {
		return err
	}
	tx, err := l.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := f(&suite.SQL{
		Dialect: references.PostgreSQL,
		Query: func(query string, args ...any) (suite.Rows, error) {
			return tx.Query(ctx, query, args...) //nolint:sqlclosecheck // they are read to their end
		},
		Exec: func(hook func(*runtime.Batch), query string, args ...any) error {
			return b.Exec(hook, func() (int64, error) { return pgxclean.Rows(tx.Exec(ctx, query, args...)) })
		},
		Savepoint: func(f func() error) error { return inSavepoint(ctx, tx, b, f) },
	}, names); err != nil {
		return err
	}
	_, err = pgxclean.Commit(ctx, l.box, b, tx)
	return err
}

// inSavepoint runs f in a savepoint of the transaction and its batch.
func inSavepoint(ctx context.Context, tx pgx.Tx, b *runtime.Batch, f func() error) error {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	s := b.Savepoint()
	released := false
	defer func() {
		if !released && inner.Rollback(ctx) == nil {
			_ = b.RollbackTo(s)
		}
	}()
	if err := f(); err != nil {
		return err
	}
	err = inner.Commit(ctx)
	released = err == nil
	return err
}
