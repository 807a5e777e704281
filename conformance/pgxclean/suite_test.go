// Package pgxclean_test runs the conformance suite on pgx.
package pgxclean_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/filecleangen/filecleangen/adapters/pgxclean"
	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestSuiteInMemory(t *testing.T) {
	run(t, func(w *suite.World) runtime.Keeper { return w.NewCleaner() })
}

func TestSuiteWithOutbox(t *testing.T) {
	run(t, func(w *suite.World) runtime.Keeper { return w.NewOutbox(w.NewCleaner()) })
}

func run(t *testing.T, keeper func(w *suite.World) runtime.Keeper) {
	t.Helper()
	suite.Run(t, suite.Adapter{Dialects: []references.Dialect{references.PostgreSQL}, Open: func(w *suite.World) suite.Layer {
		pool, err := pgxpool.New(w.T.Context(), w.DSN)
		w.Must(err)
		w.T.Cleanup(pool.Close)
		return &layer{pool: pool, keeper: keeper(w)}
	}})
}

// layer is pgx.
type layer struct {
	pool   *pgxpool.Pool
	keeper runtime.Keeper
}

func (l *layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.keeper, uploads)
	defer discard()
	if err != nil {
		return err
	}
	return pgxclean.InTx(ctx, l.pool, l.keeper, func(tx pgx.Tx, b *runtime.Batch) error {
		return f(statements(ctx, tx, b), names)
	})
}

func statements(ctx context.Context, tx pgx.Tx, b *runtime.Batch) suite.Tx {
	return &suite.SQL{
		Dialect: references.PostgreSQL,
		Query: func(query string, args ...any) (suite.Rows, error) {
			return tx.Query(ctx, query, args...) //nolint:sqlclosecheck // they are read to their end
		},
		Exec: func(hook func(*runtime.Batch), query string, args ...any) error {
			return pgxclean.Exec(ctx, tx, b, hook, query, args...)
		},
		Savepoint: func(f func() error) error {
			outer := tx
			defer func() { tx = outer }()
			return pgxclean.InSavepoint(ctx, outer, b, func(inner pgx.Tx) error {
				tx = inner
				return f()
			})
		},
	}
}
