package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/runtime"
)

// SetCover is the example of README.md and docs/runtime.md: all that it takes to
// give an article another picture, in one function.
func (s *Store) SetCover(ctx context.Context, id int64, picture io.Reader) error {
	file, err := s.keeper.Create(ctx, "media", "covers/new.png") // before the transaction
	if err != nil {
		return err
	}
	defer file.Discard() // deletes it, unless a row has come to name it
	if _, err := io.Copy(file, picture); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}

	return sqlclean.InTx(ctx, s.db, s.keeper, func(tx *sql.Tx, batch *runtime.Batch) error {
		article, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		old := article.FileSnapshot() // what the row names now
		article.Cover = file.Name()   // another name if covers/new.png was taken
		return sqlclean.Exec(ctx, tx, batch,
			func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
			"UPDATE article SET cover = ? WHERE id = ?", article.Cover, article.ID)
	}) // commits, then deletes the old cover, if no row names it
}

func load(ctx context.Context, tx *sql.Tx, id int64) (*Article, error) {
	a := &Article{ID: id}
	return a, tx.QueryRowContext(ctx, "SELECT title, cover, banner FROM article WHERE id = ?", id).Scan(&a.Title, &a.Cover, &a.Banner)
}

func TestSetCover(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	store := newStore(t, media)
	_, err := store.db.ExecContext(ctx, "INSERT INTO article (id, title, cover, banner) VALUES (1, 'Light', 'covers/old.png', '')")
	must(t, err)
	must(t, afero.WriteFile(media, "covers/old.png", nil, 0o644))

	must(t, store.SetCover(ctx, 1, strings.NewReader("new")))
	wantFiles(t, media, "covers/new.png")
	if err := store.SetCover(ctx, 1, io.MultiReader(strings.NewReader("half"), broken{})); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	wantFiles(t, media, "covers/new.png")
}

// broken is an upload that its client ends.
type broken struct{}

var errBroken = errors.New("connection reset")

func (broken) Read([]byte) (int, error) { return 0, errBroken }
