package gormclean_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// gone makes a tombstone of a name, and returns it: whoever takes it is refused.
func (w *world) gone() string {
	const name = "n"
	w.t.Helper()
	w.must(w.db.Create(&models.Item{ID: 900, File: w.file(name)}).Error)
	w.must(w.db.Delete(&models.Item{}, 900).Error)
	w.settle()
	if w.has(name) {
		w.t.Fatal("is not gone")
	}
	return name
}

// wantTaken checks that a statement was refused which names what is gone.
func (w *world) wantTaken(err error) {
	w.t.Helper()
	if errors.Is(err, runtime.ErrGone) {
		return
	}
	w.t.Errorf("NOT TAKEN: %v (%s); warned %q", err, strings.Join(w.named(), " "), w.rec.warned)
}

// attacked runs a test on databases, with an outbox, and with triggers.
func attacked(t *testing.T, test func(w *world), d ...references.Dialect) {
	t.Helper()
	if d == nil {
		d = []references.Dialect{references.SQLite, references.PostgreSQL, references.MySQL}
	}
	databases.On(t, func(t *testing.T, d references.Dialect) {
		for _, m := range []mode{withOutbox, withTriggers} {
			t.Run(string(m), func(t *testing.T) { test(openWorld(t, d, m, gorm.Config{TranslateError: true})) })
		}
	}, d...)
}

// What follows would be red if a name were not taken.
func TestAttackOracle(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.wantTaken(w.db.Create(&models.Item{ID: 1, File: n}).Error)
		w.must(w.db.Create(&models.Item{ID: 1}).Error)
		w.wantTaken(w.db.Model(&models.Item{ID: 1}).Update("file", n).Error)
	})
}

// The tail of a condition is a comment: what is appended is a part of it.
func TestAttackComment(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Create(&models.Item{ID: 1, File: w.file("a")}).Error)
		tx := w.db.Model(&models.Item{}).Where("id = ? -- why", 1).Update("file", n)
		w.wantTaken(tx.Error)
		tx = w.db.Model(&models.Item{}).Where("id = 1 -- why").Update("file", gorm.Expr("'n'"))
		w.wantTaken(tx.Error)
		tx = w.db.Model(&models.Item{}).Where("id = 1 -- why").Update("file", "")
		if tx.Error != nil || tx.RowsAffected != 1 {
			w.t.Errorf("%d rows, %v", tx.RowsAffected, tx.Error)
		}
	})
}

// MariaDB picks another row for SELECT … LIMIT, by the index that has all columns, than for
// UPDATE … LIMIT.
func TestAttackLimit(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Exec("CREATE INDEX covering ON items (file)").Error)
		var rows []models.Item
		for i := range int64(300) {
			rows = append(rows, models.Item{ID: i + 1, AlbumID: 5, File: fmt.Sprintf("f%03d", 999-i)})
		}
		w.must(w.db.Create(&rows).Error)
		w.must(w.db.Exec("ANALYZE TABLE items").Error)
		tx := w.db.Model(&models.Item{}).Where("file <> 'q'").Limit(1).Update("file", n)
		w.t.Log(tx.RowsAffected, w.rec.warned)
		w.wantTaken(tx.Error)
	}, references.MySQL)
}

// A key and a file in one statement.
func TestAttackKey(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Create(&models.Item{ID: 1, AlbumID: 7, File: w.file("a")}).Error)
		begin := time.Now()
		w.must(w.db.Model(&models.Item{ID: 1}).Update("id", 2).Error)
		w.t.Log("a key alone took", time.Since(begin), w.rec.warned)
		if time.Since(begin) > 500*time.Millisecond || len(w.rec.warned) > 0 {
			w.t.Errorf("a key alone took %v, warned: %q", time.Since(begin), w.rec.warned)
		}
		w.wantTaken(w.db.Model(&models.Item{ID: 2}).Updates(map[string]any{"id": 3, "file": n}).Error)
	})
}

