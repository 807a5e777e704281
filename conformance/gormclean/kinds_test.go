package gormclean_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// eachKind runs a test on each database, in memory, with an outbox, and with triggers.
func eachKind(t *testing.T, test func(w *world), first ...gorm.Plugin) {
	t.Helper()
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for _, m := range []mode{inMemory, withOutbox, withTriggers} {
			t.Run(string(m), func(t *testing.T) { test(openWorld(t, d, m, gorm.Config{}, first...)) })
		}
	})
}

// A statement may write as many rows with the plugin as without.
func TestLargeUpserts(t *testing.T) {
	eachKind(t, func(w *world) {
		var rows []models.Album
		for i := range int64(2000) {
			rows = append(rows, models.Album{ID: i + 1, Slug: new(fmt.Sprint("s", i)), Cover: fmt.Sprint("old", i%7)})
		}
		w.must(w.db.Create(&rows).Error)
		for i := range rows {
			rows[i].Cover = fmt.Sprint("new", i%5)
		}
		w.must(w.db.Save(&rows).Error)
		var names []string
		w.must(w.db.Model(&models.Album{}).Distinct().Order("cover_file").Pluck("cover_file", &names).Error)
		if got := strings.Join(names, " "); got != "new0 new1 new2 new3 new4" {
			w.t.Errorf("rows name %s", got)
		}
	})
}

// Upserts of new rows need no second connection, and wait for none.
func TestUpsertsAtAPoolOfOne(t *testing.T) {
	eachKind(t, func(w *world) {
		db, err := w.db.DB()
		w.must(err)
		db.SetMaxOpenConns(1)
		for i := range int64(5) {
			w.must(w.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&models.Album{ID: i + 1, Slug: new(fmt.Sprint("s", i)), Cover: w.file(fmt.Sprint("f", i))}).Error)
		}
		w.must(w.db.Save(&[]models.Album{{ID: 1, Cover: w.file("n")}, {ID: 9, Cover: w.file("m")}}).Error)
		w.must(w.db.Model(&models.Album{}).Where("id < 4").Update("Banner", w.file("b")).Error)
		w.must(w.db.Delete(&models.Album{}, 2).Error)
		if s := db.Stats(); s.WaitCount > 0 {
			w.t.Errorf("waited %d times for a connection, %v", s.WaitCount, s.WaitDuration)
		}
		if len(w.rec.warned) > 0 {
			w.t.Errorf("warned: %q", w.rec.warned)
		}
		w.check()
	})
}

// What a row names that was created is what is there, not what it was given.
func TestCreatedRowsAreRead(t *testing.T) {
	for name, create := range map[string]func(w *world) error{
		"Omit":   func(w *world) error { return w.db.Omit("Cover").Create(&models.Album{ID: 1, Cover: w.file("n")}).Error },
		"Select": func(w *world) error { return w.db.Select("Title").Create(&models.Album{Cover: w.file("n")}).Error },
		"a column for updates": func(w *world) error {
			return w.db.Create(&models.Marked{At: time.Unix(7, 0), File: w.file("a"), Late: w.file("n")}).Error
		},
		"a time is the key": func(w *world) error {
			row := &models.Marked{At: time.Date(2026, 1, 2, 3, 4, 5, 678912345, time.UTC), File: w.file("a")}
			if err := w.db.Create(row).Error; err != nil {
				return err
			}
			return w.db.Where("1 = 1").Delete(&models.Marked{}).Error
		},
		"passed over": func(w *world) error {
			modifier := map[references.Dialect]string{references.SQLite: "OR IGNORE", references.MySQL: "IGNORE"}[w.d]
			w.must(w.db.Create(&models.Album{ID: 1, Slug: new("s"), Cover: w.file("a")}).Error)
			db := w.db.Clauses(clause.OnConflict{DoNothing: true})
			if modifier != "" {
				db = w.db.Clauses(clause.Insert{Modifier: modifier})
			}
			return db.Create(&[]models.Album{{ID: 1, Slug: new("s"), Cover: w.file("n")}, {ID: 2, Slug: new("t"), Cover: w.file("m")}}).Error
		},
		"replaced": func(w *world) error {
			if w.d != references.SQLite {
				return nil
			}
			w.must(w.db.Create(&models.Album{ID: 1, Slug: new("s"), Cover: w.file("a")}).Error)
			w.must(w.db.Create(&models.Album{ID: 2, Slug: new("t"), Cover: w.file("b")}).Error)
			return w.db.Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(&models.Album{ID: 1, Slug: new("t"), Cover: w.file("n")}).Error
		},
		"a trigger": func(w *world) error {
			w.must(w.db.Exec(map[references.Dialect]string{
				references.SQLite:     "CREATE TRIGGER tr AFTER INSERT ON albums BEGIN UPDATE albums SET cover_file = 'other' WHERE id = NEW.id; END",
				references.MySQL:      "CREATE TRIGGER tr BEFORE INSERT ON albums FOR EACH ROW SET NEW.cover_file = 'other'",
				references.PostgreSQL: "CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.cover_file := 'other'; RETURN NEW; END$$; CREATE TRIGGER tr BEFORE INSERT ON albums FOR EACH ROW EXECUTE FUNCTION tr()",
			}[w.d]).Error)
			w.file("other")
			return w.db.Create(&models.Album{ID: 1, Cover: w.file("n")}).Error
		},
		"cut short": func(w *world) error {
			if w.d != references.MySQL {
				return nil
			}
			w.file("12345")
			return w.transaction(w.db, func(tx *gorm.DB) error {
				w.must(tx.Exec("SET SESSION sql_mode = ''").Error)
				return tx.Create(&models.Narrow{ID: 1, File: w.file("12345678")}).Error
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(w *world) {
				w.must(create(w))
				w.check()
			}, &with{models.MarkedFileType, &models.Marked{}}, &with{models.NarrowFileType, &models.Narrow{}})
		})
	}
}

