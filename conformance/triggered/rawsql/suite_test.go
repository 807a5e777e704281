// Package rawsql_test runs the conformance suite on database/sql, with triggers.
package rawsql_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer{w: w, box: w.NewTriggers(w.NewCleaner())}
	}})
}

func TestRecipe(t *testing.T) {
	suite.RunRecipe(t, func(w *suite.World, box *outbox.Outbox) suite.Recipe {
		return store{w.DB, box}.SetCover
	}, references.SQLite)
}

// layer is database/sql.
type layer struct {
	w   *suite.World
	box *outbox.Outbox
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.box, uploads)
	defer discard()
	if err != nil {
		return err
	}
	tx, err := l.w.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(l.statements(ctx, tx), names); err != nil {
		return err
	}
	return tx.Commit()
}

func (l layer) statements(ctx context.Context, tx *sql.Tx) suite.Tx {
	exec := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	return &suite.Plain{
		Dialect: l.w.Dialect,
		Query: func(query string, args ...any) (suite.Rows, error) {
			return tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck // who reads them does
		},
		Exec:      exec,
		Savepoint: suite.SavepointsBy(func(statement string) error { return exec(statement) }),
	}
}
