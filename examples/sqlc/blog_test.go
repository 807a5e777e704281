package blog

import (
	"database/sql"
	_ "embed"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/afero"
	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/examples/sqlc/store"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

//go:embed schema.sql
var schema string

func TestCovers(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	must(t, afero.WriteFile(media, "covers/blank.png", nil, 0o600))
	path := filepath.Join(t.TempDir(), "blog.db")
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, schema)
	must(t, err)

	own, err := sql.Open("sqlite", path)
	must(t, err)
	defer own.Close()
	refs, err := references.New(ctx, own, references.SQLite, references.Table(store.ArticleFileType, "article"))
	must(t, err)
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(store.FileTypes()...),
		runtime.WithReferences(refs),
	)
	must(t, err)
	for _, name := range []string{"covers/noon.png", "covers/sunrise.png"} {
		up, err := cleaner.Create(ctx, "media", name)
		must(t, err)
		defer up.Discard()
		must(t, up.Close())
	}
	in := func(f func(*Tx) error) error { return InTx(ctx, db, cleaner, f) }

	var article store.Article
	must(t, in(func(tx *Tx) error {
		author, err := tx.CreateAuthor(ctx, "Ada")
		must(t, err)
		article, err = tx.CreateArticle(ctx, store.CreateArticleParams{AuthorID: author.ID, Title: "Light", Cover: "covers/sunrise.png"})
		return err
	}))
	noon := store.SetCoverParams{ID: article.ID, Cover: "covers/noon.png"}
	blank := store.SetCoverParams{ID: article.ID, Cover: "covers/blank.png"}

	no := errors.New("no")
	if err := in(func(tx *Tx) error { return errors.Join(tx.SetCover(ctx, noon), no) }); !errors.Is(err, no) {
		t.Error(err)
	}
	wantFiles(t, media, "covers/blank.png covers/noon.png covers/sunrise.png")

	must(t, in(func(tx *Tx) error { return tx.SetCover(ctx, blank) }))
	wantFiles(t, media, "covers/blank.png covers/noon.png")

	must(t, in(func(tx *Tx) error { return tx.SetCover(ctx, noon) }))
	wantFiles(t, media, "covers/blank.png covers/noon.png")

	must(t, in(func(tx *Tx) error {
		rows, err := tx.ListArticles(ctx)
		if len(rows) != 1 || rows[0].Article.FileSnapshot().Cover != noon.Cover {
			t.Error(rows)
		}
		return err
	}))

	must(t, in(func(tx *Tx) error { _, err := tx.DeleteArticle(ctx, article.ID); return err }))
	wantFiles(t, media, "covers/blank.png")
}

func wantFiles(t *testing.T, media afero.Fs, want string) {
	t.Helper()
	files, err := afero.Glob(media, "covers/*")
	must(t, err)
	if got := strings.Join(files, " "); got != want {
		t.Errorf("files: %s, want %s", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
