package gormclean_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// Ways in which memory could part from what the database has committed.

// wantCover1 checks that the file is there.
func (w *world) wantCover1() {
	w.t.Helper()
	if !w.has("cover1") {
		w.t.Error("LOST: cover1")
	}
}

// A statement that changes nothing, since another transaction has written the same
// since this one began: a snapshot still has the old row.
func TestMemoryStaleSnapshot(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		staleSnapshot(newWorld(t, d, inMemory, gorm.Config{}))
	})
}

func staleSnapshot(w *world) {
	w.must(w.db.Exec("UPDATE albums SET cover_file = '' WHERE id = 2").Error)
	w.must(w.db.Exec("UPDATE albums SET cover_file = '' WHERE id = 1").Error)
	_ = gormclean.Transaction(w.db, func(tx *gorm.DB) error {
		w.album(tx, 2)
		w.must(w.db.Model(&models.Album{ID: 2}).Update("Cover", "cover1").Error)
		return tx.Model(&models.Album{ID: 2}).Update("Cover", "cover1").Error
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	w.wantCover1()
}

// A row whose key changes is not gone.
func TestMemoryKeyChanges(t *testing.T) {
	eachInMemory(t, func(w *world) {
		w.must(w.db.Model(&models.Album{}).Where("id = 1").Updates(map[string]any{"id": 50, "banner": ""}).Error)
		w.wantCover1()
		w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
			w.must(tx.Model(&models.Album{}).Where("id = 50").Update("id", 51).Error)
			return tx.Model(&models.Album{}).Where("id = 51").Update("id", 52).Error
		}))
		w.wantCover1()
	})
}

// A table that no reference knows is not asked, and so no row of it may come to name a
// file; one that they know may.
func TestOtherTables(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for _, m := range []mode{inMemory, withOutbox} {
			t.Run(string(m), func(t *testing.T) {
				w := newWorld(t, d, m, gorm.Config{})
				w.must(w.db.Table("archive").AutoMigrate(&models.Letter{}))
				a := &models.Letter{File: "cover1"}
				a.ID = 1
				if err := w.db.Table("archive").Create(a).Error; !errors.Is(err, gormclean.ErrNotAsked) || !strings.Contains(err.Error(), "archive") {
					t.Errorf("Create: %v", err)
				}
				if err := w.db.Table("archive").Model(a).Update("file", "cover2").Error; !errors.Is(err, gormclean.ErrNotAsked) {
					t.Errorf("Update: %v", err)
				}
				w.must(w.db.Table("archive").Unscoped().Delete(a).Error)
				w.must(w.db.Table("letters").Create(&models.Letter{Model: gorm.Model{ID: 100}, File: w.file("n")}).Error)
				w.must(w.db.Delete(&models.Album{}, 1).Error)
				w.check()
			})
		}
	})
}

// A transaction that was committed behind our back, and then fails: what was uploaded
// for it may be named.
func TestMemoryCommittedUnseen(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for name, commit := range map[string]func(tx *gorm.DB){
			"by hand": func(tx *gorm.DB) { tx.Commit() },
			"by SQL":  func(tx *gorm.DB) { tx.Exec("COMMIT") },
			"by DDL": func(tx *gorm.DB) {
				if d == references.MySQL {
					tx.Exec("CREATE TABLE anything (a int)")
				} else {
					tx.Commit()
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, d, inMemory, gorm.Config{})
				up := w.upload("n")
				err := gormclean.Transaction(w.db, func(tx *gorm.DB) error {
					w.must(tx.Model(&models.Album{ID: 1}).Update("Cover", up.Name()).Error)
					commit(tx)
					return errNo
				})
				up.Discard()
				if !errors.Is(err, errNo) || w.album(w.db, 1).Cover != "n" || !w.has("n") {
					t.Errorf("%v; LOST: n", err)
				}
			})
		}
	})
}

// Savepoints by whatever call.
func TestMemorySavepointsByOtherCalls(t *testing.T) {
	for name, back := range map[string]func(tx *gorm.DB){
		"Rows": func(tx *gorm.DB) {
			if rows, err := tx.Raw("ROLLBACK TO SAVEPOINT a").Rows(); err == nil {
				defer rows.Close()
				_ = rows.Err()
			}
		},
		"Scan":     func(tx *gorm.DB) { tx.Raw("ROLLBACK TO SAVEPOINT a").Scan(new(int)) },
		"prepared": func(tx *gorm.DB) { tx.Session(&gorm.Session{PrepareStmt: true}).Exec("ROLLBACK TO SAVEPOINT a") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, references.SQLite, inMemory, gorm.Config{PrepareStmt: name == "prepared"})
			w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
				w.must(tx.SavePoint("a").Error)
				w.must(tx.Delete(&models.Album{}, 1).Error)
				back(tx)
				return nil
			}))
			w.album(w.db, 1)
			w.wantCover1()
			w.check()
		})
	}
}

// Words in names are not statements.
func TestMemoryWordsInNames(t *testing.T) {
	eachInMemory(t, func(w *world) {
		w.must(w.db.Exec("CREATE TABLE commits (committed_at int)").Error)
		w.must(gormclean.Transaction(w.db, func(tx *gorm.DB) error {
			w.must(tx.Exec("UPDATE commits SET committed_at = 1").Error)
			return tx.Delete(&models.Album{}, 1).Error
		}))
		w.check()
	})
}

// The plugin's look at rows does not wait for others that check a foreign key.
func TestForeignKeyChecks(t *testing.T) {
	w := newWorld(t, references.PostgreSQL, withOutbox, gorm.Config{})
	w.must(w.db.Exec("ALTER TABLE items ADD CONSTRAINT a FOREIGN KEY (album_id) REFERENCES albums").Error)
	w.must(w.db.Transaction(func(one *gorm.DB) error {
		return w.db.Transaction(func(two *gorm.DB) error {
			w.must(one.Create(&models.Item{AlbumID: 1}).Error)
			w.must(two.Create(&models.Item{AlbumID: 1}).Error)
			return one.Exec("SET LOCAL lock_timeout = '2s'").Model(&models.Album{ID: 1}).Update("Cover", "").Error
		})
	}))
	w.check()
}
