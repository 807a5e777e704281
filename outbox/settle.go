package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

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
	return r.outbox.references.Transaction(ctx, func(tx references.Handle) error {
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
func (r *Relay) putOff(ctx context.Context, tx references.Handle, token string, row *row, cause error) error {
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
