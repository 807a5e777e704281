package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// An Outbox is a table in the user's database that keeps what batches promise to delete:
// it is a [runtime.Keeper]. It is safe for concurrent use.
type Outbox struct {
	cleaner    *runtime.Cleaner
	references *references.References
	dialect    dialect.Dialect
	grace      time.Duration
	uploadTime time.Duration
	intentWait time.Duration
	triggers   knownTriggers

	mu    sync.Mutex
	wakes map[chan struct{}]struct{} // of relays that run
}

// An Option configures an [Outbox].
type Option func(*Outbox) error

// WithGrace sets how long after its commit a deletion waits, by default not at
// all. With a grace of a week, a backup of the database that is a week old still
// finds its files when it is restored.
func WithGrace(d time.Duration) Option {
	return func(o *Outbox) error {
		if d < 0 {
			return fmt.Errorf("WithGrace(%v): it must not be negative", d)
		}
		o.grace = d
		return nil
	}
}

// WithUploadTime sets how long an upload may take, from [Outbox.Create] to Close, and
// then for how long it waits for a transaction that takes it, by default an hour each.
// After that the file is deleted, if no row names it, and Close or a commit fails that
// comes still. What is discarded, or created by a batch that is rolled back, goes at once.
func WithUploadTime(d time.Duration) Option {
	return func(o *Outbox) error {
		if d <= 0 {
			return fmt.Errorf("WithUploadTime(%v): it must be positive", d)
		}
		o.uploadTime = d
		return nil
	}
}

var _ runtime.Keeper = (*Outbox)(nil)

// New attaches an outbox to a cleaner that has opened no batch yet: from here on what its
// batches promise is put into their transactions, by [Outbox.Commit] or [Outbox.Flush].
// References, the same that the cleaner has, say which rows name files, for relays to ask them, and must know the
// tables of all the cleaner's types; other programs that share the database are told
// of them ([references.References.Register]). The outbox works on their handle, which
// must be that of the database in which transactions are committed. The tables of the
// outbox must be there, see [Migrate].
func New(ctx context.Context, cleaner *runtime.Cleaner, refs *references.References, options ...Option) (*Outbox, error) {
	if cleaner == nil || refs == nil {
		return nil, errors.New("filecleangen: an outbox needs a cleaner and references")
	}
	known, err := dialectOf(refs.Dialect())
	o := &Outbox{
		cleaner: cleaner, references: refs, dialect: known,
		uploadTime: time.Hour, intentWait: 5 * time.Second,
		wakes: map[chan struct{}]struct{}{},
	}
	errs := []error{err, refs.Check(cleaner)}
	for _, option := range options {
		if option == nil {
			errs = append(errs, errors.New("an option is nil"))
			continue
		}
		errs = append(errs, option(o))
	}
	if err = errors.Join(errs...); err == nil {
		err = o.checkSchema(ctx)
	}
	if err == nil {
		err = refs.Register(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("filecleangen: outbox: %w", err)
	}
	if err := cleaner.Attach(store{o}, refs); err != nil {
		return nil, err
	}
	return o, nil
}

// Cleaner returns the cleaner that the outbox was attached to.
func (o *Outbox) Cleaner() *runtime.Cleaner { return o.cleaner }

// Types returns the types that the cleaner was told of.
func (o *Outbox) Types() []*runtime.Type { return o.cleaner.Types() }

// References returns what relays ask before a file goes.
func (o *Outbox) References() runtime.References { return o.references }

// Begin opens a batch, as [runtime.Cleaner.Begin] of its cleaner does.
func (o *Outbox) Begin() *runtime.Batch { return o.cleaner.Begin() }

// Commit puts what the batch promised into the transaction, and commits it by calling
// commit, usually tx.Commit: the files that it let go of go if, and only if, the database
// commits. A relay deletes them.
//
//	report, err := box.Commit(ctx, b, tx, tx.Commit)
//
// An error before the commit leaves the transaction open, to be rolled back: one of the
// database, [runtime.ErrEnded], [runtime.ErrUpload], or [runtime.ErrGone] if a record
// names a file that is being deleted: begin anew with what the rows say now. An error of
// commit is returned as it is.
func (o *Outbox) Commit(ctx context.Context, b *runtime.Batch, tx runtime.Tx, commit func() error) (*runtime.Report, error) {
	report, err := o.cleaner.Commit(ctx, b, tx, commit)
	if err == nil && report.Outcome == runtime.Committed && report.Count(runtime.Pending) > 0 {
		o.Nudge()
	}
	return report, err
}

// Flush is the first half of [Outbox.Commit], for layers that commit themselves: it puts
// what the batch promised into the transaction, which must be committed or rolled back
// next. Nothing may be logged to the batch any more. If it fails, the transaction must be
// rolled back.
func (o *Outbox) Flush(ctx context.Context, b *runtime.Batch, tx runtime.Tx) (*runtime.Report, error) {
	return o.cleaner.Commit(ctx, b, tx, nil)
}

// Nudge tells the relays of this process that there is something to do. Commit
// calls it; call it after a commit of your own that follows [Outbox.Flush].
func (o *Outbox) Nudge() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for wake := range o.wakes {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// listen returns a channel that Nudge sends to, until stop is called.
func (o *Outbox) listen() (wake chan struct{}, stop func()) {
	wake = make(chan struct{}, 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wakes[wake] = struct{}{}
	return wake, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.wakes, wake)
	}
}
