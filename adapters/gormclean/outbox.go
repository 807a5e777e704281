package gormclean

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// flusher is a keeper that keeps promises in the database, such as an outbox.Outbox: what
// is flushed into a transaction is committed with it.
type flusher interface {
	runtime.Keeper
	Flush(ctx context.Context, b *runtime.Batch, tx runtime.Tx) (*runtime.Report, error)
	Nudge()
}

// inOutbox keeps promises in a table, by the transaction itself: when that is
// committed is the database's business.
type inOutbox struct {
	box    flusher
	report reporter
}

func (o inOutbox) install(*gorm.DB) error { return nil }

func (o inOutbox) keeper() runtime.Keeper { return o.box }

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
	report, err := o.box.Flush(ctx, b, poolOf(tx)) // see session
	o.report.tell(ctx, report)
	return err
}

func (o inOutbox) abandoned(context.Context, gorm.ConnPool) {}

func (o inOutbox) committed() { o.box.Nudge() }

func (o inOutbox) transaction(db *gorm.DB, f func(tx *gorm.DB) error, options []*sql.TxOptions) error {
	err := db.Transaction(f, options...)
	if err == nil {
		o.box.Nudge()
	}
	return err
}
