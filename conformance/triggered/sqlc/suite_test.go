package sqlc_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/conformance/triggered/sqlc/store"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

func TestSuiteWithTriggers(t *testing.T) {
	suite.Run(t, suite.Adapter{Dialects: []references.Dialect{references.PostgreSQL}, Open: func(w *suite.World) suite.Layer {
		return layer{open(w), w.NewTriggers(w.NewCleaner())}
	}})
}

func TestRecipe(t *testing.T) {
	suite.RunRecipe(t, func(w *suite.World, box *outbox.Outbox) suite.Recipe {
		return covers{store.New(open(w)), box}.SetCover
	}, references.PostgreSQL)
}

func open(w *suite.World) *pgxpool.Pool {
	w.T.Helper()
	pool, err := pgxpool.New(w.T.Context(), w.DSN)
	w.Must(err)
	w.T.Cleanup(pool.Close)
	return pool
}

// layer is what sqlc has generated, on pgx.
type layer struct {
	pool *pgxpool.Pool
	box  *outbox.Outbox
}

func (l layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
	names, discard, err := suite.Upload(ctx, l.box, uploads)
	defer discard()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error { return f(&transaction{ctx, tx}, names) })
}

type transaction struct {
	ctx context.Context
	tx  pgx.Tx
}

func (t *transaction) queries() *store.Queries { return store.New(t.tx) }

func (t *transaction) Load(id int64) (*models.Article, error) {
	row, err := t.queries().LoadArticle(t.ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = sql.ErrNoRows
	}
	a := &models.Article{ID: row.ID, Title: row.Title, Cover: row.ImgPath, Base: models.Base{Banner: row.Banner}}
	if err == nil && row.Pages != nil {
		err = json.Unmarshal(row.Pages, &a.Pages)
	}
	return a, err
}

func pagesOf(a *models.Article) []byte {
	text, _ := json.Marshal(a.Pages)
	return text
}

func (t *transaction) Insert(a *models.Article) error {
	return t.queries().InsertArticle(t.ctx, store.InsertArticleParams{ID: a.ID, Title: a.Title, ImgPath: a.Cover, Banner: a.Banner, Pages: pagesOf(a)})
}

func (t *transaction) Upsert(a *models.Article) error {
	return t.queries().UpsertArticle(t.ctx, store.UpsertArticleParams{ID: a.ID, Title: a.Title, ImgPath: a.Cover, Banner: a.Banner, Pages: pagesOf(a)})
}

// update writes some columns into the row with a key, if there is one, and those with a
// title, if there is one.
func (t *transaction) update(id *int64, title *string, a *models.Article, columns []string) error {
	has := func(column string) bool { return slices.Contains(columns, column) }
	return t.queries().UpdateArticles(t.ctx, store.UpdateArticlesParams{
		SetTitle: has(models.Title), Title: a.Title, SetImgPath: has(models.Cover), ImgPath: a.Cover,
		SetBanner: has(models.Banner), Banner: a.Banner, SetPages: has(models.Pages), Pages: pagesOf(a),
		ByID: id, ByTitle: title,
	})
}

func (t *transaction) Save(a *models.Article) error {
	return t.update(&a.ID, nil, a, models.Columns)
}

func (t *transaction) SaveIf(title string, a *models.Article) error {
	return t.update(&a.ID, &title, a, models.Columns)
}

func (t *transaction) Update(a *models.Article, columns ...string) error {
	return t.update(&a.ID, nil, a, columns)
}

func (t *transaction) UpdateWhere(title string, a *models.Article, columns ...string) error {
	return t.update(nil, &title, a, columns)
}

func (t *transaction) Delete(a *models.Article) error {
	return t.queries().DeleteArticle(t.ctx, a.ID)
}

func (t *transaction) DeleteWhere(title string) error {
	return t.queries().DeleteArticles(t.ctx, title)
}

func (t *transaction) DeleteWithParts(id int64) error {
	if err := t.queries().DeleteParts(t.ctx, id); err != nil {
		return err
	}
	return t.queries().DeleteArticle(t.ctx, id)
}

func (t *transaction) SaveShort(s *models.Short) error {
	return t.queries().SetCover(t.ctx, store.SetCoverParams{ImgPath: s.Cover, ID: s.ID})
}

func (t *transaction) DeleteShort(s *models.Short) error {
	return t.queries().DeleteArticle(t.ctx, s.ID)
}

func (t *transaction) InSavepoint(f func() error) error {
	outer := t.tx
	defer func() { t.tx = outer }()
	return pgx.BeginFunc(t.ctx, outer, func(inner pgx.Tx) error {
		t.tx = inner
		return f()
	})
}
