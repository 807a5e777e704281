package outbox_test

import (
	"context"
	"database/sql"
	"io"
	"log"
	"strings"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/outbox/internal/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// A service that replaces the cover of an article. The picture before goes when no
// row names it, whatever happens to the process.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres://localhost/shop")
	if err != nil {
		log.Fatal(err)
	}
	media, err := storage.Dir("/srv/media")
	if err != nil {
		log.Fatal(err)
	}
	own, err := sql.Open("pgx", "postgres://localhost/shop") // for nothing else
	if err != nil {
		log.Fatal(err)
	}
	if err := outbox.Migrate(ctx, own, references.PostgreSQL); err != nil {
		log.Fatal(err)
	}
	refs, err := references.New(ctx, own, references.PostgreSQL,
		references.Table(models.ArticleFileType, "article"),
	)
	if err != nil {
		log.Fatal(err)
	}
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(models.ArticleFileType),
		runtime.WithReferences(refs),
	)
	if err != nil {
		log.Fatal(err)
	}
	box, err := outbox.New(ctx, cleaner, refs)
	if err != nil {
		log.Fatal(err)
	}
	relay, err := box.Relay(ctx, "shop-production")
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = relay.Run(ctx) }()

	if err := setCover(ctx, db, box, 1, strings.NewReader("a picture")); err != nil {
		log.Print(err)
	}
}

// setCover makes by hand what package sqlclean makes short. The keeper is the outbox, or a
// cleaner for promises that are kept in memory.
func setCover(ctx context.Context, db *sql.DB, keeper runtime.Keeper, id int64, picture io.Reader) error {
	up, err := keeper.Create(ctx, "media", "covers/new.png") // before the transaction
	if err != nil {
		return err
	}
	defer up.Discard()
	if _, err := io.Copy(up, picture); err != nil {
		return err
	}
	if err := up.Close(); err != nil {
		return err
	}

	batch := keeper.Begin()
	defer batch.Rollback()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	article := &models.Article{ID: id}
	if err := tx.QueryRowContext(ctx, "SELECT cover FROM article WHERE id = $1 FOR UPDATE", id).Scan(&article.Cover); err != nil {
		return err
	}
	old := article.FileSnapshot()
	article.Cover = up.Name()
	err = batch.Exec(
		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
		func() (int64, error) {
			return runtime.Rows(tx.ExecContext(ctx, "UPDATE article SET cover = $1 WHERE id = $2", article.Cover, article.ID))
		})
	if err != nil {
		return err
	}
	_, err = keeper.Commit(ctx, batch, tx, tx.Commit)
	return err
}
