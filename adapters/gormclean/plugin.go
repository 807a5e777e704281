package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// name is the one by which gorm knows the plugin.
const name = "filecleangen"

// Plugin is a plugin of gorm, for db.Use. It is safe for concurrent use.
type Plugin struct {
	tier   tier
	models models
}

// tier is where promises are kept: in memory, or in an outbox.
type tier interface {
	// install adds callbacks of its own to gorm's.
	install(db *gorm.DB) error
	// keeper keeps them.
	keeper() runtime.Keeper
	// hasTriggers reports whether triggers see what becomes of the names in a table's rows.
	hasTriggers(ctx context.Context, table string) bool
	// joins returns an error if nobody can tell when a transaction is committed.
	joins(tx gorm.ConnPool) error
	// begin begins a transaction for one statement, and returns what ends it: by a
	// commit if all went well.
	begin(ctx context.Context, begin func() (gorm.ConnPool, error)) (tx gorm.ConnPool, end func(well bool) error, err error)
	// keep keeps what is logged until the transaction is committed.
	keep(ctx context.Context, tx gorm.ConnPool, log func(*runtime.Batch) error) error
	// committed is called when gorm has ended a statement for which something was
	// kept.
	committed()
	// abandoned is called when a transaction of gorm's was rolled back that gorm has left.
	abandoned(ctx context.Context, tx gorm.ConnPool)
	// transaction does what [Transaction] does.
	transaction(db *gorm.DB, f func(tx *gorm.DB) error, options []*sql.TxOptions) error
}

// An Option says more of a plugin to [New], and of hooks to [Attach].
type Option func(*options)

type options struct {
	report reporter
	alone  bool // triggers are ignored
}

func optionsOf(more []Option) (o options) {
	for _, option := range more {
		option(&o)
	}
	return o
}

// WithReport calls f with each report that has files, and with the context of the
// statement, or of the transaction.
//
// In memory that is once for each transaction, when it has been committed: what became of
// each file. So it is where nobody knows whether it was, by an Outcome that says so; not
// where it was rolled back. With an outbox it is once for each statement that let go of
// files, within the transaction: what it left to the relays, as long as the transaction is
// committed. Where triggers see that, there is none, see [TriggersIgnored].
//
// f may be called from several goroutines at once, and must not use the database in the
// second case.
func WithReport(f func(ctx context.Context, r *runtime.Report)) Option {
	return func(o *options) { o.report = f }
}

// TriggersIgnored has rows read also where triggers see what becomes of their files: so that
// there are reports of those, or triggers can be removed while programs write, see
// [outbox.Outbox.RemoveTriggers]. Without an outbox it changes nothing.
func TriggersIgnored() Option { return func(o *options) { o.alone = true } }

// reporter is told of reports; or nil.
type reporter func(ctx context.Context, r *runtime.Report)

func (f reporter) tell(ctx context.Context, r *runtime.Report) {
	if f != nil && r != nil && len(r.Files) > 0 {
		f(ctx, r)
	}
}

// New makes a plugin that keeps what gorm's statements let go of in an outbox, or in
// memory if it is given a cleaner. See the package documentation for which to take.
func New(k runtime.Keeper, more ...Option) *Plugin {
	if v := reflect.ValueOf(k); k == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return &Plugin{}
	}
	o := optionsOf(more)
	if f, ok := k.(flusher); ok {
		return &Plugin{tier: outboxOf(f, o)}
	}
	return &Plugin{tier: &inMemory{cleaner: k, report: o.report}}
}

// Name is the name by which gorm knows the plugin.
func (p *Plugin) Name() string { return name }

// Initialize is called by db.Use.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if p.tier == nil {
		return errors.New("gormclean: the outbox or cleaner is nil")
	}
	if p.tier.keeper().References() == nil {
		return errors.New("gormclean: the cleaner is runtime.Unchecked(): what gorm's statements let go of is known only if the rows are asked; give the cleaner references, see gormclean.Table")
	}
	p.models.init(db)
	follow(db)
	c := db.Callback()
	create, update, remove := c.Create(), c.Update(), c.Delete()
	const end = "gorm:commit_or_rollback_transaction"
	errs := []error{
		create.Replace("gorm:create", p.around(create.Get("gorm:create"), creates)),
		update.Replace("gorm:update", p.around(update.Get("gorm:update"), updates)),
		remove.Replace("gorm:delete", p.around(remove.Get("gorm:delete"), deletes)),
		create.After(end).Register("filecleangen:committed", p.committed),
		update.After(end).Register("filecleangen:committed", p.committed),
		remove.After(end).Register("filecleangen:committed", p.committed),
		p.tier.install(db),
	}
	for _, name := range within {
		for _, of := range []callbacks{create, update, remove} {
			if run := of.Get(name); run != nil {
				errs = append(errs, of.Replace(name, p.orRollback(run)))
			}
		}
	}
	return errors.Join(errs...)
}

// committed tells the tier that gorm has ended a statement, and the transaction
// that it began for it.
func (p *Plugin) committed(db *gorm.DB) {
	if _, kept := db.InstanceGet(kept); kept && db.Error == nil {
		p.tier.committed()
	}
}

// kept is the setting of a statement for which something was kept.
const kept = "filecleangen:kept"
