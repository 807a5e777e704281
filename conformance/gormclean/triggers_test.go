package gormclean_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// asks returns the queries of the plugin's own that do leads to.
func (w *world) asks(do func(db *gorm.DB) error) []string {
	w.t.Helper()
	w.rec.asks, w.rec.on = nil, true
	w.must(do(w.db))
	w.rec.on = false
	return w.rec.asks
}

// sees reports whether the plugin sees itself to what do writes: it asks, or the statement says
// to it what it has written.
func (w *world) sees(do func(db *gorm.DB) error) bool {
	w.t.Helper()
	before := w.promises()
	return len(w.asks(do)) > 0 || w.promises() > before
}

// knows returns when the outbox knows that a table has triggers: a server may need time to say
// so.
func (w *world) knows(table string) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !w.box.HasTriggers(w.t.Context(), table); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s has no triggers", table)
		}
	}
}

// promises counts the rows of the outbox that batches have written: those of triggers don't
// say which record they are of.
func (w *world) promises() (n int) {
	w.t.Helper()
	w.must(w.db.Raw("SELECT count(*) FROM filecleangen_outbox WHERE record <> ''").Scan(&n).Error)
	return n
}

var writes = map[string]func(w *world, db *gorm.DB) error{
	"update": func(w *world, db *gorm.DB) error {
		return db.Model(&models.Album{ID: 1}).Update("cover_file", w.file("u")).Error
	},
	"bulk update": func(_ *world, db *gorm.DB) error {
		return db.Model(&models.Album{}).Where("id < 4").Update("banner", "").Error
	},
	"save": func(w *world, db *gorm.DB) error { return db.Save(&models.Album{ID: 2, Cover: w.file("s")}).Error },
	"create": func(w *world, db *gorm.DB) error {
		return db.Create(&models.Album{ID: 9, Cover: w.file("c"), Items: []models.Item{{File: w.file("i")}}}).Error
	},
	"upsert": func(w *world, db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]models.Album{{ID: 3, Cover: w.file("x")}, {ID: 10, Cover: w.file("y")}}).Error
	},
	"delete": func(_ *world, db *gorm.DB) error { return db.Delete(&models.Album{}, 2).Error },
	"delete and return": func(_ *world, db *gorm.DB) error {
		return db.Clauses(clause.Returning{}).Where("id = 3").Delete(&[]models.Item{}).Error
	},
	"soft delete": func(_ *world, db *gorm.DB) error { return db.Delete(&models.Letter{}, 1).Error },
	"transaction": func(w *world, db *gorm.DB) error {
		n := w.file("t")
		return gormclean.Transaction(db, func(tx *gorm.DB) error {
			return errors.Join(tx.Model(&models.Letter{}).Where("id = 2").Update("file", n).Error, tx.Unscoped().Delete(&models.Letter{}, 3).Error)
		})
	},
}

// Where triggers see what becomes of names, the plugin asks nothing, and promises nothing.
func TestTriggersAreLeftTo(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for how, config := range map[string]gorm.Config{"plain": {}, "PrepareStmt": {PrepareStmt: true}, "SkipDefaultTransaction": {SkipDefaultTransaction: true}} {
			t.Run(how, func(t *testing.T) {
				w := newWorld(t, d, withTriggers, config) // which writes to each table
				for name, write := range writes {
					if d == references.MySQL && name == "delete and return" {
						continue
					}
					w.knows("items")
					if asks := w.asks(func(db *gorm.DB) error { return write(w, db) }); len(asks) > 0 {
						t.Errorf("%s: %q", name, asks)
					}
				}
				if n := w.promises(); n > 0 {
					t.Errorf("%d rows of the outbox come from batches", n)
				}
				w.check()
			})
		}
	})
}

// Triggers may be installed and removed while the program runs.
func TestTriggersComeAndGo(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, withOutbox, gorm.Config{})
		n := 0
		update := func(db *gorm.DB) error {
			n++
			return db.Model(&models.Item{ID: 1}).Update("file", w.file(fmt.Sprint("n", n))).Error
		}
		for range 2 {
			if !w.sees(update) {
				t.Error("without triggers nothing was seen to")
			}
			w.must(w.box.InstallTriggers(t.Context()))
			w.knows("items")
			w.must(update(w.db)) // looks whether this is the table
			w.knows("items")
			if w.sees(update) {
				t.Error("with triggers the plugin sees to it itself")
			}
			w.must(w.box.RemoveTriggers(t.Context()))
		}
		if !w.sees(update) {
			t.Error("nothing was seen to")
		}
		w.check()
	})
}

