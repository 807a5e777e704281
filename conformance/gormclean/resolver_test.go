package gormclean_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/plugin/dbresolver"

	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// With dbresolver, registered before the plugin or after it, what rows name is read
// where they are written, not from a replica: that has no rows here.
func TestDBResolver(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for name, c := range map[string]struct {
			first, skip bool
			mode        mode
		}{
			"first, outbox":                  {true, false, withOutbox},
			"last, outbox":                   {false, false, withOutbox},
			"first, memory":                  {true, false, inMemory},
			"last, memory":                   {false, false, inMemory},
			"first, memory, no transactions": {true, true, inMemory},
			"last, outbox, no transactions":  {false, true, withOutbox},
		} {
			t.Run(name, func(t *testing.T) {
				config := gorm.Config{SkipDefaultTransaction: c.skip}
				resolver := dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{emptyReplica(t, d)}})
				var first []gorm.Plugin
				if c.first {
					first = append(first, resolver)
				}
				w := openWorld(t, d, c.mode, config, first...)
				if !c.first {
					w.must(w.db.Use(resolver))
				}
				w.fill()
				var n int64
				w.must(w.db.Model(&models.Album{}).Count(&n).Error)
				if n != 0 {
					t.Errorf("%d rows read, not from the replica", n)
				}
				w.must(errors.Join(
					w.db.Model(&models.Album{ID: 1}).Update("Cover", "").Error,
					w.db.Model(&models.Album{}).Where("id < 3").Update("banner", "").Error,
					w.db.Delete(&models.Album{}, 3).Error,
					w.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&models.Album{ID: 4, Title: "x"}).Error,
					w.transaction(w.db, func(tx *gorm.DB) error { return tx.Where("id > 6").Delete(&models.Item{}).Error }),
				))
				w.settle()
				for _, gone := range []string{"cover1", "banner1", "banner2", "cover3", "cover4", "page4a", "item4a"} {
					if w.has(gone) {
						t.Errorf("left behind: %s", gone)
					}
				}
				w.check()
			})
		}
	})
}

// emptyReplica is a database with the tables of a world.
func emptyReplica(t *testing.T, d references.Dialect) gorm.Dialector {
	t.Helper()
	w := openWorld(t, d, inMemory, gorm.Config{})
	db, err := w.db.DB()
	w.must(err)
	return dialector(d, db)
}
