package gormclean_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/hooked"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// hookedWorld has models with hooks, and no plugin.
func hookedWorld(t *testing.T, d references.Dialect, config gorm.Config) *world {
	t.Helper()
	w := openWorld(t, d, plain, config)
	w.must(w.db.AutoMigrate(&hooked.Owner{}, &hooked.Album{}, &hooked.Item{}))
	dir, _ := w.clean.Storage("media")
	refs, err := references.New(t.Context(), w.own, d,
		gormclean.Table(w.db, hooked.AlbumFileType, &hooked.Album{}), gormclean.Table(w.db, hooked.ItemFileType, &hooked.Item{}))
	w.must(err)
	clean, err := runtime.New(
		runtime.WithStorage("media", dir),
		runtime.WithTypes(hooked.FileTypes()...),
		runtime.WithReferences(refs),
		runtime.WithLogger(slog.New(slog.DiscardHandler)),
	)
	w.must(err)
	w.box, err = outbox.New(t.Context(), clean, refs)
	w.must(err)
	w.keeper = w.box
	w.relay, err = w.box.Relay(t.Context(), "test")
	w.must(err)
	w.must(gormclean.Attach(w.db, w.box))
	for _, a := range []hooked.Album{
		{ID: 1, Slug: new("one"), Cover: w.file("cover1"), Pages: []string{w.file("page1")}, Items: []hooked.Item{{File: w.file("item1a")}, {File: w.file("item1b")}}},
		{ID: 2, Slug: new("two"), Cover: w.file("cover2"), Pages: []string{w.file("page2")}, Items: []hooked.Item{{File: w.file("item2")}}},
		{ID: 3, Cover: "blank.png", Owner: &hooked.Owner{Name: "x"}},
	} {
		w.must(w.db.Transaction(func(tx *gorm.DB) error { return tx.Create(&a).Error }))
	}
	return w
}

// wantGone checks which of the files that were there at first, and of n and m, are
// gone.
func (w *world) wantGone(names string) {
	w.t.Helper()
	w.settle()
	var gone []string
	for _, name := range []string{"cover1", "cover2", "item1a", "item1b", "item2", "m", "n", "page1", "page2"} {
		if !w.has(name) {
			gone = append(gone, name)
		}
	}
	want := strings.Fields(names)
	slices.Sort(want)
	if !slices.Equal(gone, want) {
		w.t.Errorf("gone: %v, want %v", gone, want)
	}
}

