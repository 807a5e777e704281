package outbox

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// settle says in the table what became of the rows of a claim: those that are done
// become tombstones, or are dropped, and those that failed wait, or are parked. Of an
// attempt that hangs nothing is said: when its lease is over, the row is taken again.
func (r *Relay) settle(ctx context.Context, c *claim) error {
	var failed, hang []int
	for i, f := range c.results {
		switch {
		case errors.Is(f.Err, runtime.ErrHangs):
			c.failed++
			hang = append(hang, i)
		case r.ended(c, f):
			c.done = append(c.done, i)
		default:
			c.failed++
			failed = append(failed, i)
		}
	}
	if err := r.releaseDerived(ctx, c, c.done); err != nil {
		return err
	}
	var left []int
	err := r.logged(ctx, c, func(tx runtime.Tx) (err error) {
		for _, i := range hang {
			r.note(ctx, c, fate{message: "filecleangen: the deletion of this file has not ended; it is tried again, alone, when the lease is over", row: c.rows[i], became: waits, err: c.results[i].Err})
		}
		if left, err = r.markAllGone(ctx, tx, c); err != nil {
			return err
		}
		return r.putOffAll(ctx, tx, c, failed)
	})
	if c.done = left; err == nil && len(left) > 0 {
		r.unsettled.add(c)
	}
	return err
}

// unsettled are claims with rows that are done, and were locked by others when that
// was to be said: by one who lets go of such a name again, or for a moment by another
// relay.
type unsettled struct {
	mu     sync.Mutex
	claims []*claim
}

func (u *unsettled) add(c *claim) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.claims = append(u.claims, c)
}

// settleLeft tries again to say of rows that they are done, and returns how many are
// left. When the lease of a claim is over, its rows are taken again.
func (r *Relay) settleLeft(ctx context.Context) (n int, err error) {
	u := &r.unsettled
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.claims {
		left := c.done
		failed := r.logged(ctx, c, func(tx runtime.Tx) (err error) {
			left, err = r.markAllGone(ctx, tx, c)
			return err
		})
		if err = errors.Join(err, failed); failed == nil {
			c.done = left
		}
	}
	u.claims = slices.DeleteFunc(u.claims, func(c *claim) bool { return len(c.done) == 0 || !time.Now().Before(c.until) })
	for _, c := range u.claims {
		n += len(c.done)
	}
	return n, err
}

// markAllGone makes tombstones of the rows of a claim that are done, and returns those left
// because others have locked them. What is not the claim's any more is nobody's concern.
func (r *Relay) markAllGone(ctx context.Context, tx runtime.Tx, c *claim) (left []int, err error) {
	for part := range slices.Chunk(c.done, chunk) {
		found, err := r.markGone(ctx, tx, c, part)
		if err != nil {
			return nil, err
		}
		if len(found) == len(part) {
			continue
		}
		own, err := r.own(ctx, tx, c, part, "")
		if err != nil {
			return nil, err
		}
		for _, i := range part {
			_, marked := found[c.rows[i].name]
			if _, is := own[c.rows[i].name]; is && !marked {
				left = append(left, i)
			}
		}
	}
	return left, nil
}

// ended counts what became of a file, and reports whether that is all.
func (r *Relay) ended(c *claim, f runtime.Result) bool {
	switch f.Status {
	case runtime.Removed:
		c.removed++
		return true
	case runtime.Missing:
		c.missing++
		return true
	case runtime.Kept:
		if f.Cause != runtime.UsedElsewhere && f.Cause != runtime.CheckFailed {
			c.kept++
			return true
		}
	case runtime.Pending, runtime.Failed:
	}
	return false
}

