package gorm_test

import (
	"strings"
	"testing"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/triggered/gorm/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// documents is a database of pages, which has triggers, and a relay.
type documents struct {
	*gorm.DB
	t     *testing.T
	box   *outbox.Outbox
	relay *outbox.Relay
}

func newDocuments(t *testing.T, d references.Dialect) *documents {
	t.Helper()
	w := &documents{t: t}
	dsn := databases.New(t, d)
	db, err := databases.Open(d, dsn)
	w.must(err)
	t.Cleanup(func() { _ = db.Close() })
	dir, err := storage.Dir(t.TempDir())
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	w.DB, err = gorm.Open(map[references.Dialect]gorm.Dialector{
		references.SQLite:     sqlite.Dialector{Conn: db},
		references.PostgreSQL: postgres.New(postgres.Config{Conn: db}),
		references.MySQL:      gormmysql.New(gormmysql.Config{Conn: db}),
	}[d], &gorm.Config{Logger: logger.Discard})
	w.must(err)
	json := map[references.Dialect]string{references.SQLite: "text", references.PostgreSQL: "jsonb", references.MySQL: "json"}[d]
	w.must(w.Exec("CREATE TABLE pages (id bigint PRIMARY KEY, content " + json + ")").Error)
	w.must(outbox.Migrate(t.Context(), db, d))
	w.must(outbox.Mark(dir, "test"))
	refs, err := references.New(t.Context(), db, d, references.Table(models.PageFileType, "pages", references.Columns{"Content.Cover": {Form: references.JSON}}), references.NotStored(models.ContentFileType, models.BlockFileType))
	w.must(err)
	cleaner, err := runtime.New(runtime.WithStorage("media", dir, runtime.Exclusive()), runtime.WithTypes(models.FileTypes()...), runtime.WithReferences(refs))
	w.must(err)
	w.box, err = outbox.New(t.Context(), cleaner, refs)
	w.must(err)
	w.must(w.box.InstallTriggers(t.Context()))
	w.relay, err = w.box.Relay(t.Context(), "test")
	w.must(err)
	return w
}

func (w *documents) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *documents) upload(name string) string {
	w.t.Helper()
	up, err := w.box.Create(w.t.Context(), "media", name)
	w.must(err)
	_, err = up.Write([]byte(name))
	w.must(err)
	w.must(up.Close())
	return up.Name()
}

// rows are what the outbox has, but for tombstones.
func (w *documents) rows() string {
	w.t.Helper()
	var all []string
	w.must(w.Raw("SELECT name FROM filecleangen_outbox WHERE state <> 'gone' ORDER BY name").Scan(&all).Error)
	return strings.Join(all, " ")
}

// What gorm writes with serializer:json has names under the keys that its tags say. Its other
// strings are nobody's concern.
func TestDocument(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newDocuments(t, d)
		page := &models.Page{ID: 1, Content: models.Content{Type: "image", Cover: w.upload("cover"), Blocks: []models.Block{
			{Kind: "image", Picture: w.upload("picture"), Sizes: map[string]string{"small": w.upload("small")}},
			{Kind: "columns", Inner: []models.Block{{Kind: "text"}, {Kind: "image", Picture: w.upload("inner")}}},
		}}}
		w.must(w.Create(page).Error)
		if done, err := w.relay.Drain(t.Context()); err != nil || done.Named != 4 {
			t.Errorf("%+v, %v", done, err)
		}
		w.must(w.Exec("INSERT INTO filecleangen_outbox (storage, name, state, gone_at) VALUES ('media', 'text', 'gone', 1)").Error)
		page.Content.Blocks[0].Kind = "text"
		page.Content.Blocks[1].Inner[1].Picture = ""
		w.must(w.Save(page).Error)
		if got := w.rows(); got != "inner" {
			t.Errorf("the outbox has %q", got)
		}
		w.must(w.Delete(page).Error)
		if got := w.rows(); got != "cover inner picture small" {
			t.Errorf("the outbox has %q", got)
		}
		if done, err := w.relay.Drain(t.Context()); err != nil || done.Removed != 4 || done.Missing != 0 {
			t.Errorf("%+v, %v", done, err)
		}
		w.must(w.Create(&models.Page{ID: 2, Content: models.Content{Type: "image"}}).Error)
		if err := w.Create(&models.Page{ID: 3, Content: models.Content{Cover: "cover"}}).Error; !outbox.IsGone(err) {
			t.Error(err)
		}
	}, references.SQLite, references.PostgreSQL, references.MySQL)
}
