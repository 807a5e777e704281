package gormclean

import (
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
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
// If f returns an error or panics, the transaction is rolled back, and the files that
// were uploaded in it go; with an outbox, when their time is over. f must not commit or
// roll back tx. The errors are those of db.Transaction, and
// [runtime.ErrGone] and [runtime.ErrUpload], with which nothing was committed.
func Transaction(db *gorm.DB, f func(tx *gorm.DB) error, options ...*sql.TxOptions) error {
	k, err := keeperOf(db)
	if err != nil {
		return err
	}
	return k.transaction(db, f, options)
}

// Create uploads a file for a record that db is to save. Parent directories are made
// as needed, and if the name is taken it gets another one beside it: save what
// [runtime.Upload.Name] says. Write it, Close it and check the error before that.
//
// With an outbox, call it before the transaction begins, and defer
// [runtime.Upload.Discard] there: if no row comes to name the file, it goes then, or when
// its time is over ([outbox.WithUploadTime]). In memory it is called in a [Transaction], and the file
// goes if that is rolled back.
func Create(db *gorm.DB, storage, name string) (*runtime.Upload, error) {
	k, err := keeperOf(db)
	if err != nil {
		return nil, err
	}
	return k.create(db, storage, name)
}

func keeperOf(db *gorm.DB) (keeper, error) {
	switch p := db.Plugins[name].(type) {
	case *Plugin:
		return p.keeper, nil
	case attached:
		return p.keeper, nil
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
