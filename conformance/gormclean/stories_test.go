package gormclean_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

var errNo = errors.New("no")

// album loads an album.
func (w *world) album(db *gorm.DB, id int64) *models.Album {
	w.t.Helper()
	a := &models.Album{}
	w.must(db.First(a, id).Error)
	return a
}

// stories are uses of gorm. After each, the files are those that rows name, and gorm
// said and did what it does without the plugin.
var stories = map[string]func(w *world, db *gorm.DB){
	"Save": func(w *world, db *gorm.DB) {
		a := w.album(db, 1)
		a.Cover, a.Pages = w.file("n"), a.Pages[:1]
		w.did(db.Save(a))
	},
	"E22 Save stale": func(w *world, db *gorm.DB) {
		a := w.album(db, 1)
		w.did(db.Model(&models.Album{ID: 1}).Update("Cover", w.file("n")))
		a.Title = "stale"
		w.did(db.Save(a))
	},
	"Save of what is not there": func(w *world, db *gorm.DB) {
		w.did(db.Save(&models.Album{ID: 77, Cover: w.file("n")}))
	},
	"C2 E25 Save over a key": func(w *world, db *gorm.DB) {
		w.did(db.Save(&models.Album{ID: 2, Cover: w.file("n")}))
	},
	"Save a slice": func(w *world, db *gorm.DB) {
		w.did(db.Save([]models.Album{{ID: 2, Cover: w.file("n")}, {ID: 5, Cover: w.file("m")}}))
	},
	"E8 Save of what was read in part": func(w *world, db *gorm.DB) {
		a := &models.Album{}
		w.must(db.Select("id", "title").First(a, 1).Error)
		a.Cover = w.file("n")
		w.did(db.Save(a))
	},
	"Save nothing new": func(w *world, db *gorm.DB) { w.did(db.Save(w.album(db, 3))) },
	"Save with associations": func(w *world, db *gorm.DB) {
		var a models.Album
		w.must(db.Preload("Items").First(&a, 1).Error)
		a.Items[0].File = w.file("n")
		a.Items = append(a.Items, models.Item{File: w.file("m")})
		w.did(db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&a))
	},
	"Update":        func(w *world, db *gorm.DB) { w.did(db.Model(&models.Album{ID: 1}).Update("cover_file", w.file("n"))) },
	"Update loaded": func(w *world, db *gorm.DB) { w.did(db.Model(w.album(db, 1)).Update("Cover", w.file("n"))) },
	"Update to the default": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{ID: 1}).Update("Cover", "blank.png"))
		w.did(db.Model(&models.Album{ID: 1}).Update("Cover", ""))
	},
	"Updates struct": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{ID: 1}).Updates(models.Album{Cover: w.file("n"), Pages: []string{w.file("m")}}))
	},
	"Updates map": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{ID: 1}).Updates(map[string]any{"cover_file": w.file("n"), "banner": ""}))
	},
	"Updates itself": func(w *world, db *gorm.DB) {
		a := w.album(db, 1)
		a.Cover = w.file("n")
		w.did(db.Updates(a))
	},
	"Updates selected": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{ID: 1}).Select("Banner").Updates(models.Album{Cover: w.file("n")}))
	},
	"UpdateColumn": func(w *world, db *gorm.DB) { w.did(db.Model(&models.Album{ID: 1}).UpdateColumn("banner", w.file("n"))) },
	"UpdateColumns": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{ID: 1}).UpdateColumns(models.Album{Cover: "cover2"}))
	},
	"SkipHooks": func(w *world, db *gorm.DB) {
		w.did(db.Session(&gorm.Session{SkipHooks: true}).Model(&models.Album{ID: 1}).Update("Cover", w.file("n")))
	},
	"Expr": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{ID: 1}).Update("cover_file", gorm.Expr("banner")))
	},
	"Expr swap": func(w *world, db *gorm.DB) {
		a := w.album(db, 1)
		w.did(db.Model(a).Updates(map[string]any{"cover_file": a.Banner, "banner": a.Cover}))
	},
	"E9 E10 F8 bulk Update": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{}).Where("id < ?", 3).Update("cover_file", w.file("n")))
	},
	"bulk Update, all": func(w *world, db *gorm.DB) {
		w.did(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&models.Album{}).Update("banner", ""))
	},
	"bulk Update without condition": func(w *world, db *gorm.DB) { w.did(db.Model(&models.Album{}).Update("banner", "")) },
	"bulk Update of a slice": func(w *world, db *gorm.DB) {
		w.did(db.Model([]models.Album{{ID: 1}, {ID: 2}}).Update("cover_file", w.file("n")))
	},
	"bulk Update with Or, Not and a subquery": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{}).Where("id = ?", 1).Or("id IN (?)", db.Model(&models.Item{}).Select("album_id").Where("id > ?", 6)).Not("id = 3").Update("banner", ""))
	},
	"Table with Model": func(w *world, db *gorm.DB) {
		w.did(db.Table("albums").Model(&models.Album{}).Where("id = 1").Update("banner", ""))
	},
	"Scopes": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{}).Scopes(func(db *gorm.DB) *gorm.DB { return db.Where("id = 4") }).Update("banner", ""))
	},
	"0 rows": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{}).Where("id = 99").Update("cover_file", w.file("n")))
		w.did(db.Delete(&models.Album{}, 99))
	},
	"Delete":                 func(w *world, db *gorm.DB) { w.did(db.Delete(w.album(db, 1))) },
	"Delete by id":           func(w *world, db *gorm.DB) { w.did(db.Delete(&models.Album{}, 1)) },
	"Delete by ids":          func(w *world, db *gorm.DB) { w.did(db.Delete(&models.Album{}, []int{1, 3})) },
	"E19 Delete by key only": func(w *world, db *gorm.DB) { w.did(db.Delete(&models.Album{ID: 1})) },
	"F9 Delete by condition": func(w *world, db *gorm.DB) { w.did(db.Where("title LIKE ?", "%2").Delete(&models.Album{})) },
	"Delete by slice":        func(w *world, db *gorm.DB) { w.did(db.Delete([]models.Album{{ID: 1}, {ID: 4}})) },
	"Delete all": func(w *world, db *gorm.DB) {
		w.did(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&models.Item{}))
	},
	"Delete without where": func(w *world, db *gorm.DB) { w.did(db.Delete(&models.Item{})) },
	"Delete with children": func(w *world, db *gorm.DB) { w.did(db.Select("Items").Delete(&models.Album{ID: 1})) },
	"Delete in a transaction": func(w *world, db *gorm.DB) {
		w.must(w.transaction(db, func(tx *gorm.DB) error {
			w.did(tx.Delete(&models.Album{}, 1))
			return nil
		}))
	},
	"Create":       func(w *world, db *gorm.DB) { w.did(db.Create(&models.Album{Title: "new", Cover: w.file("n")})) },
	"Create twice": func(w *world, db *gorm.DB) { w.did(db.Create(&models.Album{ID: 1, Cover: w.file("n")})); w.notes = nil },
	"Create a map": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{}).Create(map[string]any{"id": 9, "cover_file": w.file("n")}))
	},
	"CreateInBatches": func(w *world, db *gorm.DB) {
		var all []*models.Album
		for i := range 10 {
			all = append(all, &models.Album{ID: int64(10 + i), Cover: w.file(fmt.Sprint("n", i))})
		}
		w.did(db.CreateInBatches(all, 3))
	},
	"CreateInBatches in a transaction": func(w *world, db *gorm.DB) {
		w.must(w.transaction(db, func(tx *gorm.DB) error {
			w.did(tx.CreateInBatches([]models.Album{{ID: 10, Cover: w.file0("n")}, {ID: 11}, {ID: 12}}, 2))
			return nil
		}))
		w.did(db.Model(&models.Album{ID: 10}).Update("Cover", ""))
	},
	"upsert, all": func(w *world, db *gorm.DB) {
		w.did(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&models.Album{ID: 1, Cover: w.file("n")}))
	},
	"upsert, some": func(w *world, db *gorm.DB) {
		w.did(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"banner"})}).
			Create(&models.Album{ID: 1, Cover: w.file("n"), Base: models.Base{Banner: w.file("m")}}))
	},
	"upsert, nothing": func(w *world, db *gorm.DB) {
		w.did(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&models.Album{ID: 1, Cover: w.file("n")}))
	},
	"upsert by a unique column": func(w *world, db *gorm.DB) {
		w.did(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns([]string{"cover_file"})}).
			Create([]models.Album{{ID: 50, Slug: new("slug1"), Cover: w.file("n")}, {ID: 51, Slug: new("slug9"), Cover: w.file("m")}}))
	},
	"FirstOrCreate": func(w *world, db *gorm.DB) {
		w.did(db.Where(models.Album{ID: 1}).Assign(models.Album{Cover: w.file("n")}).FirstOrCreate(&models.Album{}))
		w.did(db.Where(models.Album{ID: 60}).Attrs(models.Album{Cover: w.file("m")}).FirstOrCreate(&models.Album{}))
	},
	"association Append, Replace, Clear": func(w *world, db *gorm.DB) {
		w.must(db.Model(&models.Album{ID: 1}).Association("Items").Append(&models.Item{File: w.file("n")}))
		w.must(db.Model(&models.Album{ID: 2}).Association("Items").Unscoped().Replace(&models.Item{File: w.file("m")}))
		w.must(db.Model(&models.Album{ID: 3}).Association("Items").Unscoped().Clear())
	},
	"soft delete": func(w *world, db *gorm.DB) { w.did(db.Delete(&models.Letter{}, 1)) },
	"soft delete, restored": func(w *world, db *gorm.DB) {
		w.did(db.Delete(&models.Letter{}, 1))
		w.did(db.Unscoped().Model(&models.Letter{}).Where("id = 1").Update("deleted_at", nil))
	},
	"soft delete, then hard": func(w *world, db *gorm.DB) {
		w.did(db.Delete(&models.Letter{}, 1))
		w.did(db.Model(&models.Letter{}).Where("id < 3").Update("file", w.file("n")))
		w.did(db.Unscoped().Delete(&models.Letter{}, 1))
	},
	"DryRun": func(w *world, db *gorm.DB) {
		w.did(db.Session(&gorm.Session{DryRun: true}).Delete(&models.Album{}, 1))
		w.notes = append(w.notes, db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(&models.Album{ID: 1}).Update("title", "x") })[:20])
	},
	"rollback": func(w *world, db *gorm.DB) {
		err := w.transaction(db, func(tx *gorm.DB) error {
			w.did(tx.Delete(&models.Album{}, 1))
			w.did(tx.Model(&models.Album{ID: 2}).Update("Cover", w.file0("n")))
			return errNo
		})
		if !errors.Is(err, errNo) {
			w.t.Error(err)
		}
	},
	"panic": func(w *world, db *gorm.DB) {
		defer func() { _ = recover() }()
		_ = w.transaction(db, func(tx *gorm.DB) error {
			w.did(tx.Delete(&models.Album{}, 1))
			panic("oh")
		})
	},
	"nested transactions": func(w *world, db *gorm.DB) {
		w.must(w.transaction(db, func(tx *gorm.DB) error {
			w.did(tx.Delete(&models.Album{}, 1))
			_ = tx.Transaction(func(tx *gorm.DB) error {
				w.did(tx.Delete(&models.Album{}, 2))
				return errNo
			})
			return tx.Transaction(func(tx *gorm.DB) error {
				w.did(tx.Delete(&models.Album{}, 3))
				return nil
			})
		}))
	},
	"savepoints by hand": func(w *world, db *gorm.DB) {
		w.must(w.transaction(db, func(tx *gorm.DB) error {
			w.did(tx.Delete(&models.Album{}, 1))
			w.did(tx.SavePoint("s"))
			w.did(tx.Delete(&models.Album{}, 2))
			w.did(tx.SavePoint("s"))
			w.did(tx.Delete(&models.Album{}, 3))
			w.did(tx.RollbackTo("s"))
			return tx.Exec("RELEASE SAVEPOINT s").Error
		}))
	},
	"moved to another row": func(w *world, db *gorm.DB) {
		w.must(w.transaction(db, func(tx *gorm.DB) error {
			a := w.album(tx, 1)
			w.did(tx.Delete(a))
			w.did(tx.Model(&models.Album{ID: 2}).Update("Banner", a.Cover))
			return nil
		}))
	},
	"copied, and one deleted": func(w *world, db *gorm.DB) {
		w.did(db.Model(&models.Album{ID: 2}).Update("Banner", w.album(db, 1).Cover))
		w.did(db.Delete(&models.Album{}, 1))
	},
	"taken up again": func(w *world, db *gorm.DB) {
		a := w.album(db, 1)
		w.did(db.Delete(&models.Album{}, 1))
		w.did(db.Create(&models.Album{ID: 70, Cover: a.Cover}))
	},
	"FindInBatches": func(w *world, db *gorm.DB) {
		var some []models.Album
		w.did(db.FindInBatches(&some, 2, func(tx *gorm.DB, _ int) error {
			for i := range some {
				some[i].Banner = ""
			}
			return tx.Save(&some).Error
		}))
	},
	"generics": func(w *world, db *gorm.DB) {
		ctx := w.t.Context()
		n, err := gorm.G[models.Album](db).Where("id = ?", 1).Update(ctx, "cover_file", w.file("n"))
		w.notes = append(w.notes, fmt.Sprint(n, err))
		n, err = gorm.G[models.Album](db).Where("id = ?", 2).Updates(ctx, models.Album{Base: models.Base{Banner: w.file("m")}})
		w.notes = append(w.notes, fmt.Sprint(n, err))
		n, err = gorm.G[models.Album](db).Where("id > ?", 2).Delete(ctx)
		w.notes = append(w.notes, fmt.Sprint(n, err))
		w.must(gorm.G[models.Album](db).Create(ctx, &models.Album{ID: 80, Cover: w.file("o")}))
	},
	"RETURNING": func(w *world, db *gorm.DB) {
		var some, gone []models.Album
		w.did(db.Model(&some).Clauses(clause.Returning{}).Where("id < 3").Update("banner", ""))
		w.did(db.Clauses(clause.Returning{}).Where("id = 4").Delete(&gone))
		w.notes = append(w.notes, fmt.Sprint(len(some), len(gone)))
	},
	"no files": func(w *world, db *gorm.DB) {
		w.did(db.Create(&models.Plain{ID: 2, Text: "y"}))
		w.did(db.Model(&models.Plain{}).Where("id = 1").Update("text", "z"))
		w.did(db.Delete(&models.Plain{}, 1))
	},
}

