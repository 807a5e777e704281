package gormclean_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// A statement that comes to name a file which is being deleted fails, and can't be
// committed, whatever the caller makes of the error.
func TestGone(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for how, write := range map[string]func(w *world) error{
			"implicit": func(w *world) error { return w.db.Model(&models.Album{ID: 2}).Update("Banner", "cover1").Error },
			"autocommit": func(w *world) error {
				return w.db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(&models.Album{ID: 2}).Update("Banner", "cover1").Error
			},
			"create": func(w *world) error { return w.db.Create(&models.Album{ID: 9, Cover: "cover1"}).Error },
			"upsert": func(w *world) error { return w.db.Save(&models.Album{ID: 2, Cover: "cover1"}).Error },
			"explicit": func(w *world) error {
				return w.db.Transaction(func(tx *gorm.DB) error {
					return tx.Model(&models.Album{ID: 2}).Update("Banner", "cover1").Error
				})
			},
			"error overlooked": func(w *world) error {
				tx := w.db.Begin()
				err := tx.Model(&models.Album{ID: 2}).Update("Banner", "cover1").Error
				if tx.Commit().Error == nil {
					w.t.Error("committed")
				}
				return err
			},
			"nested, error overlooked": func(w *world) (err error) {
				if w.db.Transaction(func(tx *gorm.DB) error {
					err = tx.Transaction(func(tx *gorm.DB) error {
						return tx.Model(&models.Album{ID: 2}).Update("Banner", "cover1").Error
					})
					return nil
				}) == nil {
					w.t.Error("committed")
				}
				return err
			},
		} {
			t.Run(how, func(t *testing.T) {
				w := newWorld(t, d, withOutbox, gorm.Config{})
				w.must(w.db.Model(&models.Album{ID: 1}).Update("Cover", "").Error)
				w.must(w.db.Exec("UPDATE filecleangen_outbox SET state = 'deleting', not_before = not_before + 100000").Error)
				before := w.dump()
				if err := write(w); !errors.Is(err, runtime.ErrGone) {
					t.Errorf("%v", err)
				}
				if after := w.dump(); after != before {
					t.Errorf("rows:\n%s\nbefore:\n%s", after, before)
				}
				w.check()
			})
		}
	})
}

// What a statement takes up is not deleted when its time is over, and what none
// does is.
func TestUploads(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, withOutbox, gorm.Config{})
		w.must(w.db.Model(&models.Album{ID: 1}).Update("Cover", w.file("n")).Error)
		w.file("never")
		s, err := w.box.Stats(t.Context())
		if err != nil || s.Uploads != 1 {
			t.Errorf("%+v, %v", s, err)
		}
		w.check()
	})
}

// Statements that have nothing to do with files cost no query more; others one, but for a
// DELETE that says what it deleted, and for an UPDATE on MariaDB and MySQL.
func TestQueries(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		deleted := 1
		if d == references.MySQL && !databases.MariaDB(t) {
			deleted = 3
		}
		update := map[references.Dialect]int{references.SQLite: 2, references.PostgreSQL: 1, references.MySQL: 4}[d]
		w := newWorld(t, d, withOutbox, gorm.Config{})
		w.must(w.db.Model(&models.Album{ID: 1}).Update("cover_file", w.file("x")).Error) // looks once for triggers
		for name, c := range map[string]struct {
			do   func(db *gorm.DB) error
			want int
		}{
			"another column": {func(db *gorm.DB) error { return db.Model(&models.Album{ID: 1}).Update("title", "x").Error }, 1},
			"struct":         {func(db *gorm.DB) error { return db.Model(&models.Album{ID: 1}).Updates(models.Album{Title: "y"}).Error }, 1},
			"another model":  {func(db *gorm.DB) error { return db.Model(&models.Plain{ID: 1}).Update("text", "x").Error }, 1},
			"soft delete":    {func(db *gorm.DB) error { return db.Delete(&models.Letter{}, 1).Error }, 1},
			"a column":       {func(db *gorm.DB) error { return db.Model(&models.Album{ID: 1}).Update("cover_file", "").Error }, update},
			"a json column": {func(db *gorm.DB) error {
				return db.Model(&models.Album{ID: 1}).Update("Photos", []models.Photo{}).Error
			}, update},
			"a column of Base":  {func(db *gorm.DB) error { return db.Model(&models.Album{ID: 1}).UpdateColumn("banner", "").Error }, update},
			"create":            {func(db *gorm.DB) error { return db.Create(&models.Album{ID: 9, Title: "z"}).Error }, 2},
			"create with files": {func(db *gorm.DB) error { return db.Create(&models.Album{ID: 10, Cover: w.file("c")}).Error }, 2},
			"delete":            {func(db *gorm.DB) error { return db.Delete(&models.Album{}, 2).Error }, deleted},
		} {
			n := &counter{Interface: logger.Discard}
			w.must(c.do(w.db.Session(&gorm.Session{Logger: n})))
			if n.statements != c.want {
				t.Errorf("%s: %d statements, want %d", name, n.statements, c.want)
			}
		}
		w.check()
	})
}

// counter counts statements.
type counter struct {
	logger.Interface
	statements int
}

func (c *counter) Trace(context.Context, time.Time, func() (string, int64), error) { c.statements++ }

// Rows without a primary key can't be found again after they were written.
func TestKeyless(t *testing.T) {
	w := newWorld(t, references.SQLite, withOutbox, gorm.Config{})
	w.must(w.db.AutoMigrate(&models.Keyless{}))
	w.must(w.db.Exec("INSERT INTO keylesses (text, file) VALUES ('x', 'a')").Error)
	for _, err := range []error{
		w.db.Model(&models.Keyless{}).Where("text = 'x'").Update("file", "b").Error,
		w.db.Where("text = 'x'").Delete(&models.Keyless{}).Error,
	} {
		if err == nil || !strings.Contains(err.Error(), "Keyless has no primary key") {
			t.Errorf("%v", err)
		}
	}
	var file string
	w.must(w.db.Raw("SELECT file FROM keylesses").Scan(&file).Error)
	if file != "a" {
		t.Errorf("the row names %q", file)
	}
}

func TestErrors(t *testing.T) {
	w := newWorld(t, references.SQLite, plain, gorm.Config{})
	if err := w.db.Use(gormclean.New((*outbox.Outbox)(nil))); err == nil || !strings.Contains(err.Error(), "the outbox or cleaner is nil") {
		t.Errorf("%v", err)
	}
	for text, table := range map[string]references.Option{
		"is *models.Plain its model?":       gormclean.Table(w.db, models.ItemFileType, &models.Plain{}),
		"unsupported data type":             gormclean.Table(w.db, models.ItemFileType, 7),
		"Table needs a database and a type": gormclean.Table(w.db, nil, &models.Item{}),
	} {
		if _, err := references.New(t.Context(), w.own, references.SQLite, table); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
