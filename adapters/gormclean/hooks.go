package gormclean

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/outbox"
)

// ErrNotAttached is returned by the hooks of models that were generated with
// -hooks=gorm, where neither [Attach] was called nor the plugin is used.
var ErrNotAttached = errors.New("gormclean: no outbox was attached here: call gormclean.Attach(db, box) first")

// ErrNoTransaction is returned for a statement of a model that was generated with
// -hooks=gorm, if it runs in no transaction: what it lets go of and what it writes
// could be told apart by a crash. Don't set SkipDefaultTransaction, or use the
// plugin.
var ErrNoTransaction = errors.New("gormclean: the statement runs in no transaction, which hooks need; don't set SkipDefaultTransaction, or use the plugin")

// Attach tells the hooks of models that were generated with -hooks=gorm where to
// keep what statements let go of. None of gorm's callbacks is replaced; the price is
// that only those statements are seen for which gorm calls hooks, see the package
// documentation. It can't be used together with the plugin, which makes hooks do
// nothing.
func Attach(db *gorm.DB, box *outbox.Outbox, more ...Option) error {
	if box == nil {
		return errors.New("gormclean: the outbox is nil")
	}
	return db.Use(attached{joining{outboxOf(box, optionsOf(more))}, &models{}})
}

// attached is where gorm keeps the outbox: a plugin that does nothing.
type attached struct {
	tier   tier
	models *models
}

// Name is called by gorm.
func (attached) Name() string { return name }

// Initialize is called by gorm.
func (a attached) Initialize(db *gorm.DB) error {
	a.models.init(db)
	follow(db)
	return a.tier.install(db)
}

// joining is an outbox for hooks: they can't end a transaction.
type joining struct{ inOutbox }

func (joining) begin(context.Context, func() (gorm.ConnPool, error)) (gorm.ConnPool, func(bool) error, error) {
	return nil, nil, ErrNoTransaction
}

// BeforeCreate is called by generated hooks.
func BeforeCreate(tx *gorm.DB) error { return before(tx, creates) }

// BeforeUpdate is called by generated hooks.
func BeforeUpdate(tx *gorm.DB) error { return before(tx, updates) }

// BeforeDelete is called by generated hooks.
func BeforeDelete(tx *gorm.DB) error { return before(tx, deletes) }

// AfterWrite is called by generated hooks.
func AfterWrite(tx *gorm.DB) error {
	h := hookedOf(tx.Statement.ConnPool)
	if h == nil || h.db.Statement != tx.Statement { // the plugin, or another record of the statement
		return nil
	}
	tx.Statement.ConnPool = h.ConnPool
	h.conclude() // adds its error to the statement
	return nil
}

// before puts a write in the place of a statement's connection, until AfterWrite.
func before(tx *gorm.DB, k kind) error {
	a, ok := tx.Plugins[name].(attached)
	if !ok {
		if _, used := tx.Plugins[name].(*Plugin); used {
			return nil // it sees the statement itself
		}
		return ErrNotAttached
	}
	stmt := tx.Statement
	given := stmt.ConnPool
	if h := hookedOf(given); h != nil {
		if h.db.Statement == stmt && !h.ran {
			return nil // for another record of the statement
		}
		given = h.ConnPool // of the statement around this one, or before
	}
	h := &hooked{&write{ConnPool: given, db: stmt.DB, tier: a.tier, models: a.models, kind: k}}
	stmt.ConnPool = h
	if committer, is := given.(gorm.TxCommitter); is {
		stmt.ConnPool = &hookedTx{h, committer}
	}
	return nil
}

// hooked is a write that stays in its place while gorm runs other statements before
// and after it, for associations.
type hooked struct{ *write }

// hookedTx is one in a transaction, as gorm must see.
type hookedTx struct {
	*hooked
	gorm.TxCommitter
}

func hookedOf(pool gorm.ConnPool) *write {
	switch h := pool.(type) {
	case *hooked:
		return h.write
	case *hookedTx:
		return h.write
	}
	return nil
}