// Maps with expressions have no key.
func TestAttackMapExpr(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.wantTaken(w.db.Model(&models.Item{}).Create(map[string]any{"file": gorm.Expr("?", n)}).Error)
	})
}

// The statement was done, but what it returned can't be read; the caller goes on.
func TestAttackScanFails(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Create(&models.Album{ID: 1, Slug: new("s"), Cover: w.file("a")}).Error)
		err := w.db.Transaction(func(tx *gorm.DB) error {
			err := tx.Model(&models.Album{ID: 1}).Updates(map[string]any{"cover_file": n, "pages": gorm.Expr("'bad'")}).Error
			w.t.Log(err)
			return nil
		})
		w.t.Log(err)
		var cover string
		w.must(w.db.Raw("SELECT cover_file FROM albums WHERE id = 1").Scan(&cover).Error)
		if cover == n {
			w.t.Errorf("NOT TAKEN: committed (%v)", err)
		}
	})
}

// mysqlOf opens what is MySQL for gorm: MariaDB would return the keys of an INSERT.
func (w *world) mysqlOf() *gorm.DB {
	w.t.Helper()
	db, err := w.db.DB()
	w.must(err)
	db.SetMaxOpenConns(1)
	plain, err := gorm.Open(gormmysql.New(gormmysql.Config{Conn: db, SkipInitializeWithVersion: true}), &gorm.Config{Logger: w.rec})
	w.must(err)
	w.must(plain.Use(gormclean.New(w.box)))
	return plain
}

// Ids that gorm guesses are not those that there are, where they grow by more than 1 (Group
// Replication, Galera, circular replication): one of a batch is that of another row of it.
func TestAttackGuessedIDs(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		plain := w.mysqlOf()
		w.must(plain.Exec("SET SESSION auto_increment_increment = 3").Error)
		rows := []models.Item{{File: "c"}, {File: "d"}, {File: "e"}, {File: n}}
		tx := plain.Create(&rows)
		var all []models.Item
		w.must(plain.Find(&all).Error)
		w.t.Log(rows, all)
		w.wantTaken(tx.Error)
	}, references.MySQL)
}

// The same, of an upsert by a unique index that gorm does not know.
func TestAttackGuessedUpsert(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		plain := w.mysqlOf()
		w.must(plain.Exec("CREATE UNIQUE INDEX u ON items (album_id)").Error)
		w.must(plain.Create(&[]models.Item{{ID: 1, AlbumID: 7}, {ID: 2, AlbumID: 8}}).Error)
		rows := []models.Item{{AlbumID: 7, File: n}, {AlbumID: 8, File: "y"}}
		tx := plain.Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows)
		var all []models.Item
		w.must(plain.Find(&all).Error)
		w.t.Log(rows, all)
		w.wantTaken(tx.Error)
	}, references.MySQL)
}

// What an upsert assigns to a row that it meets by an index that gorm does not know.
func TestAttackUpsertAssignsUnknown(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		db := w.db
		if w.d == references.MySQL {
			db = w.mysqlOf()
		}
		w.must(db.Exec("CREATE UNIQUE INDEX u ON items (album_id)").Error)
		w.must(db.Create(&models.Item{ID: 1, AlbumID: 7, File: w.file("a")}).Error)
		row := models.Item{ID: 2, AlbumID: 7, File: "b"}
		err := db.Clauses(clause.OnConflict{DoUpdates: clause.Assignments(map[string]any{"file": n})}).Create(&row).Error
		w.t.Log(row)
		w.wantTaken(err)
	}, references.SQLite, references.MySQL)
}

// waitsForLock returns when a session of the world's database waits for a row.
func (w *world) waitsForLock() {
	w.t.Helper()
	for waits, end := 0, time.Now().Add(20*time.Second); waits == 0; {
		time.Sleep(150 * time.Millisecond) // the server makes this list anew when nobody has read it for 100 ms
		w.must(w.own.QueryRowContext(w.t.Context(), `SELECT count(*) FROM information_schema.innodb_trx t
			JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
			WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`).Scan(&waits))
		if time.Now().After(end) {
			w.t.Fatal("no session waits for a row")
		}
	}
}

