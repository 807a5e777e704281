package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// environment is what the storage's marker must say for files to be deleted in it.
// In earnest it comes from the deployment, never from the database.
const environment = "example"

const schema = `CREATE TABLE IF NOT EXISTS article (id INTEGER PRIMARY KEY, cover TEXT NOT NULL)`

// Store keeps articles in a database, their pictures in a storage, and what is to
// be deleted in an outbox.
type Store struct {
	folder  string
	db      *sql.DB
	own     *sql.DB // the outbox's, and nobody else's
	media   *storage.DirFs
	cleaner *runtime.Cleaner
	box     *outbox.Outbox
}

// open opens the database and the pictures in a folder.
func open(ctx context.Context, folder string) (_ *Store, err error) {
	s := &Store{folder: folder}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.media, err = storage.Dir(filepath.Join(folder, "media")); err != nil {
		return nil, err
	}
	dsn := filepath.Join(folder, "articles.db") + "?_txlock=immediate&_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)"
	if s.db, err = sql.Open("sqlite", dsn); err != nil {
		return nil, err
	}
	if s.own, err = sql.Open("sqlite", dsn); err != nil {
		return nil, err
	}
	if _, err := s.db.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	if err := outbox.Migrate(ctx, s.own, references.SQLite); err != nil {
		return nil, err
	}
	refs, err := references.New(ctx, s.own, references.SQLite,
		references.Table(ArticleFileType, "article"), // where rows name files: what the relay asks
	)
	if err != nil {
		return nil, err
	}
	s.cleaner, err = runtime.New(
		runtime.WithStorage("media", s.media),
		runtime.WithTypes(FileTypes()...),
		runtime.WithReferences(refs),
		runtime.WithLogger(slog.New(slog.DiscardHandler)), // the story says it all
	)
	if err != nil {
		return nil, err
	}
	s.box, err = outbox.New(ctx, s.cleaner, refs,
		outbox.WithUploadTime(2*time.Second), // an hour, if it is not for a story
	)
	return s, err
}

func (s *Store) close() {
	for _, db := range []*sql.DB{s.db, s.own} {
		if db != nil {
			_ = db.Close()
		}
	}
	if s.media != nil {
		_ = s.media.Close()
	}
}

// SetCover gives an article another picture. The one before goes after the commit:
// that much is promised in the transaction.
func (s *Store) SetCover(ctx context.Context, id int64, name string, picture io.Reader) error {
	cover, err := s.box.Create(ctx, "media", name) // before the transaction: no lock is held meanwhile
	if err != nil {
		return err
	}
	defer cover.Discard() // unless a row has come to name it
	if _, err := io.Copy(cover, picture); err != nil {
		return err
	}
	if err := cover.Close(); err != nil {
		return err
	}
	return sqlclean.InTx(ctx, s.db, s.box, func(tx *sql.Tx, batch *runtime.Batch) error {
		a := &Article{ID: id}
		err := tx.QueryRowContext(ctx, "SELECT cover FROM article WHERE id = ?", id).Scan(&a.Cover)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		old := a.FileSnapshot() // what the row names now
		a.Cover = cover.Name()  // another name if that was taken
		return sqlclean.Exec(ctx, tx, batch,
			func(b *runtime.Batch) { a.BeforeUpdate(b, old) },
			"INSERT INTO article (id, cover) VALUES (?, ?) ON CONFLICT DO UPDATE SET cover = excluded.cover", a.ID, a.Cover)
	})
}
