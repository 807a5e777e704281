package gormclean_test

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// has reports whether a file is there.
func (w *world) has(name string) bool {
	w.t.Helper()
	_, err := os.Stat(w.root + "/" + name)
	return err == nil
}

// eachInMemory runs a test on each database, in memory.
func eachInMemory(t *testing.T, test func(w *world)) {
	t.Helper()
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		test(newWorld(t, d, inMemory, gorm.Config{}))
	})
}

// Files go when gorm has committed, not before.
func TestMemoryCommits(t *testing.T) {
	eachInMemory(t, func(w *world) {
		n := w.file("n")
		w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
			w.must(tx.Delete(&models.Album{}, 1).Error)
			w.must(tx.Model(&models.Album{ID: 2}).Update("Cover", n).Error)
			if !w.has("cover1") || !w.has("cover2") {
				w.t.Error("a file went before the commit")
			}
			return nil
		}))
		if w.has("cover1") || w.has("cover2") || !w.has("n") {
			w.t.Error("after the commit the files are not as they should be")
		}
		w.check()
	})
}

// A transaction whose commit nobody sees can't let go of files; of anything else it
// can.
func TestMemoryUnobserved(t *testing.T) {
	eachInMemory(t, func(w *world) {
		tx := w.db.Begin()
		defer tx.Rollback()
		for name, err := range map[string]error{
			"Delete":      tx.Delete(&models.Album{}, 1).Error,
			"Update":      tx.Model(&models.Album{ID: 2}).Update("Cover", "n").Error,
			"Create":      tx.Create(&models.Album{Cover: "n"}).Error,
			"association": tx.Select("Items").Delete(&models.Album{ID: 3}).Error,
			"Transaction": gormclean.Transaction(tx, func(*gorm.DB) error { return nil }),
			"nested": tx.Transaction(func(tx *gorm.DB) error {
				return tx.Delete(&models.Album{}, 1).Error
			}),
		} {
			if !errors.Is(err, gormclean.ErrUnobserved) {
				w.t.Errorf("%s: %v", name, err)
			}
		}
		w.must(tx.Model(&models.Album{ID: 1}).Update("Title", "x").Error)
		w.must(tx.Create(&models.Plain{ID: 2, Text: "y"}).Error)
		w.must(tx.Commit().Error)
		if got := w.album(w.db, 1); got.Title != "x" || got.Cover != "cover1" {
			w.t.Errorf("%+v", got)
		}
		w.check()
	})
}

func TestMemoryRollback(t *testing.T) {
	eachInMemory(t, func(w *world) {
		before := w.dump()
		for _, end := range []func(){
			func() {},
			func() { panic(errNo) },
		} {
			func() {
				defer func() { _ = recover() }()
				n, never := w.upload("n"), w.upload("never")
				defer n.Discard()
				defer never.Discard()
				_ = gormclean.Transaction(w.db, func(tx *gorm.DB) error {
					w.must(tx.Delete(&models.Album{}, 1).Error)
					w.must(tx.Model(&models.Album{ID: 2}).Update("Cover", n.Name()).Error)
					end()
					return errNo
				})
			}()
			if w.has("n") || w.has("never") {
				w.t.Error("an upload stayed after a rollback")
			}
		}
		if after := w.dump(); after != before {
			w.t.Errorf("rows:\n%s\nbefore:\n%s", after, before)
		}
		w.check()
	})
}

// A savepoint that is rolled back takes what it let go of with it, and what it named.
func TestMemorySavepoints(t *testing.T) {
	eachInMemory(t, func(w *world) {
		n, m := w.upload("n"), w.upload("m")
		w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
			_ = gormclean.Transaction(tx, func(tx *gorm.DB) error { // a nested one
				w.must(tx.Model(&models.Album{ID: 1}).Update("Cover", n.Name()).Error)
				return errNo
			})
			w.must(tx.Transaction(func(tx *gorm.DB) error {
				return tx.Model(&models.Album{ID: 2}).Update("Cover", m.Name()).Error
			}))
			return tx.Transaction(func(tx *gorm.DB) error {
				w.must(tx.Exec("SAVEPOINT Mine").Error)
				w.must(tx.Delete(&models.Album{}, 3).Error)
				return tx.Exec("ROLLBACK TO SAVEPOINT MINE").Error
			})
		}))
		n.Discard()
		m.Discard()
		if w.has("n") || !w.has("m") || !w.has("cover1") || w.has("cover2") || !w.has("cover3") {
			w.t.Error("the files are not as they should be")
		}
		w.check()
	})
}

