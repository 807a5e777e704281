// Package bun_test runs the conformance suite on bun, with triggers.
package bun_test

import (
	"context"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer{open(w), w.NewTriggers(w.NewCleaner())}
	}})
}

func TestRecipe(t *testing.T) {
	suite.RunRecipe(t, func(w *suite.World, box *outbox.Outbox) suite.Recipe {
		return store{open(w), box}.SetCover
	}, references.SQLite, references.PostgreSQL, references.MySQL)
}

func open(w *suite.World) *bun.DB {
	return bun.NewDB(w.DB, map[references.Dialect]schema.Dialect{
		references.SQLite: sqlitedialect.New(), references.PostgreSQL: pgdialect.New(), references.MySQL: mysqldialect.New(),
	}[w.Dialect])
}

// layer is bun.
type layer struct {
	db  *bun.DB
	box *outbox.Outbox
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.box, uploads)
	defer discard()
	if err != nil {
		return err
	}
	return l.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		return f(&transaction{ctx, tx}, names)
	})
}

// Article is a row of articles.
type Article struct {
	bun.BaseModel `bun:"table:article"`

	ID     int64 `bun:",pk"`
	Title  string
	Cover  string `bun:"img_path"`
	Banner *string
	Pages  []string
}

// Short has some columns of a row of articles.
type Short struct {
	bun.BaseModel `bun:"table:article"`

	ID    int64  `bun:",pk"`
	Cover string `bun:"img_path"`
}

// Part is a row of parts.
type Part struct {
	bun.BaseModel `bun:"table:part"`

	ID, ArticleID int64
	File          string
}

func recordOf(a *models.Article) *Article {
	return &Article{ID: a.ID, Title: a.Title, Cover: a.Cover, Banner: a.Banner, Pages: a.Pages}
}

type transaction struct {
	ctx context.Context
	tx  bun.Tx
}

func (t *transaction) Load(id int64) (*models.Article, error) {
	a := &Article{ID: id}
	query := t.tx.NewSelect().Model(a).WherePK()
	if t.tx.Dialect().Name().String() != "sqlite" {
		query = query.For("UPDATE")
	}
	if err := query.Scan(t.ctx); err != nil {
		return nil, err
	}
	return &models.Article{ID: a.ID, Title: a.Title, Cover: a.Cover, Base: models.Base{Banner: a.Banner}, Pages: a.Pages}, nil
}

func (t *transaction) Insert(a *models.Article) error {
	_, err := t.tx.NewInsert().Model(recordOf(a)).Exec(t.ctx)
	return err
}

func (t *transaction) Save(a *models.Article) error {
	_, err := t.tx.NewUpdate().Model(recordOf(a)).WherePK().Exec(t.ctx)
	return err
}

func (t *transaction) SaveIf(title string, a *models.Article) error {
	_, err := t.tx.NewUpdate().Model(recordOf(a)).WherePK().Where("title = ?", title).Exec(t.ctx)
	return err
}

func (t *transaction) Update(a *models.Article, columns ...string) error {
	_, err := t.tx.NewUpdate().Model(recordOf(a)).Column(columns...).WherePK().Exec(t.ctx)
	return err
}

func (t *transaction) UpdateWhere(title string, a *models.Article, columns ...string) error {
	_, err := t.tx.NewUpdate().Model(recordOf(a)).Column(columns...).Where("title = ?", title).Exec(t.ctx)
	return err
}

func (t *transaction) Upsert(a *models.Article) error {
	on, value := "CONFLICT (id) DO UPDATE", "excluded.?0"
	if t.tx.Dialect().Name().String() == "mysql" {
		on, value = "DUPLICATE KEY UPDATE", "VALUES(?0)"
	}
	query := t.tx.NewInsert().Model(recordOf(a)).On(on)
	for _, column := range models.Columns {
		query = query.Set("?0 = "+value, bun.Ident(column))
	}
	_, err := query.Exec(t.ctx)
	return err
}

func (t *transaction) Delete(a *models.Article) error {
	_, err := t.tx.NewDelete().Model(recordOf(a)).WherePK().Exec(t.ctx)
	return err
}

func (t *transaction) DeleteWhere(title string) error {
	_, err := t.tx.NewDelete().Model((*Article)(nil)).Where("title = ?", title).Exec(t.ctx)
	return err
}

func (t *transaction) DeleteWithParts(id int64) error {
	if _, err := t.tx.NewDelete().Model((*Part)(nil)).Where("article_id = ?", id).Exec(t.ctx); err != nil {
		return err
	}
	return t.Delete(&models.Article{ID: id})
}

func (t *transaction) SaveShort(s *models.Short) error {
	_, err := t.tx.NewUpdate().Model(&Short{ID: s.ID, Cover: s.Cover}).WherePK().Exec(t.ctx)
	return err
}

func (t *transaction) DeleteShort(s *models.Short) error {
	_, err := t.tx.NewDelete().Model(&Short{ID: s.ID}).WherePK().Exec(t.ctx)
	return err
}

func (t *transaction) InSavepoint(f func() error) error {
	outer := t.tx
	defer func() { t.tx = outer }()
	return outer.RunInTx(t.ctx, nil, func(_ context.Context, tx bun.Tx) error {
		t.tx = tx
		return f()
	})
}
