// Quickstart shows what becomes of files when database rows change: it keeps
// articles in an SQLite file and their pictures in a directory, changes them in
// every way that usually goes wrong, and shows what is on disk after each step.
//
// article.go is the model and store.go the repository: the parts to copy. The
// rest tells the story and checks it.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run tells the story in a temporary folder, which it removes.
func run(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := os.RemoveAll(folder); err == nil {
			err = removeErr
		}
	}()
	path := filepath.Join(folder, "media")
	if err := makeMedia(path); err != nil {
		return err
	}
	media, err := storage.Dir(path)
	if err != nil {
		return err
	}
	defer media.Close()
	// A transaction that reads a row and then writes it must be "immediate" in
	// SQLite, or it fails when another has written in between.
	dsn := filepath.Join(folder, "articles.db") + "?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)"
	db, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}

	own, err := sql.Open("sqlite", dsn) // to ask which files rows name, and for nothing else
	if err != nil {
		return err
	}
	defer own.Close()
	refs, err := references.New(ctx, own, references.SQLite,
		references.Table(ArticleFileType, "article"),
	)
	if err != nil {
		return err
	}
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(FileTypes()...),
		runtime.WithReferences(refs),
		runtime.WithLogger(slog.New(slog.DiscardHandler)), // the story says it all
	)
	if err != nil {
		return err
	}
	s := &story{ctx: ctx, out: out, store: &Store{db, cleaner}, media: path}
	for _, step := range steps {
		if err := s.tell(step); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return cleaner.Close(ctx) // waits for deletions, and says what is left
}

// makeMedia makes the media directory, with the default picture.
func makeMedia(path string) error {
	if err := os.MkdirAll(filepath.Join(path, "covers"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(path, "covers", "blank.png"), picture("blank").Bytes(), 0o644)
}
