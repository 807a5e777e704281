package files

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/spf13/afero"
	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/examples/ent/doc"
	"github.com/filecleangen/filecleangen/examples/ent/ent"
	"github.com/filecleangen/filecleangen/examples/ent/ent/article"
	"github.com/filecleangen/filecleangen/examples/ent/ent/author"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestArticles(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	must(t, afero.WriteFile(media, "covers/blank.png", nil, 0o600))
	path := filepath.Join(t.TempDir(), "blog.db")
	db, err := sql.Open("sqlite", path+"?_txlock=immediate&_pragma=foreign_keys(1)")
	must(t, err)
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.SQLite, db)))
	defer db.Close()
	must(t, client.Schema.Create(ctx))
	Use(client)

	own, err := sql.Open("sqlite", path)
	must(t, err)
	defer own.Close()
	refs, err := references.New(ctx, own, references.SQLite, references.Table(ent.ArticleFileType, article.Table))
	must(t, err)
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(ent.FileTypes()...),
		runtime.WithReferences(refs),
	)
	must(t, err)
	for _, name := range []string{"covers/moon.png", "covers/noon.png", "covers/sunrise.png"} {
		up, err := cleaner.Create(ctx, "media", name)
		must(t, err)
		defer up.Discard()
		must(t, up.Close())
	}
	in := func(f func(context.Context, *ent.Tx) error) error { return InTx(ctx, client, cleaner, f) }

	var id int
	must(t, in(func(ctx context.Context, tx *ent.Tx) error {
		ada := tx.Author.Create().SetName("Ada").SaveX(ctx)
		a, err := tx.Article.Create().SetAuthor(ada).SetCover("covers/sunrise.png").
			SetBody(doc.Body{Images: []string{"covers/moon.png"}}).Save(ctx)
		must(t, err)
		id = a.ID
		return nil
	}))
	all := "covers/blank.png covers/moon.png covers/noon.png covers/sunrise.png"
	wantFiles(t, media, all)

	no := errors.New("no")
	if err := in(func(ctx context.Context, tx *ent.Tx) error {
		return errors.Join(tx.Article.UpdateOneID(id).SetCover("covers/noon.png").Exec(ctx), no)
	}); !errors.Is(err, no) {
		t.Error(err)
	}
	wantFiles(t, media, all)

	must(t, in(func(ctx context.Context, tx *ent.Tx) error {
		ada := tx.Author.Query().WithArticles().OnlyX(ctx)
		return ada.Edges.Articles[0].Update().SetCover("covers/blank.png").Exec(ctx)
	}))
	wantFiles(t, media, "covers/blank.png covers/moon.png covers/noon.png")

	must(t, in(func(ctx context.Context, tx *ent.Tx) error {
		ofAda := article.HasAuthorWith(author.Name("Ada"))
		return tx.Article.Update().Where(ofAda).SetCover("covers/noon.png").ClearBody().Exec(ctx)
	}))
	wantFiles(t, media, "covers/blank.png covers/noon.png")

	must(t, in(func(ctx context.Context, tx *ent.Tx) error { return tx.Article.DeleteOneID(id).Exec(ctx) }))
	wantFiles(t, media, "covers/blank.png")
}

// TestOutbox: the same with an outbox in ent's transactions.
func TestOutbox(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	must(t, outbox.Mark(media, "test"))
	path := filepath.Join(t.TempDir(), "blog.db") + "?_txlock=immediate&_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)"
	db, err := sql.Open("sqlite", path)
	must(t, err)
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.SQLite, db)))
	defer db.Close()
	must(t, client.Schema.Create(ctx))
	Use(client)

	own, err := sql.Open("sqlite", path)
	must(t, err)
	defer own.Close()
	must(t, outbox.Migrate(ctx, own, references.SQLite))
	refs, err := references.New(ctx, own, references.SQLite, references.Table(ent.ArticleFileType, article.Table))
	must(t, err)
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(ent.FileTypes()...),
		runtime.WithReferences(refs),
	)
	must(t, err)
	box, err := outbox.New(ctx, cleaner, refs)
	must(t, err)
	relay, err := box.Relay(ctx, "test")
	must(t, err)
	var covers []string
	for range 2 {
		up, err := box.Create(ctx, "media", "covers/a.png")
		must(t, err)
		defer up.Discard()
		must(t, up.Close())
		covers = append(covers, up.Name())
	}

	must(t, InTx(ctx, client, box, func(ctx context.Context, tx *ent.Tx) error {
		ada := tx.Author.Create().SetName("Ada").SaveX(ctx)
		a := tx.Article.Create().SetAuthor(ada).SetCover(covers[0]).SaveX(ctx)
		return a.Update().SetCover(covers[1]).Exec(ctx)
	}))
	_, err = relay.Drain(ctx)
	must(t, err)
	wantFiles(t, media, covers[1])
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