func TestHooks(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		do   func(w *world, db *gorm.DB) error
		gone string // m and n are uploaded for all
	}{
		"Update": {func(_ *world, db *gorm.DB) error { return db.Model(&hooked.Album{ID: 1}).Update("Cover", "n").Error }, "cover1 m"},
		"Save": {func(_ *world, db *gorm.DB) error {
			return db.Save(&hooked.Album{ID: 1, Cover: "n", Pages: []string{"m"}}).Error
		}, "cover1 page1"},
		"Save of associations": {func(_ *world, db *gorm.DB) error {
			var a hooked.Album
			if err := db.Preload("Items").First(&a, 1).Error; err != nil {
				return err
			}
			a.Cover, a.Items[0].File, a.Owner = "n", "m", &hooked.Owner{Name: "y"}
			return db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&a).Error
		}, "cover1 item1a"},
		"bulk Update": {func(_ *world, db *gorm.DB) error {
			return db.Model(&hooked.Album{}).Where("id < ?", 3).Update("cover", "n").Error
		}, "cover1 cover2 m"},
		"Update of a slice": {func(_ *world, db *gorm.DB) error {
			return db.Model([]hooked.Album{{ID: 1}, {ID: 2}}).Update("cover", "n").Error
		}, "cover1 cover2 m"},
		"Update twice by one chain": {func(_ *world, db *gorm.DB) error {
			chain := db.Model(&hooked.Album{}).Where("id = 1")
			return errors.Join(chain.Update("cover", "n").Error, chain.Update("cover", "m").Error)
		}, "cover1 n"},
		"RETURNING": {func(w *world, db *gorm.DB) error {
			db = db.Model(&hooked.Album{ID: 1})
			if w.d != references.MySQL {
				db = db.Clauses(clause.Returning{})
			}
			return db.Update("cover", "n").Error
		}, "cover1 m"},
		"Delete":       {func(_ *world, db *gorm.DB) error { return db.Delete(&hooked.Album{}, 1).Error }, "cover1 page1 m n"},
		"Delete items": {func(_ *world, db *gorm.DB) error { return db.Select("Items").Delete(&hooked.Album{ID: 1}).Error }, "cover1 page1 item1a item1b m n"},
		"bulk Delete":  {func(_ *world, db *gorm.DB) error { return db.Where("id > ?", 1).Delete(&hooked.Album{}).Error }, "cover2 page2 m n"},
		"upsert": {func(_ *world, db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns([]string{"cover"})}).
				Create([]hooked.Album{{ID: 9, Slug: new("one"), Cover: "n"}, {ID: 10, Slug: new("ten"), Cover: "m"}}).Error
		}, "cover1"},
		"CreateInBatches": {func(_ *world, db *gorm.DB) error {
			return db.CreateInBatches([]hooked.Album{{ID: 9, Cover: "n"}, {ID: 10}, {ID: 11, Cover: "m"}}, 2).Error
		}, ""},
		"generics": {func(_ *world, db *gorm.DB) error {
			_, err := gorm.G[hooked.Album](db).Where("id = ?", 1).Update(ctx, "cover", "n")
			_, other := gorm.G[hooked.Album](db).Where("id = ?", 2).Updates(ctx, hooked.Album{Cover: "m"})
			_, third := gorm.G[hooked.Item](db).Where("file = ?", "item2").Delete(ctx)
			return errors.Join(err, other, third)
		}, "cover1 cover2 item2"},
		"rolled back": {func(_ *world, db *gorm.DB) error {
			err := db.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Delete(&hooked.Album{}, 1).Error, errNo) })
			if errors.Is(err, errNo) {
				err = nil
			}
			return err
		}, "m n"},
		"savepoints": {func(_ *world, db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				_ = tx.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Delete(&hooked.Album{}, 1).Error, errNo) })
				return tx.Delete(&hooked.Album{}, 2).Error
			})
		}, "cover2 page2 m n"},
		"failed": {func(_ *world, db *gorm.DB) error {
			if db.Model(&hooked.Album{ID: 1}).Updates(map[string]any{"cover": "n", "slug": "two"}).Error == nil {
				return errors.New("no error")
			}
			return nil
		}, "m n"},
		"DryRun": {func(_ *world, db *gorm.DB) error {
			_ = db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Delete(&hooked.Album{}, 1) })
			return db.Session(&gorm.Session{DryRun: true}).Delete(&hooked.Album{}, 1).Error
		}, "m n"},
		"0 rows":        {func(_ *world, db *gorm.DB) error { return db.Model(&hooked.Album{ID: 99}).Update("cover", "n").Error }, "m n"},
		"another field": {func(_ *world, db *gorm.DB) error { return db.Model(&hooked.Album{ID: 1}).Update("title", "x").Error }, "m n"},
		"no files":      {func(_ *world, db *gorm.DB) error { return db.Model(&hooked.Owner{ID: 1}).Update("name", "x").Error }, "m n"},
	} {
		t.Run(name, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				w := hookedWorld(t, d, gorm.Config{})
				w.file("n")
				w.file("m")
				w.must(c.do(w, w.db))
				w.wantGone(c.gone)
			})
		})
	}
}

// What gorm writes before the statement, for associations, is not taken for it: the
// conditions would not be there yet.
func TestHooksAndAssociations(t *testing.T) {
	w := hookedWorld(t, references.SQLite, gorm.Config{})
	w.rec.on = true
	w.must(w.db.Save(&hooked.Album{ID: 1, Cover: "cover1", Owner: &hooked.Owner{Name: "y"}}).Error)
	if len(w.rec.asks) == 0 {
		t.Error("nothing was asked")
	}
	for _, sql := range w.rec.asks {
		if !strings.Contains(sql, "WHERE") {
			t.Error(sql)
		}
	}
}

