package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// inMemory keeps promises in batches, one for each transaction that it has seen
// begin. Gorm tells nobody of a commit, but for those of its own that callbacks
// stand around.
type inMemory struct {
	cleaner runtime.Keeper
	report  reporter
	open    sync.Map // gorm.ConnPool, as poolOf has it -> *transaction
}

// transaction is one of the database, and its batch.
type transaction struct {
	memory *inMemory
	batch  *runtime.Batch
	tx     gorm.ConnPool // as poolOf has it

	mu   sync.Mutex // a transaction may be used by several goroutines
	lost bool       // nobody knows whether it was committed
}

// start begins a batch, then a transaction.
func (m *inMemory) start(begin func() (gorm.ConnPool, error)) (*transaction, error) {
	t := &transaction{memory: m, batch: m.cleaner.Begin()}
	tx, err := begin()
	if err != nil {
		t.batch.Rollback()
		return nil, err
	}
	if isComparable(tx) { // or its statements can't be known, and are refused
		t.tx = poolOf(tx)
		m.open.Store(t.tx, t)
	}
	return t, nil
}

// commit commits the transaction, and lets its files go. If it returns false, the
// transaction is still open, and must be rolled back.
func (t *transaction) commit(ctx context.Context, commit func() error) (called bool, err error) {
	report, err := t.memory.cleaner.Commit(ctx, t.batch, t.tx, func() error {
		called = true
		return commit()
	})
	t.memory.report.tell(ctx, report)
	return called, err
}

// end forgets the transaction, which is over.
func (t *transaction) end(ctx context.Context) {
	if t.tx != nil {
		t.memory.open.Delete(t.tx)
	}
	t.mu.Lock()
	lost := t.lost
	t.mu.Unlock()
	if !lost {
		t.batch.Rollback()
		return
	}
	// Even what was uploaded may be named.
	report, _ := t.memory.cleaner.Commit(ctx, t.batch, t.tx, func() error { return errLost })
	t.memory.report.tell(ctx, report) // if it was not told before
	t.batch.Rollback()                // if that was refused
}

var errLost = errors.New("gormclean: nobody can tell what the transaction has committed")

// rolledBack is told what came of a rollback. If it failed, the transaction may have
// been committed before.
func (t *transaction) rolledBack(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil { // or database/sql was faster
		t.mu.Lock()
		defer t.mu.Unlock()
		t.lost = true
	}
}

// of returns the transaction that a statement runs in, or nil.
func (m *inMemory) of(tx gorm.ConnPool) *transaction {
	if !isComparable(tx) {
		return nil
	}
	if known, ok := m.open.Load(poolOf(tx)); ok {
		return known.(*transaction)
	}
	return nil
}

func isComparable(tx gorm.ConnPool) bool {
	return tx != nil && reflect.TypeOf(tx).Comparable()
}

// poolOf returns what all statements of a transaction have in common: gorm wraps a
// transaction for prepared statements, and unwraps it for savepoints.
func poolOf(tx gorm.ConnPool) gorm.ConnPool {
	for {
		prepared, ok := tx.(*gorm.PreparedStmtTX)
		if !ok {
			return tx
		}
		tx = prepared.Tx
	}
}

func (m *inMemory) install(db *gorm.DB) error {
	c := db.Callback()
	var errs []error
	for _, p := range []callbacks{c.Create(), c.Update(), c.Delete()} {
		const begin, end = "gorm:begin_transaction", "gorm:commit_or_rollback_transaction"
		if p.Get(begin) == nil || p.Get(end) == nil { // SkipDefaultTransaction
			continue
		}
		errs = append(errs, p.Replace(begin, m.aroundBegin(p.Get(begin))), p.Replace(end, m.aroundEnd(p.Get(end))))
	}
	return errors.Join(errs...)
}

func (m *inMemory) abandoned(ctx context.Context, tx gorm.ConnPool) {
	if t := m.of(tx); t != nil {
		t.end(ctx)
	}
}

