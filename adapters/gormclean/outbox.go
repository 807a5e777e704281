package gormclean

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// inOutbox keeps promises in a table, by the transaction itself: when that is
// committed is the database's business.
type inOutbox struct{ box *outbox.Outbox }

func (o inOutbox) install(*gorm.DB) error { return nil }

func (o inOutbox) types() []*runtime.Type { return o.box.Cleaner().Types() }

func (o inOutbox) joins(gorm.ConnPool) error { return nil }

func (o inOutbox) begin(_ context.Context, begin func() (gorm.ConnPool, error)) (gorm.ConnPool, func(bool) error, error) {
	tx, err := begin()
	if err != nil {
		return nil, nil, err
	}
	committer, err := committerOf(tx)
	if err != nil {
		return nil, nil, err
	}
	return tx, func(well bool) error {
		if well {
			return committer.Commit()
		}
		return committer.Rollback()
	}, nil
}

func (o inOutbox) keep(ctx context.Context, tx gorm.ConnPool, log func(*runtime.Batch) error) error {
	b := o.box.Begin()
	defer b.Rollback()
	if err := log(b); err != nil {
		return err
	}
	_, err := o.box.Flush(ctx, b, tx)
	return err
}

func (o inOutbox) loseTrack(gorm.ConnPool) {} // relays ask the rows

func (o inOutbox) committed() { o.box.Nudge() }

func (o inOutbox) transaction(db *gorm.DB, f func(tx *gorm.DB) error, options []*sql.TxOptions) error {
	err := db.Transaction(f, options...)
	if err == nil {
		o.box.Nudge()
	}
	return err
}

func (o inOutbox) create(db *gorm.DB, storage, name string) (*runtime.Upload, error) {
	return o.box.Create(db.Statement.Context, storage, name)
}
