// Package pgx_test runs the conformance suite on pgx, with triggers.
package pgx_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{Dialects: []references.Dialect{references.PostgreSQL}, Open: func(w *suite.World) suite.Layer {
		return layer{open(w), w.NewTriggers(w.NewCleaner())}
	}})
}

func TestRecipe(t *testing.T) {
	suite.RunRecipe(t, func(w *suite.World, box *outbox.Outbox) suite.Recipe {
		return store{open(w), box}.SetCover
	}, references.PostgreSQL)
}

func open(w *suite.World) *pgxpool.Pool {
	w.T.Helper()
	pool, err := pgxpool.New(w.T.Context(), w.DSN)
	w.Must(err)
	w.T.Cleanup(pool.Close)
	return pool
}

// layer is pgx.
type layer struct {
	pool *pgxpool.Pool
	box  *outbox.Outbox
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.box, uploads)
	defer discard()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error { return f(statements(ctx, tx), names) })
}

func statements(ctx context.Context, tx pgx.Tx) suite.Tx {
	return &suite.Plain{
		Dialect: references.PostgreSQL,
		Query: func(query string, args ...any) (suite.Rows, error) {
			return tx.Query(ctx, query, args...) //nolint:sqlclosecheck // they are read to their end
		},
		Exec: func(query string, args ...any) error {
			_, err := tx.Exec(ctx, query, args...)
			return err
		},
		Savepoint: func(f func() error) error {
			outer := tx
			defer func() { tx = outer }()
			return pgx.BeginFunc(ctx, outer, func(inner pgx.Tx) error {
				tx = inner
				return f()
			})
		},
	}
}