// At REPEATABLE READ an UPDATE writes what it has waited for. No second connection is used where
// dbresolver is, and the row does not match any more.
func TestAttackUnseenWaited(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Create(&[]models.Item{{ID: 1, AlbumID: 1, File: w.file("a")}}).Error)
		w.db.Plugins["gorm:db_resolver"] = &with{typ: models.ItemFileType} // as if it were used
		other := w.db.Begin()
		w.must(other.Model(&models.Item{ID: 1}).Update("album_id", 7).Error)
		said := make(chan error)
		go func() {
			said <- w.db.Model(&models.Item{}).Where("album_id = 7").Updates(map[string]any{"album_id": 8, "file": n}).Error
		}()
		w.waitsForLock()
		w.must(other.Commit().Error)
		err := <-said
		w.t.Log(w.rec.warned)
		w.wantTaken(err)
	}, references.MySQL)
}

// mattn says of an UPDATE that returns rows only at Next that it failed.
func TestAttackMattn(t *testing.T) {
	attacked(t, func(w *world) {
		var file string
		w.must(w.db.Raw("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file).Error)
		for _, with := range []bool{false, true} {
			db, err := gorm.Open(sqlite.Open(file+"?_txlock=immediate&_busy_timeout=5000"), &gorm.Config{TranslateError: true, Logger: w.rec})
			w.must(err)
			if with {
				w.must(db.Use(gormclean.New(w.box)))
			}
			w.must(db.Exec("DELETE FROM albums").Error)
			w.must(db.Create(&models.Album{ID: 1, Slug: new("s")}).Error)
			w.must(db.Create(&models.Album{ID: 2, Slug: new("t")}).Error)
			err = db.Model(&models.Album{ID: 2}).Updates(map[string]any{"slug": "s", "banner": "x"}).Error
			if !errors.Is(err, gorm.ErrDuplicatedKey) {
				w.t.Errorf("with the plugin %v: %T %v", with, err, err)
			}
		}
	}, references.SQLite)
}

// A comment before WHERE, as of gorm.io/hints.
func TestAttackHint(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Create(&models.Item{ID: 1, File: w.file("a")}).Error)
		w.wantTaken(w.db.Clauses(hint{}).Model(&models.Item{}).Where("id = 1").Update("file", n).Error)
	})
}

type hint struct{}

func (hint) Build(clause.Builder) {}

func (hint) ModifyStatement(stmt *gorm.Statement) {
	c := stmt.Clauses["WHERE"]
	c.BeforeExpression = clause.Expr{SQL: "/* hint */"}
	stmt.Clauses["WHERE"] = c
}

func TestAttackGenerics(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		ctx := w.t.Context()
		w.must(w.db.Create(&models.Item{File: w.file("a")}).Error)
		_, err := gorm.G[models.Item](w.db).Where("file = ?", "a").Set(clause.Assignment{Column: clause.Column{Name: "file"}, Value: n}).Update(ctx)
		w.wantTaken(err)
		_, err = gorm.G[models.Item](w.db).Where("file = ?", "a").Update(ctx, "file", n)
		w.wantTaken(err)
		err = gorm.G[models.Item](w.db).Set(clause.Assignment{Column: clause.Column{Name: "file"}, Value: n}).Create(ctx)
		w.wantTaken(err)
		err = gorm.G[models.Item](w.db).Create(ctx, &models.Item{File: n})
		w.wantTaken(err)
		w.t.Log("Expr")
		err = gorm.G[models.Item](w.db).Set(clause.Assignment{Column: clause.Column{Name: "file"}, Value: gorm.Expr("?", n)}).Create(ctx)
		w.wantTaken(err)
	})
}