// file0 is the name of a file that is not made: on SQLite it can't be in a
// transaction, and elsewhere it need not.
func (w *world) file0(name string) string { return name }

// outboxOnly are stories in which a row comes to name a file that another statement
// let go of, and which has gone at once in memory; and one in which gorm begins a
// transaction as a caller does.
var outboxOnly = map[string]bool{"E22 Save stale": true, "taken up again": true, "CreateInBatches": true}

func TestStories(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		if testing.Short() && d != references.SQLite {
			t.Skip("they are long, and the plugin's goroutines are the same everywhere")
		}
		for how, config := range map[string]gorm.Config{
			"": {}, "PrepareStmt": {PrepareStmt: true}, "SkipDefaultTransaction": {SkipDefaultTransaction: true},
		} {
			if how != "" && d != references.SQLite {
				continue // it takes long there
			}
			for name, story := range stories {
				t.Run(how+" "+name, func(t *testing.T) {
					without := newWorld(t, d, plain, config)
					without.tell(story)
					for _, m := range []mode{withOutbox, withTriggers, inMemory} {
						if m == inMemory && outboxOnly[name] {
							continue
						}
						t.Run(string(m), func(t *testing.T) {
							w := newWorld(t, d, m, config)
							w.tell(story)
							w.compare(without)
							w.check()
						})
					}
				})
			}
		}
	})
}

// compare compares a world with one in which the same story was told.
func (w *world) compare(without *world) {
	w.t.Helper()
	for _, c := range []struct{ what, got, want string }{
		{"gorm said", fmt.Sprint(w.notes), fmt.Sprint(without.notes)},
		{"SQL", strings.Join(w.rec.sql, "\n"), strings.Join(without.rec.sql, "\n")},
		{"rows", w.dump(), without.dump()},
	} {
		if c.got != c.want {
			w.t.Errorf("%s:\n%s\nwithout the plugin:\n%s", c.what, c.got, c.want)
		}
	}
}