// aroundBegin returns a callback that runs gorm's, which begins a transaction for a
// statement unless it runs in one.
func (m *inMemory) aroundBegin(run func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if _, is := db.Statement.ConnPool.(gorm.TxCommitter); is || db.Error != nil || db.SkipDefaultTransaction {
			run(db)
			return
		}
		_, _ = m.start(func() (gorm.ConnPool, error) {
			run(db)
			if _, began := db.InstanceGet(gormsOwn); !began {
				return nil, gorm.ErrInvalidTransaction // it has said so
			}
			return db.Statement.ConnPool, nil
		})
	}
}

// gormsOwn is the setting by which gorm knows that it began the transaction for a
// statement.
const gormsOwn = "gorm:started_transaction"

// aroundEnd returns a callback that runs gorm's, which commits or rolls back a
// transaction that it began.
func (m *inMemory) aroundEnd(run func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		t := m.of(db.Statement.ConnPool)
		if _, gorms := db.InstanceGet(gormsOwn); !gorms || t == nil {
			run(db)
			return
		}
		defer t.end(db.Statement.Context)
		if err := db.Statement.Context.Err(); err != nil && db.Error == nil { // COMMIT would fail, and its outcome be unknown
			_ = db.AddError(err)
		}
		if db.Error == nil {
			called, err := t.commit(db.Statement.Context, func() error {
				run(db)
				return db.Error
			})
			if called {
				return
			}
			_ = db.AddError(fmt.Errorf("gormclean: %w", err))
		}
		run(db)
	}
}

func (m *inMemory) keeper() runtime.Keeper { return m.cleaner }

func (m *inMemory) hasTriggers(context.Context, string) bool { return false } // they need an outbox

// ErrUnobserved is wrapped by the error of a statement that would let go of files, or
// name some, in a transaction of which a plugin without an outbox can't tell when it
// is committed: begin it with [Transaction].
var ErrUnobserved = errors.New("gormclean: nobody can tell when this transaction is committed; use gormclean.Transaction instead of db.Transaction or db.Begin, or an outbox")

func (m *inMemory) joins(tx gorm.ConnPool) error {
	if m.of(tx) == nil {
		return ErrUnobserved
	}
	return nil
}

func (m *inMemory) begin(ctx context.Context, begin func() (gorm.ConnPool, error)) (gorm.ConnPool, func(bool) error, error) {
	var committer gorm.TxCommitter
	var pool gorm.ConnPool
	t, err := m.start(func() (tx gorm.ConnPool, err error) {
		if tx, err = begin(); err == nil {
			pool = tx
			committer, err = committerOf(tx)
		}
		return tx, err
	})
	if err != nil {
		return nil, nil, err
	}
	return pool, func(well bool) (err error) {
		defer t.end(ctx)
		if err = ctx.Err(); well && err == nil {
			var called bool
			if called, err = t.commit(ctx, committer.Commit); called {
				return err
			}
		}
		failed := committer.Rollback()
		t.rolledBack(ctx, failed)
		return errors.Join(err, failed)
	}, nil
}

func (m *inMemory) keep(_ context.Context, tx gorm.ConnPool, log func(*runtime.Batch) error) error {
	t := m.of(tx)
	if t == nil { // it was observed when the statement began
		return ErrUnobserved
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return log(t.batch)
}

func (m *inMemory) committed() {}

func (m *inMemory) transaction(db *gorm.DB, f func(tx *gorm.DB) error, options []*sql.TxOptions) error {
	if _, nested := db.Statement.ConnPool.(gorm.TxCommitter); nested {
		if err := m.joins(db.Statement.ConnPool); err != nil {
			return err
		}
		return db.Transaction(f, options...)
	}
	var tx *gorm.DB
	t, err := m.start(func() (gorm.ConnPool, error) {
		tx = db.Begin(options...)
		return tx.Statement.ConnPool, tx.Error
	})
	if err != nil {
		return err
	}
	defer t.end(tx.Statement.Context)
	called := false
	defer func() { // also on a panic
		if !called {
			t.rolledBack(tx.Statement.Context, tx.Rollback().Error)
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Statement.Context.Err(); err != nil { // COMMIT would fail, and its outcome be unknown
		return err
	}
	called, err = t.commit(tx.Statement.Context, func() error { called = true; return tx.Commit().Error })
	return err
}
