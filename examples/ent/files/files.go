// Package files tracks the files of articles, with a hook of ent.
package files

import (
	"context"
	"errors"

	"github.com/filecleangen/filecleangen/examples/ent/doc"
	"github.com/filecleangen/filecleangen/examples/ent/ent"
	"github.com/filecleangen/filecleangen/examples/ent/ent/article"
	"github.com/filecleangen/filecleangen/examples/ent/ent/hook"
	"github.com/filecleangen/filecleangen/runtime"
)

type batchKey struct{}

// InTx runs f in a transaction and its batch, which travels in the context. The
// files that rows no longer name are deleted after the commit.
func InTx(ctx context.Context, client *ent.Client, keeper runtime.Keeper, f func(context.Context, *ent.Tx) error) error {
	b := keeper.Begin()
	defer b.Rollback() // after that of the transaction
	tx, err := client.Tx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(context.WithValue(ctx, batchKey{}, b), tx); err != nil {
		return err
	}
	_, err = keeper.Commit(ctx, b, tx, tx.Commit)
	return err
}

// Use tracks the articles that the client writes. Call it after all other hooks, so
// that this one sees what is written; those in the schema must not change a file.
func Use(client *ent.Client) { client.Article.Use(track) }

func track(next ent.Mutator) ent.Mutator {
	return hook.ArticleFunc(func(ctx context.Context, m *ent.ArticleMutation) (ent.Value, error) {
		b, _ := ctx.Value(batchKey{}).(*runtime.Batch)
		if b == nil {
			return nil, errors.New("an article is written outside of files.InTx, or without its context")
		}
		rows, err := load(ctx, m)
		if err != nil {
			return nil, err
		}
		olds := make([]ent.ArticleFiles, len(rows))
		for i, a := range rows {
			olds[i] = a.FileSnapshot()
			set(a, m)
		}
		log := func(b *runtime.Batch) {
			for i, a := range rows {
				switch {
				case m.Op().Is(ent.OpCreate):
					a.AfterCreate(b)
				case m.Op().Is(ent.OpUpdate | ent.OpUpdateOne):
					a.BeforeUpdate(b, olds[i])
				default:
					a.AfterDelete(b, olds[i])
				}
			}
		}
		var value ent.Value
		err = b.Exec(log, func() (int64, error) {
			if value, err = next.Mutate(ctx, m); err != nil {
				return 0, err
			}
			if n, ok := value.(int); ok { // Update, Delete, DeleteOne
				return int64(n), nil
			}
			return 1, nil
		})
		return value, err
	})
}

// load reads the rows that a mutation is about to write.
func load(ctx context.Context, m *ent.ArticleMutation) ([]*ent.Article, error) {
	if m.Op().Is(ent.OpCreate) {
		return []*ent.Article{{}}, nil
	}
	ids, err := m.IDs(ctx)
	if err != nil {
		return nil, err
	}
	m.Where(article.IDIn(ids...)) // not others that match by then
	return m.Client().Article.Query().Where(article.IDIn(ids...)).All(ctx)
}

// set does to the files of a row what the mutation will.
func set(a *ent.Article, m *ent.ArticleMutation) {
	if cover, ok := m.Cover(); ok {
		a.Cover = cover
	}
	if body, ok := m.Body(); ok {
		a.Body = body
	} else if m.BodyCleared() {
		a.Body = doc.Body{}
	}
}
