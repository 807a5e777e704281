package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/runtime"
)

// A Relay deletes the files that an outbox promises. Any number of relays, in any
// number of processes, share the work. It is safe for concurrent use.
type Relay struct {
	outbox      *Outbox
	environment string
	logger      *slog.Logger
	poll        time.Duration
	chunk       int
	lease       time.Duration
	attempts    int
	first, most time.Duration // waits between attempts
	markerLater bool

	retention time.Duration

	fields     map[fieldID]known
	unsettled  unsettled
	tombstones purge
	triggers   triggerCheck
}

// fieldID is how a row says which field let go of a file; empty for an upload, and
// for what is derived.
type fieldID struct{ model, path string }

// known is a field that the cleaner was told of.
type known struct {
	typ   *runtime.Type
	field *runtime.Field
}

// A RelayOption configures a [Relay].
type RelayOption func(*Relay) error

// WithPoll sets how often a relay looks for rows when nobody nudges it, by default
// every second.
func WithPoll(d time.Duration) RelayOption {
	return func(r *Relay) error {
		if d <= 0 {
			return fmt.Errorf("WithPoll(%v): it must be positive", d)
		}
		r.poll = d
		return nil
	}
}

// WithChunk sets how many rows a relay takes at once, by default 1,000.
func WithChunk(n int) RelayOption {
	return func(r *Relay) error {
		if n < 1 {
			return fmt.Errorf("WithChunk(%d): it takes at least one", n)
		}
		r.chunk = n
		return nil
	}
}

// WithLease sets for how long rows belong to the relay that took them, by default
// ten minutes. If it has not said by then what became of the files, because its
// process died, others take them. It must be longer than one attempt can take, see
// [runtime.WithTimeout].
func WithLease(d time.Duration) RelayOption {
	return func(r *Relay) error {
		if d < time.Second {
			return fmt.Errorf("WithLease(%v): it takes at least a second", d)
		}
		r.lease = d
		return nil
	}
}

// WithAttempts sets how often a deletion is tried before its row is parked, and
// the first and the longest wait in between, which doubles. The default is 30
// attempts, 1 second and 15 minutes: about 5 hours.
func WithAttempts(n int, first, longest time.Duration) RelayOption {
	return func(r *Relay) error {
		if n < 1 || first < 0 || longest < first {
			return fmt.Errorf("WithAttempts(%d, %v, %v): it takes at least one attempt, and 0 <= first <= longest", n, first, longest)
		}
		r.attempts, r.first, r.most = n, first, longest
		return nil
	}
}

// WithRetention sets for how long the outbox remembers that a file is gone, by default
// a day: for so long nobody can come to name it again ([runtime.ErrGone]). It must be
// longer than any program keeps a name, from the moment that it read it until the row
// is committed that it writes it to.
func WithRetention(d time.Duration) RelayOption {
	return func(r *Relay) error {
		if d <= 0 {
			return fmt.Errorf("WithRetention(%v): it must be positive", d)
		}
		r.retention = d
		return nil
	}
}

// WithMarkerLater makes a relay that starts although the marker of a storage is
// missing, or not this environment's: it deletes nothing there until that has
// changed. Without this option that is an error when the relay is made.
func WithMarkerLater() RelayOption {
	return func(r *Relay) error {
		r.markerLater = true
		return nil
	}
}

// WithRelayLogger sets where the relay logs; without it, slog.Default as it is when the
// relay is made. Deletions are logged by the cleaner. The relay logs what it can't return;
// at the level Info one line for each round and storage in which rows name files that were
// to go; and at Debug one for each file, with what became of its row.
func WithRelayLogger(l *slog.Logger) RelayOption {
	return func(r *Relay) error {
		if l == nil {
			return errors.New("the logger is nil")
		}
		r.logger = l
		return nil
	}
}