// A condition that means other rows each time it is evaluated lets go of those that went,
// where a DELETE says what it deleted.
func TestVolatileDelete(t *testing.T) {
	eachKind(t, func(w *world) {
		if w.d == references.MySQL && !databases.MariaDB(w.t) {
			w.t.Skip("MySQL has no RETURNING")
		}
		w.fill()
		random := "random()"
		if w.d == references.MySQL {
			random = "rand()"
		}
		for range 3 {
			w.must(w.db.Where("id IN (SELECT id FROM (SELECT id FROM albums ORDER BY " + random + " LIMIT 1) x)").Delete(&models.Album{}).Error)
		}
		w.must(w.db.Where("album_id NOT IN (SELECT id FROM albums)").Delete(&models.Item{}).Error)
		w.check()
	})
}

// An UPDATE at READ COMMITTED waits for no row that does not match, and a DELETE with a
// limit reads no more rows than it deletes, and none where it says what it deleted.
func TestReadCommittedOnMariaDB(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		for _, m := range []mode{inMemory, withOutbox} {
			t.Run(string(m), func(t *testing.T) {
				w := newWorld(t, d, m, gorm.Config{})
				db, err := w.db.DB()
				w.must(err)
				other, err := db.Begin()
				w.must(err)
				defer func() { _ = other.Rollback() }()
				_, err = other.Exec("UPDATE albums SET title = 'held' WHERE id = 1")
				w.must(err)
				w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
					w.must(tx.Exec("SET innodb_lock_wait_timeout = 1").Error)
					return tx.Model(&models.Album{}).Where("title = ?", "album 2").Update("Cover", w.file("n")).Error
				}, &sql.TxOptions{Isolation: sql.LevelReadCommitted}))
				w.must(other.Rollback())
				w.rec.on = true
				w.must(w.db.Where("title LIKE ?", "album %").Limit(2).Delete(&models.Album{}).Error)
				w.rec.on = false
				if databases.MariaDB(t) && len(w.rec.asks) > 0 {
					t.Errorf("it read rows: %q", w.rec.asks)
				}
				w.must(w.db.Where("album_id NOT IN (SELECT id FROM albums)").Delete(&models.Item{}).Error)
				w.check()
			})
		}
	}, references.MySQL)
}

// A role that may delete, and not update, can delete.
func TestDeleteWithoutTheRightToUpdate(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		for _, m := range []mode{inMemory, withOutbox} {
			t.Run(string(m), func(t *testing.T) {
				w := newWorld(t, d, m, gorm.Config{})
				var schema string
				w.must(w.db.Raw("SELECT current_schema()").Scan(&schema).Error)
				role := schema + "_role"
				for _, grant := range []string{
					"CREATE ROLE " + role, "GRANT USAGE ON SCHEMA " + schema + " TO " + role,
					"GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role, "REVOKE UPDATE ON albums FROM " + role,
				} {
					w.must(w.db.Exec(grant).Error)
				}
				defer func() {
					w.must(w.db.Exec("DROP OWNED BY " + role).Error)
					w.must(w.db.Exec("DROP ROLE " + role).Error)
				}()
				w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
					w.must(tx.Exec("SET LOCAL ROLE " + role).Error)
					return tx.Delete(&models.Album{}, 1).Error
				}))
				w.must(w.db.Where("album_id = 1").Delete(&models.Item{}).Error)
				w.check()
			})
		}
	}, references.PostgreSQL)
}

