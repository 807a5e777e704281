package gormclean_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestSuiteWithOutbox(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		db := open(w)
		box := w.NewOutbox(newCleaner(w, db))
		w.Must(db.Use(gormclean.New(box)))
		return layer{box, func(ctx context.Context, f func(tx *gorm.DB) error) error {
			return db.WithContext(ctx).Transaction(f)
		}}
	}})
}

func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		db := open(w)
		box := w.NewTriggers(newCleaner(w, db))
		w.Must(db.Use(gormclean.New(box)))
		return layer{box, func(ctx context.Context, f func(tx *gorm.DB) error) error {
			return db.WithContext(ctx).Transaction(f)
		}}
	}})
}

func TestSuiteInMemory(t *testing.T) {
	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
		db := open(w)
		clean := newCleaner(w, db)
		w.Must(db.Use(gormclean.New(clean)))
		return layer{clean, func(ctx context.Context, f func(tx *gorm.DB) error) error {
			return gormclean.Transaction(db.WithContext(ctx), f)
		}}
	}})
}

// newCleaner makes the cleaner of a world, with the tables as gorm knows them.
func newCleaner(w *suite.World, db *gorm.DB) *runtime.Cleaner {
	w.T.Helper()
	return w.NewCleanerFor(models.FileTypes(),
		gormclean.Table(db, models.ArticleFileType, &models.Article{}),
		gormclean.Table(db, models.ShortFileType, &models.Short{}),
		gormclean.Table(db, models.PartFileType, &models.Part{}))
}

func open(w *suite.World) *gorm.DB {
	db, err := gorm.Open(map[references.Dialect]gorm.Dialector{
		references.SQLite:     sqlite.Dialector{Conn: w.DB},
		references.PostgreSQL: postgres.New(postgres.Config{Conn: w.DB}),
		references.MySQL:      gormmysql.New(gormmysql.Config{Conn: w.DB}),
	}[w.Dialect], &gorm.Config{Logger: logger.Discard})
	w.Must(err)
	return db
}

// layer runs functions in transactions of gorm.
type layer struct {
	keeper runtime.Keeper
	inTx   func(ctx context.Context, f func(tx *gorm.DB) error) error
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.keeper, uploads)
	defer discard()
	if err != nil {
		return err
	}
	return l.inTx(ctx, func(tx *gorm.DB) error { return f(&transaction{tx}, names) })
}

type transaction struct{ db *gorm.DB }

func (t *transaction) Load(id int64) (*models.Article, error) {
	a := &models.Article{}
	err := t.db.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).First(a, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = sql.ErrNoRows
	}
	return a, err
}

func (t *transaction) Insert(a *models.Article) error { return t.db.Create(a).Error }

func (t *transaction) Save(a *models.Article) error { return t.db.Save(a).Error }

func (t *transaction) SaveIf(title string, a *models.Article) error {
	return t.db.Model(&models.Article{ID: a.ID}).Where("title = ?", title).Select(models.Columns).Updates(a).Error
}

func (t *transaction) Update(a *models.Article, columns ...string) error {
	return t.db.Model(&models.Article{ID: a.ID}).Select(columns).Updates(a).Error
}

func (t *transaction) UpdateWhere(title string, a *models.Article, columns ...string) error {
	return t.db.Model(&models.Article{}).Where("title = ?", title).Select(columns).Updates(a).Error
}

func (t *transaction) Upsert(a *models.Article) error {
	return t.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(a).Error
}

func (t *transaction) Delete(a *models.Article) error { return t.db.Delete(a).Error }

func (t *transaction) DeleteWhere(title string) error {
	return t.db.Where("title = ?", title).Delete(&models.Article{}).Error
}

func (t *transaction) DeleteWithParts(id int64) error {
	if err := t.db.Where("article_id = ?", id).Delete(&models.Part{}).Error; err != nil {
		return err
	}
	return t.db.Delete(&models.Article{ID: id}).Error
}

func (t *transaction) SaveShort(s *models.Short) error { return t.db.Save(s).Error }

func (t *transaction) DeleteShort(s *models.Short) error { return t.db.Delete(s).Error }

func (t *transaction) InSavepoint(f func() error) error {
	outer := t.db
	defer func() { t.db = outer }()
	return outer.Transaction(func(tx *gorm.DB) error {
		t.db = tx
		return f()
	})
}
