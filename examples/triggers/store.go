package main

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// environment is what the storage's marker must say for files to be deleted in it.
// In earnest it comes from the deployment, never from the database.
const environment = "example"

const schema = `CREATE TABLE IF NOT EXISTS article (id INTEGER PRIMARY KEY, cover TEXT);
	CREATE TABLE IF NOT EXISTS photo (id INTEGER PRIMARY KEY, article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE, file TEXT)`

// settings are those of each connection. SQLite has no cascades without foreign_keys, and
// fires no trigger for what REPLACE removes without recursive_triggers.
const settings = "?_txlock=immediate&_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)"

// Store is a database whose triggers tell an outbox what files rows name.
type Store struct {
	db    *sql.DB
	own   *sql.DB // the outbox's, and nobody else's
	media *storage.DirFs
	box   *outbox.Outbox
	relay *outbox.Relay
}

// open opens the database and the pictures in a folder.
func open(ctx context.Context, folder string) (_ *Store, err error) {
	s := &Store{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.media, err = storage.Dir(filepath.Join(folder, "media")); err != nil {
		return nil, err
	}
	if s.db, err = sql.Open("sqlite", filepath.Join(folder, "articles.db")+settings); err != nil {
		return nil, err
	}
	if s.own, err = sql.Open("sqlite", filepath.Join(folder, "articles.db")+settings); err != nil {
		return nil, err
	}
	if _, err := s.db.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	if err := outbox.Migrate(ctx, s.own, references.SQLite); err != nil {
		return nil, err
	}
	refs, err := references.New(ctx, s.own, references.SQLite,
		references.Table(ArticleFileType, "article"),
		references.Table(PhotoFileType, "photo"),
	)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler) // the story says it all
	cleaner, err := runtime.New(
		runtime.WithStorage("media", s.media),
		runtime.WithTypes(FileTypes()...),
		runtime.WithReferences(refs),
		runtime.WithLogger(quiet),
	)
	if err != nil {
		return nil, err
	}
	if s.box, err = outbox.New(ctx, cleaner, refs); err != nil {
		return nil, err
	}
	if err := s.box.InstallTriggers(ctx); err != nil { // does nothing where they are
		return nil, err
	}
	s.relay, err = s.box.Relay(ctx, environment, outbox.WithTriggers(outbox.TriggersRequired), outbox.WithRelayLogger(quiet))
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

// Upload makes a file for a row to name, and returns what discards it unless one has come
// to name it.
func (s *Store) Upload(ctx context.Context, name string) (discard func(), err error) {
	file, err := s.box.Create(ctx, "media", name)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write([]byte(name)); err != nil {
		file.Discard()
		return nil, err
	}
	return file.Discard, file.Close()
}