// What ends the transaction unseen, or a part of it, does not make files go that rows name.
func TestMemoryLosesTrack(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for name, do := range map[string]func(tx *gorm.DB){
			"rolled back": func(tx *gorm.DB) { tx.Exec("ROLLBACK"); tx.Exec("BEGIN") },
			"another spelling": func(tx *gorm.DB) {
				tx.Exec("/* by hand */ SAVEPOINT a")
				tx.Exec("/* by hand */ ROLLBACK TO SAVEPOINT a")
			},
			"a savepoint that is not there": func(tx *gorm.DB) { tx.RollbackTo("a") },
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, d, inMemory, gorm.Config{})
				_ = gormclean.Transaction(w.db, func(tx *gorm.DB) error {
					w.must(tx.Delete(&models.Album{}, 1).Error)
					do(tx)
					return nil
				})
				if w.db.First(&models.Album{}, 1).Error == nil {
					w.wantCover1()
				}
			})
		}
	})
}

// MariaDB rolls back the whole transaction at a deadlock, and reports success for the
// commit that a caller makes all the same.
func TestMemoryDeadlock(t *testing.T) {
	w := newWorld(t, references.MySQL, inMemory, gorm.Config{})
	locked, let, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	touch := func(tx *gorm.DB, id int64) error { return tx.Model(&models.Album{ID: id}).Update("Title", "x").Error }
	go func() {
		tx := w.db.Begin()
		defer tx.Rollback()
		for i := range int64(50) { // the one that has written less is rolled back
			_ = tx.Create(&models.Plain{ID: 100 + i}).Error
		}
		_ = touch(tx, 2)
		close(locked)
		<-let
		done <- touch(tx, 1)
	}()
	<-locked
	err := gormclean.Transaction(w.db, func(tx *gorm.DB) error {
		if err := tx.Model(&models.Album{ID: 1}).Update("Cover", "").Error; err != nil {
			w.t.Error(err)
		}
		close(let)
		if err := touch(tx, 2); err == nil || !strings.Contains(err.Error(), "1213") {
			w.t.Errorf("no deadlock: %v", err)
		}
		return nil // overlooked
	})
	if err != nil || !w.has("cover1") || w.album(w.db, 1).Cover != "cover1" {
		w.t.Errorf("%v, cover1 is there: %v", err, w.has("cover1"))
	}
	w.must(<-done)
	w.check()
}

// A commit that fails leaves everything.
func TestMemoryCommitFails(t *testing.T) {
	w := newWorld(t, references.PostgreSQL, inMemory, gorm.Config{})
	w.must(w.db.Exec("ALTER TABLE items ADD CONSTRAINT a FOREIGN KEY (album_id) REFERENCES albums DEFERRABLE INITIALLY DEFERRED").Error)
	before := w.dump()
	if err := w.db.Delete(&models.Album{}, 1).Error; err == nil {
		t.Error("no error")
	}
	if err := gormclean.Transaction(w.db, func(tx *gorm.DB) error { return tx.Delete(&models.Album{}, 1).Error }); err == nil {
		t.Error("no error")
	}
	if after := w.dump(); after != before || !w.has("cover1") {
		t.Errorf("rows:\n%s\nbefore:\n%s", after, before)
	}
}

// A row that comes to name a file which another transaction has let go of and deleted
// meanwhile is not committed.
func TestMemoryGone(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, inMemory, gorm.Config{})
		err := gormclean.Transaction(w.db, func(tx *gorm.DB) error {
			cover := w.album(tx, 1).Cover
			w.must(w.db.Model(&models.Album{ID: 1}).Update("Cover", "").Error)
			_ = tx.Create(&models.Album{ID: 9, Cover: cover}).Error // overlooked
			return nil
		})
		if err == nil || w.db.First(&models.Album{}, 9).Error == nil {
			t.Errorf("committed: %v", err)
		}
		w.check()
	})
}

