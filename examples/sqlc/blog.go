// Package blog writes articles whose structs and queries are sqlc's.
package blog

import (
	"context"
	"database/sql"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/examples/sqlc/store"
	"github.com/filecleangen/filecleangen/runtime"
)

//go:generate go tool sqlc generate
//go:generate go tool filecleangen ./...

// Tx is a transaction: sqlc's queries, with methods in front of those that write
// files.
type Tx struct {
	*store.Queries

	batch *runtime.Batch
}

// InTx runs f in a transaction. The files that rows no longer name are deleted after
// the commit.
func InTx(ctx context.Context, db *sql.DB, keeper runtime.Keeper, f func(*Tx) error) error {
	return sqlclean.InTx(ctx, db, keeper, func(tx *sql.Tx, batch *runtime.Batch) error {
		return f(&Tx{store.New(tx), batch})
	})
}

// CreateArticle inserts a row, and returns it.
func (tx *Tx) CreateArticle(ctx context.Context, p store.CreateArticleParams) (store.Article, error) {
	a := store.Article{Cover: p.Cover}
	err := tx.batch.Exec(a.AfterCreate, func() (_ int64, err error) {
		a, err = tx.Queries.CreateArticle(ctx, p) // sets the key, too
		return 1, err
	})
	return a, err
}

// SetCover gives an article another cover.
func (tx *Tx) SetCover(ctx context.Context, p store.SetCoverParams) error {
	a, err := tx.GetArticle(ctx, p.ID)
	if err != nil {
		return err
	}
	old := a.FileSnapshot() // what the row names now
	a.Cover = p.Cover
	return tx.batch.Exec(
		func(b *runtime.Batch) { a.BeforeUpdate(b, old) },
		func() (int64, error) { return tx.Queries.SetCover(ctx, p) })
}

// DeleteArticle deletes a row, and returns what it was.
func (tx *Tx) DeleteArticle(ctx context.Context, id int64) (store.Article, error) {
	a, err := tx.Queries.DeleteArticle(ctx, id)
	if err == nil {
		a.AfterDelete(tx.batch, a.FileSnapshot()) // what the row named is known only now
	}
	return a, err
}
