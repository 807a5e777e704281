package main

import (
	"context"
	"database/sql"
	"io"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/runtime"
)

const schema = `CREATE TABLE article (
	id     INTEGER PRIMARY KEY,
	title  TEXT NOT NULL UNIQUE,
	cover  TEXT NOT NULL,
	banner TEXT NOT NULL
)`

// Store keeps articles in a database and their pictures in a storage.
type Store struct {
	db     *sql.DB
	keeper runtime.Keeper // a cleaner, or an outbox
}

// Upload stores a picture, before the transaction in which an article comes to hold its
// name. Defer its Discard: it deletes the picture unless a row names it.
func (s *Store) Upload(ctx context.Context, name string, picture io.Reader) (_ *runtime.Upload, err error) {
	file, err := s.keeper.Create(ctx, "media", name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Discard()
		}
	}()
	if _, err := io.Copy(file, picture); err != nil {
		return nil, err
	}
	return file, file.Close()
}

// Tx is a transaction of both.
type Tx struct {
	tx    *sql.Tx
	batch *runtime.Batch
}

// InTx runs f in a transaction, which is committed if f returns nil and rolled
// back otherwise. Pictures that the transaction let go of, and that no row names, are
// deleted after the commit.
func (s *Store) InTx(ctx context.Context, f func(*Tx) error) error {
	return sqlclean.InTx(ctx, s.db, s.keeper, func(tx *sql.Tx, batch *runtime.Batch) error {
		return f(&Tx{tx, batch})
	})
}

// Load reads an article, and remembers which files its row names now: that is
// what Save and Delete need to know.
func (tx *Tx) Load(ctx context.Context, id int64) (*Article, ArticleFiles, error) {
	a := &Article{}
	err := tx.tx.QueryRowContext(ctx, "SELECT id, title, cover, banner FROM article WHERE id = ?", id).
		Scan(&a.ID, &a.Title, &a.Cover, &a.Banner)
	return a, a.FileSnapshot(), err
}

// Insert adds an article and sets its ID.
func (tx *Tx) Insert(ctx context.Context, a *Article) error {
	return sqlclean.Insert(ctx, tx.tx, tx.batch, a.AfterCreate, &a.ID,
		"INSERT INTO article (title, cover, banner) VALUES (?, ?, ?)", a.Title, a.Cover, a.Banner)
}

// Save writes an article to its row, which named the files in old.
func (tx *Tx) Save(ctx context.Context, a *Article, old ArticleFiles) error {
	return sqlclean.Exec(ctx, tx.tx, tx.batch,
		func(b *runtime.Batch) { a.BeforeUpdate(b, old) },
		"UPDATE article SET title = ?, cover = ?, banner = ? WHERE id = ?", a.Title, a.Cover, a.Banner, a.ID)
}

// Delete removes the row of an article, which named the files in old.
func (tx *Tx) Delete(ctx context.Context, a *Article, old ArticleFiles) error {
	return sqlclean.Exec(ctx, tx.tx, tx.batch,
		func(b *runtime.Batch) { a.AfterDelete(b, old) },
		"DELETE FROM article WHERE id = ?", a.ID)
}
