package gormclean

import "gorm.io/gorm"

// callbacks are those of gorm's for one kind of statement.
type callbacks interface {
	Get(name string) func(*gorm.DB)
	Replace(name string, f func(*gorm.DB)) error
}

// within are the callbacks that run in the transaction which gorm begins for a statement.
var within = []string{
	"gorm:before_create", "gorm:create", "gorm:after_create",
	"gorm:before_update", "gorm:update", "gorm:after_update",
	"gorm:before_delete", "gorm:delete_before_associations", "gorm:delete", "gorm:after_delete",
	"gorm:save_before_associations", "gorm:save_after_associations",
}

// orRollback returns a callback that runs one of gorm's. When a hook panics, gorm leaves its
// transaction open, with all locks, and nobody could end the batch.
func (p *Plugin) orRollback(run func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		returned := false
		defer func() {
			if returned {
				return
			}
			tx := db.Statement.ConnPool
			committer, ok := tx.(gorm.TxCommitter)
			if _, gorms := db.InstanceGet(gormsOwn); ok && gorms {
				_ = committer.Rollback()
				p.tier.abandoned(db.Statement.Context, tx)
			}
		}()
		run(db)
		returned = true
	}
}
