// Package xorm_test runs the conformance suite on xorm, with triggers.
package xorm_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"xorm.io/xorm"
	"xorm.io/xorm/schemas"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{
		Cannot: map[suite.Ability]string{suite.Upserts: "its users write the SQL for that"},
		Open: func(w *suite.World) suite.Layer {
			return layer{open(w), w.NewTriggers(w.NewCleaner())}
		},
	})
}

func TestRecipe(t *testing.T) {
	suite.RunRecipe(t, func(w *suite.World, box *outbox.Outbox) suite.Recipe {
		return store{open(w), box}.SetCover
	}, references.SQLite, references.PostgreSQL, references.MySQL)
}

func open(w *suite.World) *xorm.Engine {
	w.T.Helper()
	driver := map[references.Dialect]string{references.SQLite: "sqlite", references.PostgreSQL: "pgx", references.MySQL: "mysql"}[w.Dialect]
	engine, err := xorm.NewEngine(driver, w.DSN)
	w.Must(err)
	w.T.Cleanup(func() { _ = engine.Close() })
	return engine
}

// layer is xorm.
type layer struct {
	engine *xorm.Engine
	box    *outbox.Outbox
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.box, uploads)
	defer discard()
	if err != nil {
		return err
	}
	session := l.engine.NewSession().Context(ctx)
	defer func() { _ = session.Close() }() // which rolls back what is not committed
	if err := session.Begin(); err != nil {
		return err
	}
	t := &transaction{Session: session}
	t.savepoint = suite.SavepointsBy(t.exec)
	if err := f(t, names); err != nil {
		return err
	}
	return session.Commit()
}

// Article is a row of articles.
type Article struct {
	ID     int64 `xorm:"pk 'id'"`
	Title  string
	Cover  string `xorm:"'img_path'"`
	Banner *string
	Pages  []string `xorm:"json"`
}

// Short has some columns of a row of articles.
type Short struct {
	ID    int64  `xorm:"pk 'id'"`
	Cover string `xorm:"'img_path'"`
}

// TableName is the table of articles.
func (*Short) TableName() string { return "article" }

// Part is a row of parts.
type Part struct {
	ID        int64 `xorm:"pk 'id'"`
	ArticleID int64 `xorm:"'article_id'"`
	File      string
}

func recordOf(a *models.Article) *Article {
	return &Article{ID: a.ID, Title: a.Title, Cover: a.Cover, Banner: a.Banner, Pages: a.Pages}
}

type transaction struct {
	*xorm.Session
	savepoint func(f func() error) error
}

func (t *transaction) Load(id int64) (*models.Article, error) {
	a := &Article{}
	t.ID(id)
	if t.Engine().Dialect().URI().DBType != schemas.SQLITE { // which has no FOR UPDATE
		t.ForUpdate()
	}
	found, err := t.Get(a)
	if err == nil && !found {
		err = sql.ErrNoRows
	}
	return &models.Article{ID: a.ID, Title: a.Title, Cover: a.Cover, Base: models.Base{Banner: a.Banner}, Pages: a.Pages}, err
}

func (t *transaction) Insert(a *models.Article) error {
	_, err := t.Session.Insert(recordOf(a))
	return err
}

func (t *transaction) Save(a *models.Article) error { return t.Update(a, models.Columns...) }

func (t *transaction) SaveIf(title string, a *models.Article) error {
	_, err := t.ID(a.ID).Where("title = ?", title).Cols(models.Columns...).Update(recordOf(a))
	return err
}

func (t *transaction) Update(a *models.Article, columns ...string) error {
	_, err := t.ID(a.ID).Cols(columns...).Update(recordOf(a))
	return err
}

func (t *transaction) UpdateWhere(title string, a *models.Article, columns ...string) error {
	_, err := t.Where("title = ?", title).Cols(columns...).Update(recordOf(a))
	return err
}

func (t *transaction) Upsert(*models.Article) error { return errors.ErrUnsupported }

func (t *transaction) Delete(a *models.Article) error {
	_, err := t.ID(a.ID).Delete(&Article{})
	return err
}

func (t *transaction) DeleteWhere(title string) error {
	_, err := t.Where("title = ?", title).Delete(&Article{})
	return err
}

func (t *transaction) DeleteWithParts(id int64) error {
	if _, err := t.Where("article_id = ?", id).Delete(&Part{}); err != nil {
		return err
	}
	return t.Delete(&models.Article{ID: id})
}

func (t *transaction) SaveShort(s *models.Short) error {
	_, err := t.ID(s.ID).Cols("img_path").Update(&Short{Cover: s.Cover})
	return err
}

func (t *transaction) DeleteShort(s *models.Short) error {
	_, err := t.ID(s.ID).Delete(&Short{})
	return err
}

// InSavepoint runs the statements itself, since xorm has no savepoints.
func (t *transaction) InSavepoint(f func() error) error { return t.savepoint(f) }

func (t *transaction) exec(statement string) error {
	_, err := t.Exec(statement)
	return err
}