// A file that is being deleted can't be taken up, and an error that the caller
// overlooks can't be committed.
func TestHooksGone(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := hookedWorld(t, d, gorm.Config{})
		w.must(w.db.Model(&hooked.Album{ID: 1}).Update("cover", "").Error)
		w.must(w.db.Exec("UPDATE filecleangen_outbox SET state = 'deleting', not_before = not_before + 100000").Error)
		if err := w.db.Model(&hooked.Album{ID: 2}).Update("cover", "cover1").Error; !errors.Is(err, runtime.ErrGone) {
			t.Errorf("%v", err)
		}
		if w.db.Transaction(func(tx *gorm.DB) error {
			_ = tx.Create(&hooked.Album{ID: 9, Cover: "cover1"}).Error
			return nil
		}) == nil {
			t.Error("committed")
		}
		w.file("n")
		w.file("m")
		w.wantGone("cover1 m n")
	})
}

// Where triggers see what becomes of names, hooks have nothing to do.
func TestHooksAndTriggers(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := hookedWorld(t, d, gorm.Config{})
		w.must(w.box.InstallTriggers(t.Context()))
		w.knows("albums")
		w.must(w.db.Model(&hooked.Album{ID: 3}).Update("cover", "").Error) // looks whether this is the table
		n := w.file("n")
		w.file("m")
		w.knows("albums")
		for _, write := range []func(db *gorm.DB) error{
			func(db *gorm.DB) error { return db.Model(&hooked.Album{ID: 1}).Update("cover", n).Error },
			func(db *gorm.DB) error { return db.Delete(&hooked.Album{}, 2).Error },
		} {
			if asks := w.asks(write); len(asks) > 0 {
				t.Errorf("asked: %q", asks)
			}
		}
		w.wantGone("cover1 cover2 page2 m")
		if err := w.db.Model(&hooked.Album{ID: 1}).Update("cover", "cover2").Error; !errors.Is(err, runtime.ErrGone) {
			t.Errorf("%v", err)
		}
	})
}

// Where hooks can't do what they are for, they say so.
func TestHooksRefuse(t *testing.T) {
	w := hookedWorld(t, references.SQLite, gorm.Config{SkipDefaultTransaction: true})
	if err := w.db.Delete(&hooked.Album{}, 1).Error; !errors.Is(err, gormclean.ErrNoTransaction) {
		t.Error(err)
	}
	w.must(w.db.Model(&hooked.Album{ID: 1}).Update("title", "x").Error)
	w.must(w.db.Transaction(func(tx *gorm.DB) error { return tx.Delete(&hooked.Album{}, 1).Error }))
	if err := gormclean.Attach(w.db, nil); err == nil {
		t.Error("no error")
	}
	if err := w.db.Use(gormclean.New(w.box)); !errors.Is(err, gorm.ErrRegistered) {
		t.Error(err)
	}

	other := openWorld(t, references.SQLite, plain, gorm.Config{})
	w.must(other.db.AutoMigrate(&hooked.Owner{}, &hooked.Album{}))
	if err := other.db.Create(&hooked.Album{}).Error; !errors.Is(err, gormclean.ErrNotAttached) {
		t.Error(err)
	}
}

// With the plugin, hooks do nothing: a file is let go of once.
func TestHooksAndPlugin(t *testing.T) {
	w := hookedWorld(t, references.SQLite, gorm.Config{})
	delete(w.db.Plugins, "filecleangen")
	w.must(w.db.Use(gormclean.New(w.box)))
	w.file("n")
	w.file("m")
	w.must(w.db.Model(&hooked.Album{ID: 1}).Update("cover", "n").Error)
	var rows int
	w.must(w.db.Raw("SELECT count(*) FROM filecleangen_outbox WHERE state = 'pending' AND reason = 'updated'").Scan(&rows).Error)
	if rows != 1 {
		t.Errorf("%d rows in the outbox", rows)
	}
	w.wantGone("cover1 m")
}
