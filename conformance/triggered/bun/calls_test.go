package bun_test

import (
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/filecleangen/filecleangen/conformance/triggered/internal/calls"
	"github.com/filecleangen/filecleangen/references"
)

// Book has photos, and is deleted softly.
type Book struct {
	bun.BaseModel `bun:"table:books,alias:b"`

	ID        int64 `bun:",pk"`
	Title     string
	Cover     string    `bun:",nullzero"`
	Photos    []*Photo  `bun:"rel:has-many,join:id=book_id"`
	DeletedAt time.Time `bun:",soft_delete,nullzero"`
}

// Photo goes with its book by a foreign key.
type Photo struct {
	bun.BaseModel `bun:"table:photos,alias:p"`

	ID     int64 `bun:",pk"`
	BookID int64
	File   string
}

func TestCalls(t *testing.T) {
	calls.Run(t, func(w *calls.World) {
		ctx := w.Ctx
		db := bun.NewDB(w.DB, map[references.Dialect]schema.Dialect{
			references.SQLite: sqlitedialect.New(), references.PostgreSQL: pgdialect.New(), references.MySQL: mysqldialect.New(),
		}[w.Dialect])
		for _, create := range []*bun.CreateTableQuery{
			db.NewCreateTable().Model((*Book)(nil)),
			db.NewCreateTable().Model((*Photo)(nil)).ForeignKey("(book_id) REFERENCES books (id) ON DELETE CASCADE"),
		} {
			_, err := create.Exec(ctx)
			w.Must(err)
		}
		w.Track("books.cover", "photos.file")
		w.Files("a b c d e f g p q r")

		books := []*Book{{ID: 1, Cover: "a"}, {ID: 2, Cover: "b"}, {ID: 3, Cover: "c"}}
		_, err := db.NewInsert().Model(&books).Exec(ctx)
		w.Want("Insert of many", err, "a b c d e f g p q r")
		photos := []*Photo{{ID: 1, BookID: 1, File: "p"}, {ID: 2, BookID: 2, File: "q"}, {ID: 3, BookID: 2, File: "r"}}
		_, err = db.NewInsert().Model(&photos).Exec(ctx)
		w.Want("Insert of many", err, "a b c d e f g p q r")
		w.Want("Relation", db.NewSelect().Model(&books).Relation("Photos").OrderExpr("b.id").Scan(ctx), "a b c d e f g p q r")

		books[0].Cover, books[1].Cover = "d", "e"
		some := books[:2]
		if w.Dialect == references.MySQL { // which has no VALUES for it
			for _, b := range some {
				_, err := db.NewUpdate().Model(b).Column("cover").WherePK().Exec(ctx)
				w.Must(err)
			}
			w.Want("Update", nil, "c d e f g p q r")
			_, err = db.NewUpdate().Model((*Book)(nil)).Set("title = 'x', cover = 'f'").Where("id = 3").Exec(ctx)
			w.Want("Set", err, "d e f g p q r")
		} else {
			_, err = db.NewUpdate().With("_data", db.NewValues(&some)).Model((*Book)(nil)).TableExpr("_data").Set("cover = _data.cover").Where("b.id = _data.id").Exec(ctx)
			w.Want("Update with VALUES", err, "c d e f g p q r")
			books[2].Cover = "f"
			_, err = db.NewUpdate().Model(&books).Column("cover").Bulk().Exec(ctx)
			w.Want("Bulk", err, "d e f g p q r")
		}
		_, err = db.NewUpdate().Model(&Book{ID: 2, Title: "x"}).OmitZero().WherePK().Exec(ctx)
		w.Want("OmitZero", err, "d e f g p q r")

		_, err = db.NewDelete().Model(books[2]).WherePK().Exec(ctx)
		w.Want("soft delete", err, "d e f g p q r")
		_, err = db.NewUpdate().Model((*Book)(nil)).Set("deleted_at = NULL").Where("id = 3").WhereDeleted().Exec(ctx)
		w.Want("restore", err, "d e f g p q r")
		_, err = db.NewDelete().Model(books[2]).WherePK().ForceDelete().Exec(ctx)
		w.Want("ForceDelete", err, "d e g p q r")
		_, err = db.NewDelete().Model((*Book)(nil)).Where("id = 1").Exec(ctx)
		w.Want("soft delete", err, "d e g p q r")
		_, err = db.NewDelete().Model((*Book)(nil)).WhereDeleted().Where("TRUE").ForceDelete().Exec(ctx)
		w.Want("ForceDelete of what is deleted, with a cascade", err, "e g q r")

		_, err = db.NewInsert().Model(&Book{ID: 2, Cover: "x"}).Ignore().Exec(ctx)
		w.Want("Ignore", err, "e g q r")
		upsert := db.NewInsert().Model(&Book{ID: 2, Cover: "g"})
		if w.Dialect == references.MySQL {
			_, err = upsert.On("DUPLICATE KEY UPDATE").Set("cover = VALUES(cover)").Exec(ctx)
		} else {
			_, err = upsert.On("CONFLICT (id) DO UPDATE").Set("cover = EXCLUDED.cover").Returning("*").Exec(ctx)
		}
		w.Want("On conflict", err, "g q r")
		if w.Dialect != references.MySQL {
			_, err = db.NewDelete().With("old", db.NewSelect().Model((*Photo)(nil)).Column("id").Where("file = 'q'")).Model((*Photo)(nil)).Where("id IN (SELECT id FROM old)").Returning("file").Exec(ctx, &[]string{})
		} else {
			_, err = db.NewRaw("DELETE FROM photos WHERE file = ?", "q").Exec(ctx)
		}
		w.Want("CTE", err, "g r")
		_, err = db.NewInsert().Model(&Photo{ID: 9, BookID: 2, File: "p"}).Exec(ctx)
		w.Gone("Insert", err)
		_, err = db.NewTruncateTable().Model((*Photo)(nil)).Exec(ctx)
		left := "g"
		if w.Dialect == references.MySQL { // which does it unseen
			left = "g r"
		}
		w.Want("Truncate", err, left)
	})
}
