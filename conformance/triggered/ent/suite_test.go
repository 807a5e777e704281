package ent_test

import (
	"context"
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent"
	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent/article"
	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent/part"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		return layer{w, open(w), w.NewTriggers(w.NewCleaner())}
	}})
}

func TestRecipe(t *testing.T) {
	suite.RunRecipe(t, func(w *suite.World, box *outbox.Outbox) suite.Recipe {
		return store{open(w), box}.SetCover
	}, references.SQLite, references.PostgreSQL, references.MySQL)
}

func open(w *suite.World) *ent.Client {
	kind := map[references.Dialect]string{references.SQLite: dialect.SQLite, references.PostgreSQL: dialect.Postgres, references.MySQL: dialect.MySQL}[w.Dialect]
	return ent.NewClient(ent.Driver(entsql.OpenDB(kind, w.DB)))
}

// layer is ent.
type layer struct {
	w      *suite.World
	client *ent.Client
	box    *outbox.Outbox
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.box, uploads)
	defer discard()
	if err != nil {
		return err
	}
	tx, err := l.client.Tx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	t := &transaction{ctx: ctx, tx: tx, locks: l.w.Dialect != references.SQLite}
	t.savepoint = suite.SavepointsBy(t.exec)
	if err := f(t, names); err != nil {
		return err
	}
	return tx.Commit()
}

type transaction struct {
	ctx   context.Context
	tx    *ent.Tx
	locks bool // whether the database has FOR UPDATE

	savepoint func(f func() error) error
}

func (t *transaction) Load(id int64) (*models.Article, error) {
	query := t.tx.Article.Query().Where(article.ID(id))
	if t.locks {
		query.ForUpdate()
	}
	a, err := query.Only(t.ctx)
	if ent.IsNotFound(err) {
		err = sql.ErrNoRows
	}
	if err != nil {
		return nil, err
	}
	return &models.Article{ID: a.ID, Title: a.Title, Cover: a.ImgPath, Base: models.Base{Banner: a.Banner}, Pages: a.Pages}, nil
}

func (t *transaction) create(a *models.Article) *ent.ArticleCreate {
	create := t.tx.Article.Create().SetID(a.ID).SetTitle(a.Title).SetImgPath(a.Cover).SetNillableBanner(a.Banner)
	if a.Pages != nil {
		create.SetPages(a.Pages)
	}
	return create
}

func (t *transaction) Insert(a *models.Article) error { return t.create(a).Exec(t.ctx) }

func (t *transaction) Upsert(a *models.Article) error {
	return t.create(a).OnConflictColumns(article.FieldID).Update(func(u *ent.ArticleUpsert) {
		u.UpdateTitle()
		u.UpdateImgPath()
		if a.Banner == nil {
			u.ClearBanner()
		} else {
			u.UpdateBanner()
		}
		if a.Pages == nil {
			u.ClearPages()
		} else {
			u.UpdatePages()
		}
	}).Exec(t.ctx)
}

// set writes some columns of an article by an update.
func set(u *ent.ArticleUpdate, a *models.Article, columns []string) *ent.ArticleUpdate {
	for _, column := range columns {
		switch {
		case column == models.Title:
			u.SetTitle(a.Title)
		case column == models.Cover:
			u.SetImgPath(a.Cover)
		case column == models.Banner && a.Banner == nil:
			u.ClearBanner()
		case column == models.Banner:
			u.SetBanner(*a.Banner)
		case a.Pages == nil:
			u.ClearPages()
		default:
			u.SetPages(a.Pages)
		}
	}
	return u
}

func (t *transaction) Save(a *models.Article) error { return t.Update(a, models.Columns...) }

func (t *transaction) SaveIf(title string, a *models.Article) error {
	return set(t.tx.Article.Update().Where(article.ID(a.ID), article.Title(title)), a, models.Columns).Exec(t.ctx)
}

func (t *transaction) Update(a *models.Article, columns ...string) error {
	return set(t.tx.Article.Update().Where(article.ID(a.ID)), a, columns).Exec(t.ctx)
}

func (t *transaction) UpdateWhere(title string, a *models.Article, columns ...string) error {
	return set(t.tx.Article.Update().Where(article.Title(title)), a, columns).Exec(t.ctx)
}

func (t *transaction) Delete(a *models.Article) error {
	_, err := t.tx.Article.Delete().Where(article.ID(a.ID)).Exec(t.ctx)
	return err
}

func (t *transaction) DeleteWhere(title string) error {
	_, err := t.tx.Article.Delete().Where(article.Title(title)).Exec(t.ctx)
	return err
}

func (t *transaction) DeleteWithParts(id int64) error {
	if _, err := t.tx.Part.Delete().Where(part.ArticleID(id)).Exec(t.ctx); err != nil {
		return err
	}
	return t.Delete(&models.Article{ID: id})
}

func (t *transaction) SaveShort(s *models.Short) error {
	return t.tx.Article.Update().Where(article.ID(s.ID)).SetImgPath(s.Cover).Exec(t.ctx)
}

func (t *transaction) DeleteShort(s *models.Short) error {
	return t.Delete(&models.Article{ID: s.ID})
}

// InSavepoint runs the statements itself, since ent has no savepoints.
func (t *transaction) InSavepoint(f func() error) error { return t.savepoint(f) }

func (t *transaction) exec(statement string) error {
	_, err := t.tx.ExecContext(t.ctx, statement)
	return err
}