// A name that a serializer hides can't be asked for.
func TestSerializersAreRefused(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := openWorld(t, d, plain, gorm.Config{})
		w.must(w.db.AutoMigrate(&models.Sealed{}))
		_, err := references.New(t.Context(), w.own, d, gormclean.Table(w.db, models.SealedFileType, &models.Sealed{}))
		if err == nil || !strings.Contains(err.Error(), "Sealed.File is written to sealeds by a serializer, schema.GobSerializer") {
			t.Errorf("%v", err)
		}
	}, references.SQLite)
}

// A foreign key that deletes rows with files is warned of, once; not where triggers see it.
func TestCascadesAreWarnedOf(t *testing.T) {
	eachKind(t, func(w *world) {
		w.must(w.db.AutoMigrate(&models.Shelf{}))
		for range 2 {
			w.must(w.db.Create(&models.Shelf{Books: []models.Book{{File: w.file("a")}}}).Error)
		}
		want := 1
		if w.mode == withTriggers {
			want = 0
		}
		if len(w.rec.warned) != want || want > 0 && !strings.Contains(w.rec.warned[0], "deleting rows of Shelf deletes those of Book") {
			w.t.Errorf("warned: %q", w.rec.warned)
		}
		w.must(w.db.Where("1 = 1").Delete(&models.Book{}).Error)
		w.check()
	}, &with{models.BookFileType, &models.Book{}})
}

// A hook that panics leaves no batch open, and no transaction.
func TestHookPanics(t *testing.T) {
	eachKind(t, func(w *world) {
		up := w.upload("panics")
		func() {
			defer func() { _ = recover() }()
			_ = w.db.Create(&models.Book{ID: 1, File: up.Name()}).Error
			w.t.Error("no panic")
		}()
		up.Discard()
		if n := w.clean.Stats().Open; n != 0 {
			w.t.Errorf("%d batches are open", n)
		}
		if db, err := w.db.DB(); err != nil || db.Stats().InUse != 0 {
			w.t.Errorf("a connection is in use, %v", err)
		}
		w.check()
	}, &with{models.BookFileType, &models.Book{}})
}

// A table may have another name in a statement.
func TestAliases(t *testing.T) {
	eachKind(t, func(w *world) {
		w.must(w.db.Exec("INSERT INTO items (id, file) VALUES (1, ?), (5, ?)", w.file("a"), w.file("b")).Error)
		w.must(w.db.Table("items AS i").Model(&models.Item{}).Where("i.id < ?", 3).Update("file", w.file("n")).Error)
		w.check()
	})
}

// A table may have rules, by which PostgreSQL makes several statements of one.
func TestRules(t *testing.T) {
	w := openWorld(t, references.PostgreSQL, withOutbox, gorm.Config{})
	w.must(w.db.Exec("INSERT INTO items (id, file) VALUES (1, ?), (5, ?)", w.file("a"), w.file("b")).Error)
	w.must(w.db.Exec("CREATE TABLE copies (id bigint, file text)").Error)
	w.must(w.db.Exec("CREATE RULE copied AS ON UPDATE TO items DO ALSO INSERT INTO copies VALUES (NEW.id, NEW.file)").Error)
	w.must(w.db.Model(&models.Item{}).Where("id < ?", 3).Update("file", w.file("n")).Error)
	w.check()
}

// counted is a value that counts how often gorm asks what it is.
type counted struct{ n *int }

// GormValue is called by gorm.
func (c counted) GormValue(context.Context, *gorm.DB) clause.Expr {
	*c.n++
	return clause.Expr{SQL: "?", Vars: []any{1}}
}

// A condition is evaluated as often as without the plugin.
func TestConditionsAreEvaluatedOnce(t *testing.T) {
	eachKind(t, func(w *world) {
		w.fill()
		for name, do := range map[string]func(where *gorm.DB) error{
			"UPDATE": func(db *gorm.DB) error { return db.Model(&models.Album{}).Update("Cover", w.file("n")).Error },
			"UPDATE of two": func(db *gorm.DB) error {
				return db.Model(&models.Album{}).Updates(map[string]any{"Cover": w.file("m"), "Banner": w.file("o")}).Error
			},
			"DELETE": func(db *gorm.DB) error { return db.Delete(&models.Item{}).Error },
			"DryRun": func(db *gorm.DB) error {
				return db.Session(&gorm.Session{DryRun: true}).Model(&models.Album{}).Update("Cover", "x").Error
			},
		} {
			n := 0
			w.must(do(w.db.Where("id = ?", counted{&n})))
			if n != 1 {
				w.t.Errorf("%s: %d times", name, n)
			}
		}
		w.check()
	})
}