// What somebody else does to triggers, or to the table that a session sees, is not relied on.
func TestTriggersInDoubt(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for name, spoil := range map[string]func(w *world){
			"missing": func(w *world) {
				on := map[references.Dialect]string{references.PostgreSQL: " ON items"}[d]
				w.must(w.db.Exec("DROP TRIGGER " + w.trigger("items", "_delete") + on).Error)
			},
			"disabled": func(w *world) {
				if d == references.PostgreSQL {
					w.must(w.db.Exec("ALTER TABLE items DISABLE TRIGGER " + w.trigger("items", "_update")).Error)
				} else {
					w.must(w.db.Exec("DROP TRIGGER " + w.trigger("items", "_update")).Error)
				}
			},
			"dbresolver":    func(w *world) { w.db.Plugins["gorm:db_resolver"] = &with{typ: models.ItemFileType} }, // as if it were used
			"no references": func(w *world) { w.must(w.own.Close()) },
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, d, withOutbox, gorm.Config{})
				w.must(w.box.InstallTriggers(t.Context()))
				n := w.file("n")
				spoil(w)
				w.must(w.db.Model(&models.Item{ID: 1}).Update("file", n).Error)
				if w.promises() == 0 {
					t.Error("nothing was promised")
				}
			})
		}
	})
}

// A handle of gorm's may lead to another database than that of the outbox: there are no
// triggers then, whatever the outbox says.
func TestTriggersElsewhere(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w, other := newWorld(t, d, withTriggers, gorm.Config{}), newWorld(t, d, withOutbox, gorm.Config{})
		pool, err := other.db.DB()
		w.must(err)
		astray, err := gorm.Open(dialector(d, pool), &gorm.Config{Logger: logger.Discard})
		w.must(err)
		w.must(astray.Use(gormclean.New(w.box)))
		w.must(astray.Model(&models.Item{ID: 1}).Update("file", "").Error)
		if other.promises() == 0 {
			t.Error("nothing was promised")
		}
	})
}

// The plugin can be told to ignore triggers; a statement is reported then.
func TestTriggersIgnored(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, withTriggers, gorm.Config{})
		pool, err := w.db.DB()
		w.must(err)
		w.db, err = gorm.Open(dialector(d, pool), &gorm.Config{Logger: w.rec})
		w.must(err)
		told := &told{}
		w.must(w.db.Use(gormclean.New(w.box, gormclean.TriggersIgnored(), gormclean.WithReport(told.tell))))
		n := w.file("n")
		if !w.sees(func(db *gorm.DB) error { return db.Model(&models.Item{ID: 1}).Update("file", n).Error }) {
			t.Error("nothing was seen to")
		}
		if got := strings.Join(told.reports, "\n"); got != "<nil>: flushed: item1a pending" {
			t.Errorf("told: %s", got)
		}
		w.check()
	})
}

// What the plugin can't follow it need not where triggers do: rows without a key, and an
// UPDATE of several tables.
func TestTriggersSeeMore(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := openWorld(t, d, withTriggers, gorm.Config{}, &with{models.KeylessFileType, &models.Keyless{}})
		w.fill()
		w.must(w.db.Create(&models.Keyless{Text: "x", File: w.file("a")}).Error)
		w.must(w.db.Model(&models.Keyless{}).Where("text = 'x'").Update("file", w.file("b")).Error)
		if d != references.MySQL {
			w.must(w.db.Clauses(clause.From{Tables: []clause.Table{{Name: "albums"}}}).Model(&models.Item{}).Where("albums.id = items.album_id AND albums.id < 3").Update("file", w.file("c")).Error)
		}
		w.check()
	})
}

// On SQLite, REPLACE removes rows that triggers don't see: the plugin reads them.
func TestTriggersAndReplace(t *testing.T) {
	w := newWorld(t, references.SQLite, withTriggers, gorm.Config{})
	w.must(w.db.Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(&models.Album{ID: 1, Slug: new("slug2"), Cover: w.file("n")}).Error)
	w.check()
}

