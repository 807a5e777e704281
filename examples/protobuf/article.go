// Package blog has articles whose bodies are protobuf messages.
package blog

import (
	"context"
	"database/sql"
	"slices"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/examples/protobuf/pb"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

//go:generate go tool -modfile=tools/go.mod buf generate
//go:generate go tool filecleangen

const schema = "CREATE TABLE article (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"

// Article is a row of the table article. Its body names files in the storage
// "media".
type Article struct {
	ID   int64
	Body *pb.Body `file:"media,default=covers/blank.png"`
}

// References returns who knows which files the articles name. The handle is used for
// nothing else.
func References(ctx context.Context, own *sql.DB) (*references.References, error) {
	return references.New(ctx, own, references.SQLite,
		references.Table(ArticleFileType, "article", references.Columns{"Body": {Form: references.Elsewhere}}),
		references.Func("media", named),
	)
}

// named returns those of the names that a body has: it reads all bodies, since the
// database can't look into them.
func named(ctx context.Context, db references.Queryer, _ string, names []string) (found []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT body FROM article")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var body pb.Body
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		for name := range body.FileNames() {
			if slices.Contains(names, name) {
				found = append(found, name)
			}
		}
	}
	return found, rows.Err()
}

// Tx is a transaction.
type Tx struct {
	tx    *sql.Tx
	batch *runtime.Batch
}

// InTx runs f in a transaction. The files that rows no longer name are deleted after
// the commit.
func InTx(ctx context.Context, db *sql.DB, keeper runtime.Keeper, f func(*Tx) error) error {
	return sqlclean.InTx(ctx, db, keeper, func(tx *sql.Tx, batch *runtime.Batch) error {
		return f(&Tx{tx, batch})
	})
}

// Insert adds an article.
func (tx *Tx) Insert(ctx context.Context, a *Article) error {
	return sqlclean.Exec(ctx, tx.tx, tx.batch, a.AfterCreate,
		"INSERT INTO article (id, body) VALUES (?, ?)", a.ID, a.Body)
}

// Change loads an article, lets f change it, and saves it.
func (tx *Tx) Change(ctx context.Context, id int64, f func(*pb.Body)) error {
	a, err := tx.load(ctx, id)
	if err != nil {
		return err
	}
	old := a.FileSnapshot() // what the row names now
	f(a.Body)
	return sqlclean.Exec(ctx, tx.tx, tx.batch,
		func(b *runtime.Batch) { a.BeforeUpdate(b, old) },
		"UPDATE article SET body = ? WHERE id = ?", a.Body, id)
}

// Delete removes an article.
func (tx *Tx) Delete(ctx context.Context, id int64) error {
	a, err := tx.load(ctx, id)
	if err != nil {
		return err
	}
	return sqlclean.Exec(ctx, tx.tx, tx.batch,
		func(b *runtime.Batch) { a.AfterDelete(b, a.FileSnapshot()) },
		"DELETE FROM article WHERE id = ?", id)
}

func (tx *Tx) load(ctx context.Context, id int64) (*Article, error) {
	a := &Article{ID: id, Body: &pb.Body{}}
	return a, tx.tx.QueryRowContext(ctx, "SELECT body FROM article WHERE id = ?", id).Scan(a.Body)
}
