package outbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// claim is rows that a relay has taken, and what became of them.
type claim struct {
	round

	storage string
	token   string
	rows    []*row // whose files are to be deleted
	results []runtime.Result
}

// claim takes up to limit rows that are due. In one transaction it drops those whose files
// some row names, and makes known of the others that they are being deleted: from
// its commit on nobody can take up their names.
func (r *Relay) claim(ctx context.Context, storage string, safe int64, limit int) (*claim, error) {
	c := &claim{storage: storage, token: rand.Text()}
	err := r.outbox.transaction(ctx, func(tx dialect.Handle) error {
		c.rows, c.round = nil, round{}
		due, err := r.due(ctx, tx, storage, safe, limit)
		if err != nil {
			return err
		}
		if c.taken = len(due); c.taken == 0 {
			c.waiting, err = r.waits(ctx, tx, storage, safe)
			return err
		}
		named, err := r.namedRows(ctx, tx, storage, due)
		if err != nil {
			return &askError{err: err, first: due[0]}
		}
		var drop, keep []int64
		for _, row := range due {
			if named[row] || row.name == MarkerName {
				drop = append(drop, row.id)
				continue
			}
			keep = append(keep, row.id)
			row.attempts++
			c.rows = append(c.rows, row)
		}
		c.named = len(drop)
		return r.mark(ctx, tx, c.token, drop, keep)
	})
	return c, err
}

// askError is an error about asking whether rows name the files of a claim.
type askError struct {
	err   error
	first *row // of the claim
}

func (e *askError) Error() string { return e.err.Error() }

func (e *askError) Unwrap() error { return e.err }

// take is claim, but that a file about which the rows can't be asked does not stop
// the others: it waits.
func (r *Relay) take(ctx context.Context, storage string, safe int64) (*claim, error) {
	const most = 10 // that are made to wait in one round
	for waiting := 0; ; waiting++ {
		c, err := r.narrow(ctx, storage, safe)
		c.postponed = waiting
		failed, asking := errors.AsType[*askError](err)
		if !asking || ctx.Err() != nil || waiting == most || !r.canAskOthers(ctx, storage, safe, failed.first) {
			return c, err
		}
		if err := r.postpone(ctx, failed.first, failed.err); err != nil {
			return c, err
		}
	}
}

// narrow claims a portion, or half of it, and so on, until the rows can be asked about
// all files in it. If they can't be about one alone, the error is about that.
func (r *Relay) narrow(ctx context.Context, storage string, safe int64) (*claim, error) {
	for limit := r.portion; ; limit /= 2 {
		c, err := r.claim(ctx, storage, safe, limit)
		if _, asking := errors.AsType[*askError](err); !asking || limit == 1 || ctx.Err() != nil {
			return c, err
		}
	}
}

// canAskOthers reports whether the rows can be asked about another file that is due:
// then it is the one, and not the question, that is wrong.
func (r *Relay) canAskOthers(ctx context.Context, storage string, safe int64, than *row) (can bool) {
	err := r.outbox.transaction(ctx, func(tx dialect.Handle) error {
		due, err := r.due(ctx, tx, storage, safe, 2)
		if err != nil {
			return err
		}
		due = slices.DeleteFunc(due, func(other *row) bool { return other.id == than.id })
		if len(due) == 0 {
			return nil
		}
		_, err = r.namedRows(ctx, tx, storage, due[:1])
		can = err == nil
		return err
	})
	return err == nil && can
}

// postpone makes a row wait about which the rows can't be asked.
func (r *Relay) postpone(ctx context.Context, row *row, cause error) error {
	r.logger.LogAttrs(ctx, slog.LevelError, "filecleangen: nobody can tell whether a row names this file, so that it is kept; the relay will ask again",
		slog.String("storage", row.storage), slog.String("name", row.name), slog.Any("error", cause))
	return r.outbox.transaction(ctx, func(tx dialect.Handle) error {
		d := r.outbox.dialect
		s := dialect.New(d, "UPDATE "+table).Add(" SET attempts = attempts + 1, last_error = ?, not_before = "+d.Now()+" + ? WHERE id = ? AND state = ?",
			clip(fmt.Sprint(cause)), backoff(row.attempts+1, r.first, r.most).Milliseconds(), row.id, row.state)
		_, err := dialect.Exec(ctx, tx, s)
		return err
	})
}

// due returns rows that are due and safe, or were when a relay took them, locked
// for this transaction; rows that others have locked are left out, and those of
// types that the cleaner was not told of: nobody knows what must not be deleted
// there.
func (r *Relay) due(ctx context.Context, tx dialect.Handle, storage string, safe int64, limit int) (rows []*row, err error) {
	d := r.outbox.dialect
	s := dialect.New(d, "SELECT id, name, state, reason, model, field, derived_from, attempts FROM "+table).
		Add(" WHERE storage = ? AND not_before <= "+d.Now()+" AND (state = ? OR state IN (?, ?) AND id < ?) AND model IN ", storage, stateDeleting, statePending, stateUpload, safe)
	dialect.In(s, r.models).Add(" ORDER BY not_before, id LIMIT ?", limit)
	s.Raw(d.SkipLocked())
	err = dialect.QueryAll(ctx, tx, s, func(result *sql.Rows) error {
		row := &row{storage: storage}
		rows = append(rows, row)
		return result.Scan(&row.id, &row.name, &row.state, &row.reason, &row.model, &row.field, &row.derivedFrom, &row.attempts)
	})
	return rows, err
}

