package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// flusher is a keeper that keeps promises in the database, such as an outbox.Outbox: what
// is flushed into a transaction is committed with it.
type flusher interface {
	runtime.Keeper
	Flush(ctx context.Context, b *runtime.Batch, tx runtime.Tx) (*runtime.Report, error)
	Nudge()
}

// triggered is an outbox whose tables may have triggers.
type triggered interface {
	HasTriggers(ctx context.Context, table string) bool
}

// inOutbox keeps promises in a table, by the transaction itself: when that is
// committed is the database's business.
type inOutbox struct {
	box      flusher
	triggers triggered // or nil
	report   reporter
}

func outboxOf(box flusher, o options) inOutbox {
	in := inOutbox{box: box, report: o.report}
	if !o.alone {
		in.triggers, _ = box.(triggered)
	}
	return in
}

// install adds callbacks that know what triggers say.
func (o inOutbox) install(db *gorm.DB) error {
	c := db.Callback()
	var errs []error
	for _, of := range []interface {
		Register(name string, f func(*gorm.DB)) error
	}{c.Create(), c.Update(), c.Delete(), c.Query(), c.Row(), c.Raw()} {
		errs = append(errs, of.Register("filecleangen:gone", mapGone))
	}
	return errors.Join(errs...)
}

func mapGone(db *gorm.DB) {
	db.Error = goneIs(db.Error)
	if r := db.Statement.Result; r != nil {
		r.Error = goneIs(r.Error)
	}
}

// goneIs returns an error that a trigger raised as the one that a batch gets.
func goneIs(err error) error {
	if err == nil || errors.Is(err, runtime.ErrGone) || !outbox.IsGone(err) {
		return err
	}
	return fmt.Errorf("gormclean: %w: a row comes to name a file that is being deleted, was deleted lately, or is an upload that was not closed. Read the rows anew, or create the file anew, which gives it another name: %w", runtime.ErrGone, err)
}

func (o inOutbox) hasTriggers(ctx context.Context, table string) bool {
	return o.triggers != nil && o.triggers.HasTriggers(ctx, table)
}

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
	err := goneIs(db.Transaction(f, options...)) // a trigger may raise it when it is committed
	if err == nil {
		o.box.Nudge()
	}
	return err
}