// A transaction of the caller's goes on after the context of one statement is over.
func TestAttackCancelled(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		rows := make([]models.Item, 3000)
		for i := range rows {
			rows[i] = models.Item{ID: int64(i + 1), AlbumID: 7}
		}
		w.must(w.db.CreateInBatches(&rows, 500).Error)
		for after := time.Millisecond; after < 60*time.Millisecond; after += time.Millisecond {
			var said error
			err := w.db.Transaction(func(tx *gorm.DB) error {
				ctx, cancel := context.WithTimeout(w.t.Context(), after)
				defer cancel()
				said = tx.WithContext(ctx).Model(&models.Item{}).Where("album_id = 7").Update("file", n).Error
				return nil
			})
			var c int64
			w.must(w.db.Raw("SELECT count(*) FROM items WHERE file = 'n'").Scan(&c).Error)
			if c > 0 {
				w.t.Fatalf("NOT TAKEN: %d rows after %v: %v, %v", c, after, said, err)
			}
			if errors.Is(said, runtime.ErrGone) {
				w.t.Log("done after", after)
				return
			}
		}
	}, references.SQLite, references.PostgreSQL)
}

// A unique index that gorm does not know, and what an upsert assigns.
func TestAttackUpsertAssigns(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Exec("CREATE UNIQUE INDEX u ON items (album_id)").Error)
		w.must(w.db.Create(&models.Item{ID: 1, AlbumID: 7, File: w.file("a")}).Error)
		w.wantTaken(w.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "album_id"}}, DoUpdates: clause.Assignments(map[string]any{"file": n})}).
			Create(&models.Item{ID: 2, AlbumID: 7, File: "b"}).Error)
	})
}

// What a trigger writes afterwards.
func TestAttackAfterTrigger(t *testing.T) {
	attacked(t, func(w *world) {
		w.must(w.db.Exec(map[references.Dialect]string{
			references.SQLite:     "CREATE TRIGGER tr AFTER UPDATE ON items WHEN NEW.file <> 'n' BEGIN UPDATE items SET file = 'n' WHERE id = NEW.id; END",
			references.PostgreSQL: "CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE items SET file = 'n' WHERE id = NEW.id; RETURN NULL; END$$; CREATE TRIGGER tr AFTER UPDATE ON items FOR EACH ROW WHEN (NEW.file <> 'n') EXECUTE FUNCTION tr()",
		}[w.d]).Error)
		w.gone()
		w.must(w.db.Create(&models.Item{ID: 1, File: w.file("a")}).Error)
		w.t.Run("Returning", func(*testing.T) {
			w.wantTaken(w.db.Model(&models.Item{ID: 1}).Clauses(clause.Returning{}).Update("file", "c").Error)
		})
		w.t.Run("plain", func(*testing.T) {
			w.wantTaken(w.db.Model(&models.Item{ID: 1}).Update("file", "b").Error)
		})
	}, references.SQLite, references.PostgreSQL)
}

// A query of a GormValuer's is not the statement.
func TestAttackValuer(t *testing.T) {
	attacked(t, func(w *world) {
		n := w.gone()
		w.must(w.db.Create(&models.Item{ID: 1, File: w.file("a")}).Error)
		w.wantTaken(w.db.Model(&models.Item{}).Where("id = ?", 1).Update("file", asking(n)).Error)
	}, references.SQLite)
}

type asking string

func (a asking) GormValue(_ context.Context, db *gorm.DB) clause.Expr {
	var n int64
	db.Session(&gorm.Session{NewDB: true}).Model(&models.Plain{}).Count(&n)
	return gorm.Expr("?", string(a))
}

// The pool has one connection, and a statement looks for another.
func TestAttackPoolOfOne(t *testing.T) {
	attacked(t, func(w *world) {
		w.must(w.db.Create(&models.Item{ID: 1, AlbumID: 7, File: w.file("a")}).Error)
		db, err := w.db.DB()
		w.must(err)
		db.SetMaxOpenConns(1)
		begin := time.Now()
		w.must(w.db.Model(&models.Item{ID: 1}).Update("id", 2).Error)
		if took := time.Since(begin); took > 500*time.Millisecond {
			w.t.Errorf("took %v; %q", took, w.rec.warned)
		}
	})
}