// Relay makes a relay for the environment with this id, which must be in the
// marker of each storage: see [Mark]. Where it is not, that is an error that wraps
// [ErrFence], unless [WithMarkerLater] is given; and it is looked at again before each
// chunk. It reads from every column that names files, and fails if that can't be
// done.
func (o *Outbox) Relay(ctx context.Context, environment string, options ...RelayOption) (*Relay, error) {
	r := &Relay{
		outbox: o, environment: environment, logger: slog.Default(),
		poll: time.Second, chunk: 1000, lease: 10 * time.Minute,
		attempts: 30, first: time.Second, most: 15 * time.Minute,
		retention: 24 * time.Hour,
		fields:    map[fieldID]known{},
	}
	errs := []error{checkEnvironment(environment)}
	for _, option := range options {
		if option == nil {
			errs = append(errs, errors.New("an option is nil"))
			continue
		}
		errs = append(errs, option(r))
	}
	for _, t := range o.cleaner.Types() {
		errs = append(errs, r.know(t))
	}
	if timeout := o.cleaner.Timeout(); r.lease <= timeout {
		errs = append(errs, fmt.Errorf("WithLease(%v) must be longer than an attempt to delete files may take, which is %v: see runtime.WithTimeout", r.lease, timeout))
	}
	err := errors.Join(errs...)
	if err == nil {
		err = o.references.Prove(ctx)
	}
	if err == nil {
		err = r.checkDurable(ctx)
	}
	if err == nil && !r.markerLater {
		err = r.checkFences()
	}
	if err == nil {
		err = r.checkTriggers(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("filecleangen: relay: %w", err)
	}
	return r, nil
}

// checkDurable warns where a commit may not be on disk when a file is deleted that it
// let go of.
func (r *Relay) checkDurable(ctx context.Context) error {
	doubt := ""
	err := r.outbox.reading(ctx, func(tx runtime.Tx) (err error) {
		doubt, err = r.outbox.dialect.Durable(ctx, tx)
		return err
	})
	if doubt != "" {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "filecleangen: commits of this database are not durable at once", slog.String("because", doubt))
	}
	return err
}

// know takes up the fields of a type.
func (r *Relay) know(t *runtime.Type) error {
	for i := range t.Fields {
		id := fieldID{clip(t.ID()), clip(t.Fields[i].Path)}
		if other, taken := r.fields[id]; taken && other.typ != t {
			return fmt.Errorf("two types are called %s; rows of the outbox don't tell them apart", t.ID())
		}
		r.fields[id] = known{t, &t.Fields[i]}
	}
	return nil
}

// Run deletes what is due until ctx ends, and then returns nil, after the
// deletions that are under way. What goes wrong meanwhile is logged, and tried
// again: a storage that fails holds up no other, and a file that makes its process
// hang or die holds up none.
func (r *Relay) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, storage := range r.outbox.cleaner.Storages() {
		all.Go(func() { r.serve(ctx, storage, false) })
		all.Go(func() { r.serve(ctx, storage, true) })
	}
	all.Wait()
	return nil
}

// serve deletes what is due in one storage: rows whose last attempt did not end alone,
// or the others.
func (r *Relay) serve(ctx context.Context, storage string, alone bool) {
	wake, stop := r.outbox.listen()
	defer stop()
	if err := r.checkFence(storage); err != nil && !alone { // to be known before anything is due
		r.complain(ctx, storage, err)
	}
	failures, woken := 0, false
	for ctx.Err() == nil {
		done, err := r.round(ctx, storage, alone, woken)
		if err == nil && !alone {
			err = r.tidy(ctx, done)
		}
		wait := r.poll
		if alone { // such a row is due when a lease is over
			wait = max(wait, r.lease/20)
		}
		switch {
		case err != nil:
			if ctx.Err() == nil {
				r.complain(ctx, storage, err)
			}
			failures++
			wait = backoff(failures, r.poll, 30*r.poll)
		case done.failed > 0 && done.failed == done.taken: // the storage is down, it seems
			failures++
			wait = backoff(failures, r.poll, 30*r.poll)
		case done.taken > 0:
			failures, wait = 0, 0
		default:
			failures = 0
		}
		if failures > 0 || alone { // a nudge is no reason to try what has failed
			woken = sleep(ctx, wait, nil)
		} else {
			woken = sleep(ctx, wait, wake) || done.taken > 0
		}
	}
}

// tidy does what no row waits for.
func (r *Relay) tidy(ctx context.Context, done round) error {
	if _, err := r.settleLeft(ctx); err != nil || done.taken > 0 {
		return err
	}
	if err := r.checkTriggers(ctx); err != nil {
		return err
	}
	return r.purge(ctx)
}

func (r *Relay) complain(ctx context.Context, storage string, err error) {
	r.logger.LogAttrs(ctx, slog.LevelError, "filecleangen: the relay can't go on, and will try again", slog.String("storage", storage), slog.Any("error", err))
}

