package gormclean

import (
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// ErrNotUsed is returned by functions that need the plugin, where db.Use was not
// called with it.
var ErrNotUsed = errors.New("gormclean: the plugin is not used here: call db.Use(gormclean.New(…)) first")

// Transaction is db.Transaction for a plugin that keeps promises in memory: files go
// after the commit, before it returns. In it, tx is used as ever; tx.Transaction and
// tx.SavePoint set savepoints that are followed. A Transaction in another is one of
// them, too.
//
// With an outbox it is db.Transaction, which can be called as well, and wakes the
// relays of this process when it has committed.
//
// If f returns an error or panics, the transaction is rolled back, and no file goes. f
// must not commit or roll back tx. The errors are those of db.Transaction, and
// [runtime.ErrGone] and [runtime.ErrUpload], with which nothing was committed.
func Transaction(db *gorm.DB, f func(tx *gorm.DB) error, options ...*sql.TxOptions) error {
	k, err := tierOf(db)
	if err != nil {
		return err
	}
	return k.transaction(db, f, options)
}

func tierOf(db *gorm.DB) (tier, error) {
	switch p := db.Plugins[name].(type) {
	case *Plugin:
		return p.tier, nil
	case attached:
		return p.tier, nil
	default:
		return nil, ErrNotUsed
	}
}

// committerOf returns what ends a transaction.
func committerOf(tx gorm.ConnPool) (gorm.TxCommitter, error) {
	committer, ok := tx.(gorm.TxCommitter)
	if !ok {
		return nil, fmt.Errorf("gormclean: a %T can't be committed", tx)
	}
	return committer, nil
}