// releaseDerived releases the files that go with those that are done. It comes before
// these are settled: if the process dies in between, it comes again.
func (r *Relay) releaseDerived(ctx context.Context, c *claim, done []int) error {
	var entries []dialect.Entry
	for _, i := range done {
		if f := c.results[i]; f.Status != runtime.Kept && f.Field != nil {
			entries = append(entries, derivedEntries(c.rows[i], f.Field)...)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	// Who has taken such a name is waited for, but not for ever.
	ctx, cancel := context.WithTimeout(ctx, r.lease/4)
	defer cancel()
	return r.outbox.transaction(ctx, func(tx runtime.Tx) error {
		return r.outbox.writeEntries(ctx, tx, merged(entries), 0)
	})
}

// derivedEntries returns a release of each file that goes with that of a row.
func derivedEntries(of *row, f *runtime.Field) (entries []dialect.Entry) {
	for _, name := range f.DerivedNames(of.name) {
		if fits(runtime.Ref{Storage: of.storage, Name: name}) {
			entries = append(entries, dialect.Entry{
				Storage: of.storage, Name: name, Release: true, Reason: of.reason, Record: of.record, DerivedFrom: of.name,
			})
		}
	}
	return entries
}

// markGone makes tombstones of rows whose files are gone, and drops those whose files are
// kept by policy, or never were. It waits for nobody: it returns those that were not locked.
func (r *Relay) markGone(ctx context.Context, tx runtime.Tx, c *claim, part []int) (found map[string]struct{}, err error) {
	if found, err = r.lock(ctx, tx, c, part); err != nil {
		return nil, err
	}
	d := r.outbox.dialect
	var gone, drop []string
	for _, of := range part {
		name := c.rows[of].name
		switch _, ok := found[name]; {
		case !ok:
		case c.results[of].Status == runtime.Kept:
			drop = append(drop, name)
			r.note(ctx, c, fate{message: "filecleangen: this file is kept, and the outbox has let go of it", row: c.rows[of], became: dropped, cause: c.results[of].Cause})
		case c.neverWas(of):
			drop = append(drop, name)
			r.note(ctx, c, fate{message: "filecleangen: there was no file of this name, and the outbox has let go of it", row: c.rows[of], became: dropped})
		default:
			gone = append(gone, name)
			r.note(ctx, c, fate{message: "filecleangen: this file is gone; nobody can take its name until the retention is over", row: c.rows[of], became: tombstone})
		}
	}
	if len(gone) > 0 {
		s := dialect.New(d, "UPDATE "+table+d.ForceIndex(primary)).Add(" SET state = ?, claim = '', unfinished = 0, last_error = '', not_before = ?, gone_at = "+d.Now()+" WHERE storage = ? AND name",
			stateGone, int64(dialect.Never), c.storage)
		if _, err := dialect.Exec(ctx, tx, d.Among(s, gone)); err != nil {
			return nil, err
		}
	}
	if len(drop) > 0 {
		s := dialect.New(d, d.DeleteByKey(table)).Add(" WHERE storage = ? AND name", c.storage)
		_, err = dialect.Exec(ctx, tx, d.Among(s, drop))
	}
	return found, err
}

// neverWas reports whether there was no file of a row's name before any relay was to
// delete it: this was the first attempt, and the file is of no upload, which would have to
// be refused as long as it could still be made. Nobody has lost a file then, and nobody
// need be refused the name.
func (c *claim) neverWas(i int) bool {
	return c.results[i].Status == runtime.Missing && c.rows[i].state == statePending && c.rows[i].attempts == 1
}

// lock locks rows of a claim, but for those that others have locked, or that are not the
// claim's any more, and returns their names.
func (r *Relay) lock(ctx context.Context, tx runtime.Tx, c *claim, part []int) (found map[string]struct{}, err error) {
	return r.own(ctx, tx, c, part, r.outbox.dialect.SkipLocked())
}

// own returns the names of those rows that are still the claim's.
func (r *Relay) own(ctx context.Context, tx runtime.Tx, c *claim, part []int, locking string) (found map[string]struct{}, err error) {
	d := r.outbox.dialect
	names := make([]string, len(part))
	for i, of := range part {
		names[i] = c.rows[of].name
	}
	s := c.own(dialect.New(d, "SELECT name FROM "+table+d.ForceIndex(primary))).Raw(" AND name")
	found = map[string]struct{}{}
	err = dialect.QueryAll(ctx, tx, d.Among(s, names).Raw(locking), func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		found[name] = struct{}{}
		return err
	})
	return found, err
}

// putOffAll makes rows wait for another attempt, or parks them. Those that others have
// locked wait until the lease is over.
func (r *Relay) putOffAll(ctx context.Context, tx runtime.Tx, c *claim, failed []int) error {
	for part := range slices.Chunk(failed, chunk) {
		found, err := r.lock(ctx, tx, c, part)
		if err != nil {
			return err
		}
		for _, i := range part {
			if _, ok := found[c.rows[i].name]; !ok {
				continue
			}
			if err := r.putOff(ctx, tx, c, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Relay) putOff(ctx context.Context, tx runtime.Tx, c *claim, i int) error {
	row, cause := c.rows[i], c.results[i].Err
	if cause == nil {
		cause = errors.New("a batch mentions it")
	}
	s := r.setAgain(row, stateDeleting, cause)
	if !errors.Is(cause, runtime.ErrNoTime) {
		r.noteAgain(ctx, c, fate{message: "filecleangen: this file was not deleted", row: row, err: cause})
	} else { // it was not tried
		r.note(ctx, c, fate{message: "filecleangen: there was no time to delete this file; the relay will try again", row: row, became: waits, err: cause})
		d := r.outbox.dialect
		s = dialect.New(d, "UPDATE "+table).Add(" SET unfinished = 0, attempts = attempts - 1, not_before = "+d.Now()+" + ?", r.poll.Milliseconds())
	}
	_, err := dialect.Exec(ctx, tx, c.own(s).Add(" AND name = ?", row.name))
	return err
}

// leased returns a context that ends when the lease of a claim is over. What deletes
// files looks at it before each of them.
func (c *claim) leased(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, c.until.Add(-time.Second/10))
}