// checkFences makes sure that all storages are this environment's, but for those
// that can't be asked now: they hold up no other.
func (r *Relay) checkFences() error {
	var errs []error
	for _, storage := range r.outbox.cleaner.Storages() {
		if err := r.checkFence(storage); !errors.Is(err, errNoMarkerRead) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Relay) checkFence(storage string) error {
	files, _ := r.outbox.cleaner.Storage(storage)
	return checkFence(files, storage, r.environment)
}

// sleep waits for d, wake or ctx, and reports whether it was wake.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) (woken bool) {
	if d == 0 {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
		return true
	case <-ctx.Done():
	}
	return false
}

// backoff returns how long to wait after so many failures. It is random, so that
// what failed together does not come back together.
func backoff(failures int, first, most time.Duration) time.Duration {
	d := first
	for range failures - 1 {
		if d = 2 * d; d >= most {
			d = most
			break
		}
	}
	return d/2 + rand.N(d/2+1)
}

// Drain deletes what is due now in all storages, and returns. It waits for nobody: what
// open transactions take or release is not due yet. Deletions that fail are not tried
// again before their time. It is for tests, and for programs that cron starts.
//
// The error joins those of all storages; it wraps [ErrFence] where a marker was
// missing.
func (r *Relay) Drain(ctx context.Context) (Drained, error) {
	var sum Drained
	var errs []error
	for _, storage := range r.outbox.cleaner.Storages() {
		for _, alone := range []bool{false, true} {
			for {
				done, err := r.round(ctx, storage, alone, false)
				sum.add(done)
				errs = append(errs, err)
				if err != nil || done.taken == 0 {
					break
				}
			}
		}
	}
	for range 100 {
		left, err := r.settleLeft(ctx)
		if errs = append(errs, err); left == 0 || err != nil {
			break
		}
		sleep(ctx, 10*time.Millisecond, nil)
	}
	errs = append(errs, r.purge(ctx))
	return sum, errors.Join(errs...)
}

// Drained counts what [Relay.Drain] did.
type Drained struct {
	Removed, Missing int // files deleted, and found gone
	Kept             int // by policy, or vetoed
	Named            int // files that a row names after all
	Failed           int // attempts that failed, or files that the rows could not be asked about; they wait, or are parked
}

func (d *Drained) add(done round) {
	d.Removed += done.removed
	d.Missing += done.missing
	d.Kept += done.kept
	d.Named += done.named
	d.Failed += done.failed + done.postponed
}

// round is what became of the rows that were taken at once.
type round struct {
	taken                                 int
	removed, missing, kept, named, failed int
	postponed                             int // that nobody could be asked about
	uploads                               int // of those that are named
}

// round takes rows of one storage that are due, deletes their files and says so in
// the table.
func (r *Relay) round(ctx context.Context, storage string, alone, sure bool) (done round, err error) {
	// Most of the time nothing is, and neither the storage nor a lock is needed.
	if !sure {
		if due, err := r.anyDue(ctx, storage, alone); err != nil || !due {
			return done, err
		}
	}
	if err := r.checkFence(storage); err != nil {
		return done, err
	}
	c, err := r.claim(ctx, storage, alone)
	if err != nil {
		return done, fmt.Errorf("filecleangen: relay: taking rows: %w", err)
	}
	done = c.round
	r.logNamed(ctx, storage, done)
	if len(c.rows) == 0 {
		return done, nil
	}
	// From here on the work goes on to its end: the rows say that files are being deleted.
	ctx = context.WithoutCancel(ctx)
	c.results = r.delete(ctx, c)
	r.distrust(ctx, storage, c)
	if err := r.settle(ctx, c); err != nil {
		return done, fmt.Errorf("filecleangen: relay: saying what was deleted; the rows are taken again after their lease: %w", err)
	}
	return c.round, nil
}

// delete makes one attempt at the files of a claim, as long as its lease lasts.
func (r *Relay) delete(ctx context.Context, c *claim) []runtime.Result {
	files := make([]runtime.Result, len(c.rows))
	attempts := make(map[runtime.Ref]int, len(c.rows))
	for i, row := range c.rows {
		files[i] = runtime.Result{Ref: runtime.Ref{Storage: row.storage, Name: row.name}, Reason: runtime.Reason(row.reason)}
		field := r.fields[fieldID{row.model, row.field}]
		files[i].Type, files[i].Field = field.typ, field.field
		attempts[files[i].Ref] = row.attempts
	}
	ctx, cancel := c.leased(ctx)
	defer cancel()
	return r.outbox.cleaner.Delete(ctx, files, func(f runtime.Result) bool { return attempts[f.Ref] >= r.attempts })
}