// An error that a trigger raises is the one that a batch gets, whatever way it comes.
func TestTriggersRaiseGone(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for how, config := range map[string]gorm.Config{"plain": {}, "TranslateError": {TranslateError: true}, "PrepareStmt": {PrepareStmt: true}, "SkipDefaultTransaction": {SkipDefaultTransaction: true}} {
			t.Run(how, func(t *testing.T) {
				w := newWorld(t, d, withTriggers, config)
				n := w.gone()
				before := w.dump()
				ignore := map[references.Dialect]string{references.SQLite: "OR IGNORE", references.MySQL: "IGNORE"}[d]
				for name, write := range map[string]func(db *gorm.DB) error{
					"update": func(db *gorm.DB) error { return db.Model(&models.Item{ID: 1}).Update("file", n).Error },
					"create": func(db *gorm.DB) error { return db.Create(&models.Item{File: n}).Error },
					"associations": func(db *gorm.DB) error {
						return db.Transaction(func(tx *gorm.DB) error {
							return tx.Create(&models.Album{ID: 99, Items: []models.Item{{File: n}}}).Error
						})
					},
					"upsert": func(db *gorm.DB) error { return db.Save(&models.Item{ID: 1, File: n}).Error },
					"ignored update": func(db *gorm.DB) error {
						if ignore != "" {
							db = db.Clauses(clause.Update{Modifier: ignore})
						}
						return db.Model(&models.Item{ID: 1}).Update("file", n).Error
					},
					"ignored": func(db *gorm.DB) error {
						if ignore != "" {
							db = db.Clauses(clause.Insert{Modifier: ignore})
						}
						return db.Create(&models.Item{ID: 50, File: n}).Error
					},
					"transaction": func(db *gorm.DB) error {
						return db.Transaction(func(tx *gorm.DB) error { return tx.Model(&models.Item{ID: 1}).Update("file", n).Error })
					},
					"generics": func(db *gorm.DB) error {
						result := gorm.WithResult()
						_, err := gorm.G[models.Item](db, result).Where("id = 1").Update(t.Context(), "file", n)
						if !errors.Is(result.Error, runtime.ErrGone) {
							t.Errorf("the result of generics: %v", result.Error)
						}
						return err
					},
					"raw": func(db *gorm.DB) error { return db.Exec("UPDATE items SET file = ? WHERE id = 1", n).Error },
					"past gorm": func(db *gorm.DB) error {
						return gormclean.Transaction(db, func(tx *gorm.DB) error {
							_, err := tx.Statement.ConnPool.ExecContext(t.Context(), "UPDATE items SET file = 'n' WHERE id = 1")
							return err
						})
					},
				} {
					if err := write(w.db); !errors.Is(err, runtime.ErrGone) || !outbox.IsGone(err) {
						t.Errorf("%s: %v", name, err)
					}
				}
				if after := w.dump(); after != before {
					t.Errorf("rows:\n%s\nbefore:\n%s", after, before)
				}
				w.check()
			})
		}
	})
}

// A deferred trigger of the user's writes when a transaction is committed, so that ours
// refuses it then.
func TestTriggersRaiseGoneAtCommit(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		for how, config := range map[string]gorm.Config{"plain": {}, "TranslateError": {TranslateError: true}} {
			t.Run(how, func(t *testing.T) {
				w := newWorld(t, d, withTriggers, config)
				w.gone()
				w.must(w.db.Exec(`CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE items SET file = 'n' WHERE id = 1; RETURN NULL; END$$;
					CREATE CONSTRAINT TRIGGER late AFTER INSERT ON plains DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()`).Error)
				create := func(tx *gorm.DB) error { return tx.Create(&models.Plain{ID: 7}).Error }
				if err := create(w.db); !errors.Is(err, runtime.ErrGone) {
					t.Errorf("a statement: %v", err)
				}
				if err := gormclean.Transaction(w.db, create); !errors.Is(err, runtime.ErrGone) {
					t.Errorf("Transaction: %v", err)
				}
				if err := w.db.Transaction(create); !outbox.IsGone(err) {
					t.Errorf("db.Transaction: %v", err)
				}
				w.check()
			})
		}
	}, references.PostgreSQL)
}

// trigger returns the name of a trigger of ours on a table.
func (w *world) trigger(table, event string) (name string) {
	w.t.Helper()
	query := map[references.Dialect]string{
		references.SQLite:     "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? AND name LIKE ?",
		references.PostgreSQL: "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(?) AND tgname LIKE ?",
		references.MySQL:      "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND event_object_table = ? AND trigger_name LIKE ?",
	}[w.d]
	w.must(w.db.Raw(query, table, "filecleangen%"+event).Scan(&name).Error)
	return name
}