// waits reports whether rows are due, but not safe.
func (r *Relay) waits(ctx context.Context, tx dialect.Handle, storage string, safe int64) (is bool, err error) {
	d := r.outbox.dialect
	s := dialect.New(d, "SELECT EXISTS (SELECT 1 FROM "+table).
		Add(" WHERE storage = ? AND not_before <= "+d.Now()+" AND state IN (?, ?) AND id >= ? AND model IN ", storage, statePending, stateUpload, safe)
	err = dialect.QueryRow(ctx, tx, dialect.In(s, r.models).Raw(")"), &is)
	return is, err
}

// anyDue reports whether rows are due, safe or not.
func (r *Relay) anyDue(ctx context.Context, storage string) (is bool, err error) {
	d := r.outbox.dialect
	s := dialect.New(d, "SELECT EXISTS (SELECT 1 FROM "+table).
		Add(" WHERE storage = ? AND not_before <= "+d.Now()+" AND state <> ? AND model IN ", storage, stateParked)
	err = dialect.QueryRow(ctx, r.outbox.db, dialect.In(s, r.models).Raw(")"), &is)
	return is, err
}

// namedRows returns those of the rows whose file some row names, or the file that
// it is derived from.
func (r *Relay) namedRows(ctx context.Context, tx dialect.Handle, storage string, rows []*row) (map[*row]bool, error) {
	var names []string
	for _, row := range rows {
		names = append(names, row.name)
		if row.derivedFrom != "" {
			names = append(names, row.derivedFrom)
		}
	}
	slices.Sort(names)
	named, err := r.named(ctx, tx, storage, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	is := map[*row]bool{}
	for _, row := range rows {
		_, own := named[row.name]
		_, source := named[row.derivedFrom]
		is[row] = own || source && row.derivedFrom != ""
	}
	return is, nil
}

// mark drops rows, and makes known that the files of others are being deleted.
func (r *Relay) mark(ctx context.Context, tx dialect.Handle, token string, drop, keep []int64) error {
	d := r.outbox.dialect
	for part := range slices.Chunk(drop, portion) {
		if _, err := dialect.Exec(ctx, tx, dialect.In(dialect.New(d, "DELETE FROM "+table+" WHERE id IN "), part)); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(keep, portion) {
		s := dialect.New(d, "UPDATE "+table).Add(" SET state = ?, claim = ?, attempts = attempts + 1, not_before = "+d.Now()+" + ? WHERE id IN ",
			stateDeleting, token, r.lease.Milliseconds())
		if _, err := dialect.Exec(ctx, tx, dialect.In(s, part)); err != nil {
			return err
		}
	}
	return nil
}

// settle says in the table what became of the rows of a claim: those that are done
// go, and those that failed wait, or are parked.
func (r *Relay) settle(ctx context.Context, c *claim) error {
	var done []int64
	var derived []*row
	var failed []int
	for i, f := range c.results {
		again := false
		switch f.Status {
		case runtime.Removed:
			c.removed++
		case runtime.Missing:
			c.missing++
		case runtime.Kept:
			if again = f.Cause == runtime.UsedElsewhere || f.Cause == runtime.CheckFailed; !again {
				c.kept++
			}
		case runtime.Pending, runtime.Failed:
			again = true
		}
		if again {
			failed = append(failed, i)
			continue
		}
		done = append(done, c.rows[i].id)
		if f.Status != runtime.Kept && f.Field != nil {
			derived = append(derived, derivedRows(c.rows[i], f.Field)...)
		}
	}
	c.failed = len(failed)
	return r.outbox.transaction(ctx, func(tx dialect.Handle) error {
		d := r.outbox.dialect
		for part := range slices.Chunk(done, portion) {
			s := dialect.New(d, "DELETE FROM "+table).Add(" WHERE claim = ? AND id IN ", c.token)
			if _, err := dialect.Exec(ctx, tx, dialect.In(s, part)); err != nil {
				return err
			}
		}
		for _, i := range failed {
			if err := r.putOff(ctx, tx, c.token, c.rows[i], c.results[i].Err); err != nil {
				return err
			}
		}
		return r.outbox.insert(ctx, tx, slices.Clone(derived), 0)
	})
}

// derivedRows returns a row for each file that goes with that of a row.
func derivedRows(of *row, f *runtime.Field) (rows []*row) {
	for _, name := range f.DerivedNames(of.name) {
		if len(name) <= maxName && runtime.CheckName(name) == nil {
			rows = append(rows, &row{
				storage: of.storage, name: name, reason: of.reason,
				record: of.record, derivedFrom: of.name,
			})
		}
	}
	return rows
}

// putOff makes a row wait for another attempt, or parks it.
func (r *Relay) putOff(ctx context.Context, tx dialect.Handle, token string, row *row, cause error) error {
	d := r.outbox.dialect
	if errors.Is(cause, runtime.ErrNoTime) { // it was not tried
		s := dialect.New(d, "UPDATE "+table).Add(" SET claim = '', attempts = attempts - 1, not_before = "+d.Now()+" WHERE claim = ? AND id = ?", token, row.id)
		_, err := dialect.Exec(ctx, tx, s)
		return err
	}
	if cause == nil {
		cause = errors.New("a batch mentions it")
	}
	state := stateDeleting
	if row.attempts >= r.attempts {
		state = stateParked
	}
	s := dialect.New(d, "UPDATE "+table).Add(" SET state = ?, claim = '', last_error = ?, not_before = "+d.Now()+" + ? WHERE claim = ? AND id = ?",
		state, clip(fmt.Sprint(cause)), backoff(row.attempts, r.first, r.most).Milliseconds(), token, row.id)
	_, err := dialect.Exec(ctx, tx, s)
	return err
}

// transaction runs do in a transaction in which each query sees what is committed
// when it runs; on SQLite, with the lock for writing from the beginning.
func (o *Outbox) transaction(ctx context.Context, do func(dialect.Handle) error) error {
	return o.dialect.Transaction(ctx, o.db, do)
}
