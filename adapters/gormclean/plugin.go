package gormclean

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// name is the one by which gorm knows the plugin.
const name = "filecleangen"

// A Keeper keeps what statements promise until they are committed: an outbox, in
// the database; or a cleaner without one, in memory.
type Keeper interface {
	*outbox.Outbox | *runtime.Cleaner
}

// Plugin is a plugin of gorm, for db.Use. It is safe for concurrent use.
type Plugin struct {
	keeper keeper
	models models
}

// keeper is what the plugin needs of a Keeper.
type keeper interface {
	// install adds callbacks of its own to gorm's.
	install(db *gorm.DB) error
	// types returns those that the cleaner was told of.
	types() []*runtime.Type
	// joins returns an error if nobody can tell when a transaction is committed.
	joins(tx gorm.ConnPool) error
	// begin begins a transaction for one statement, and returns what ends it: by a
	// commit if all went well.
	begin(ctx context.Context, begin func() (gorm.ConnPool, error)) (tx gorm.ConnPool, end func(well bool) error, err error)
	// keep keeps what is logged until the transaction is committed.
	keep(ctx context.Context, tx gorm.ConnPool, log func(*runtime.Batch) error) error
	// loseTrack is called when rows can't be found again, though they may be there: in
	// memory, nothing that the transaction let go of can go then.
	loseTrack(tx gorm.ConnPool)
	// committed is called when gorm has ended a statement for which something was
	// kept.
	committed()
	// transaction does what [Transaction] does, and create what [Create] does.
	transaction(db *gorm.DB, f func(tx *gorm.DB) error, options []*sql.TxOptions) error
	create(db *gorm.DB, storage, name string) (*runtime.Upload, error)
}

// New makes a plugin that keeps what gorm's statements let go of in an outbox, or in
// memory if it is given a cleaner. See the package documentation for which to take.
func New[K Keeper](k K) *Plugin {
	switch k := any(k).(type) {
	case *outbox.Outbox:
		if k != nil {
			return &Plugin{keeper: inOutbox{k}}
		}
	case *runtime.Cleaner:
		if k != nil {
			return &Plugin{keeper: &inMemory{cleaner: k}}
		}
	}
	return &Plugin{}
}

// Name is the name by which gorm knows the plugin.
func (p *Plugin) Name() string { return name }

// Initialize is called by db.Use.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if p.keeper == nil {
		return errors.New("gormclean: the outbox or cleaner is nil")
	}
	c := db.Callback()
	create, update, deletes := c.Create(), c.Update(), c.Delete()
	const end = "gorm:commit_or_rollback_transaction"
	return errors.Join(
		create.Replace("gorm:create", p.around(create.Get("gorm:create"), readConflicting, readCreated)),
		update.Replace("gorm:update", p.around(update.Get("gorm:update"), readMatching, nil)),
		deletes.Replace("gorm:delete", p.around(deletes.Get("gorm:delete"), readMatching, nil)),
		create.After(end).Register("filecleangen:committed", p.committed),
		update.After(end).Register("filecleangen:committed", p.committed),
		deletes.After(end).Register("filecleangen:committed", p.committed),
		p.keeper.install(db),
	)
}

// committed tells the keeper that gorm has ended a statement, and the transaction
// that it began for it.
func (p *Plugin) committed(db *gorm.DB) {
	if _, kept := db.InstanceGet(kept); kept && db.Error == nil {
		p.keeper.committed()
	}
}

// kept is the setting of a statement for which something was kept.
const kept = "filecleangen:kept"
