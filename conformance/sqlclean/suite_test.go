package sqlclean_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestSuiteInMemory(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer[*runtime.Cleaner]{w: w, keeper: w.NewCleaner()}
	}})
}

func TestSuiteWithOutbox(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer[*outbox.Outbox]{w: w, keeper: w.NewOutbox(w.NewCleaner())}
	}})
}

// layer is database/sql.
type layer[K interface {
	sqlclean.Keeper
	Begin() *runtime.Batch
}] struct {
	w      *suite.World
	keeper K
}

func (l layer[K]) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	if len(uploads) == 0 {
		return sqlclean.InTx(ctx, l.w.DB, l.keeper, func(tx *sql.Tx, b *runtime.Batch) error {
			return f(l.statements(ctx, tx, b), nil)
		})
	}
	b := l.keeper.Begin()
	names, err := suite.Upload(ctx, b.Create, uploads)
	if err != nil {
		b.Rollback()
		return err
	}
	return sqlclean.EndInTx(ctx, l.w.DB, nil, l.keeper, b, func(tx *sql.Tx) error {
		return f(l.statements(ctx, tx, b), names)
	})
}

func (l layer[K]) statements(ctx context.Context, tx *sql.Tx, b *runtime.Batch) suite.Tx {
	return &suite.SQL{
		Dialect: l.w.Dialect,
		Query: func(query string, args ...any) (suite.Rows, error) {
			return tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck // who reads them does
		},
		Exec: func(hook func(*runtime.Batch), query string, args ...any) error {
			return sqlclean.Exec(ctx, tx, b, hook, query, args...)
		},
		Savepoint: func(f func() error) error { return sqlclean.InSavepoint(ctx, tx, b, f) },
	}
}