// A statement writes a row that another transaction made after the plugin had looked:
// what it named is read from outside, and what it names now is known in any case. On PostgreSQL
// both are one statement.
func TestMemoryOvertaken(t *testing.T) {
	for name, alone := range map[string]bool{"seen from outside": false, "no other connection": true} {
		t.Run(name, func(t *testing.T) {
			databases.On(t, func(t *testing.T, d references.Dialect) {
				w := newWorld(t, d, inMemory, gorm.Config{})
				other := w.db.Session(&gorm.Session{Logger: logger.Discard, Context: t.Context()})
				db, err := w.db.DB()
				w.must(err)
				db.SetMaxOpenConns(2)
				release, n, looks := func() {}, w.file("n"), 2
				w.rec.after = func(sql string) {
					if strings.Contains(sql, "/* filecleangen */") {
						if looks--; looks > 0 {
							return
						}
						w.rec.after = nil
						w.must(other.Create(&models.Album{ID: 101, Base: models.Base{Banner: n}}).Error)
						if alone {
							conn, err := db.Conn(t.Context())
							w.must(err)
							release = func() { w.must(conn.Close()) }
						}
					}
				}
				w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
					cover := w.album(tx.Session(&gorm.Session{Logger: logger.Discard}), 1).Cover
					w.must(tx.Model(&models.Album{}).Where("id > 100").Update("banner", cover).Error)
					release()
					return other.Model(&models.Album{ID: 1}).Update("Cover", "").Error
				}, &sql.TxOptions{Isolation: sql.LevelReadCommitted}))
				if w.album(w.db, 101).Banner != "cover1" || !w.has("cover1") {
					t.Error("LOST: cover1")
				}
				if warned := strings.Join(w.rec.warned, ""); strings.Contains(warned, "wrote 1 rows of albums") != alone || w.has("n") != alone {
					t.Errorf("warned %q, n is there: %v", warned, w.has("n"))
				}
			}, references.MySQL)
		})
	}
}

// A primary key that is zero is one like others, for the database.
func TestMemoryZeroKey(t *testing.T) {
	for _, d := range []references.Dialect{references.SQLite, references.PostgreSQL} {
		w := newWorld(t, d, inMemory, gorm.Config{})
		w.must(w.db.Exec("UPDATE albums SET id = 0 WHERE id = 1").Error)
		w.must(w.db.Model(&models.Album{}).Where("title = ?", "album 1").Update("Cover", "").Error)
		if !w.has("banner1") || w.has("cover1") {
			t.Errorf("%v: banner1 is there: %v, cover1: %v", d, w.has("banner1"), w.has("cover1"))
		}
		w.check()
	}
}

// A statement may write more rows than a query takes arguments.
func TestMemoryManyRows(t *testing.T) {
	w := newWorld(t, references.SQLite, inMemory, gorm.Config{})
	w.must(w.db.Exec("WITH RECURSIVE n(i) AS (VALUES(1000) UNION ALL SELECT i + 1 FROM n WHERE i < 41000) INSERT INTO albums (id, title) SELECT i, 'many' FROM n").Error)
	w.must(w.db.Model(&models.Album{}).Where("id = ?", 20000).Update("cover_file", w.file("n")).Error)
	w.must(w.db.Model(&models.Album{}).Where("title = ?", "many").Update("cover_file", "").Error)
	w.check()
}

func TestNotUsed(t *testing.T) {
	w := newWorld(t, references.SQLite, plain, gorm.Config{})
	if err := gormclean.Transaction(w.db, nil); !errors.Is(err, gormclean.ErrNotUsed) {
		t.Error(err)
	}
	if err := w.db.Use(gormclean.New((*runtime.Cleaner)(nil))); err == nil {
		t.Error("no error")
	}
}
