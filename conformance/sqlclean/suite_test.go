package sqlclean_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestSuiteInMemory(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer{w: w, keeper: w.NewCleaner()}
	}})
}

func TestSuiteUnchecked(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer{w: w, keeper: w.NewUncheckedCleaner()}
	}})
}

func TestSuiteWithOutbox(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer{w: w, keeper: w.NewOutbox(w.NewCleaner())}
	}})
}

// What a batch takes and releases is what the triggers have in the same transaction.
func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer{w: w, keeper: w.NewTriggers(w.NewCleaner())}
	}})
}

// layer is database/sql.
type layer struct {
	w      *suite.World
	keeper runtime.Keeper
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.keeper, uploads)
	defer discard()
	if err != nil {
		return err
	}
	return sqlclean.InTx(ctx, l.w.DB, l.keeper, func(tx *sql.Tx, b *runtime.Batch) error {
		return f(l.statements(ctx, tx, b), names)
	})
}

func (l layer) statements(ctx context.Context, tx *sql.Tx, b *runtime.Batch) suite.Tx {
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
