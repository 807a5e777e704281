package outbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// claim is rows that a relay has taken, and what became of them.
type claim struct {
	round

	storage string
	alone   bool // of a row whose last attempt did not end
	token   string
	until   time.Time // when the lease is over, by this process's clock
	rows    []*row    // whose files are to be deleted
	results []runtime.Result
	done    []int  // of rows, until they are settled
	fates   []fate // of rows, until the transaction is committed that decides them
}

// claim takes rows that are due. It drops those whose files some row names, and makes
// known of the others that they are being deleted, in one transaction: from its commit
// on nobody can take their names.
func (r *Relay) claim(ctx context.Context, storage string, alone bool) (*claim, error) {
	c := &claim{storage: storage, alone: alone, token: rand.Text(), until: time.Now().Add(r.lease)}
	if r.outbox.dialect.OneWriter() {
		return c, r.claimAside(ctx, c)
	}
	err := r.logged(ctx, c, func(tx runtime.Tx) error {
		c.rows, c.round = nil, round{}
		due, err := r.due(ctx, tx, c)
		if err != nil || len(due) == 0 {
			return err
		}
		v, err := r.ask(ctx, tx, storage, due) // in a new statement, which sees all that was committed before the lock
		if err != nil {
			return err
		}
		return r.mark(ctx, tx, c, v)
	})
	return c, err
}

// claimAside is claim where one transaction at a time can write: nobody is held up
// while the rows are asked. They are asked before it is made known that files are
// being deleted, so that nobody finds one refused that a row names, and again
// afterwards, since rows may have come to name files in between.
func (r *Relay) claimAside(ctx context.Context, c *claim) error {
	var v verdict
	err := r.outbox.reading(ctx, func(tx runtime.Tx) error {
		due, err := r.due(ctx, tx, c)
		if err != nil || len(due) == 0 {
			return err
		}
		v, err = r.ask(ctx, tx, c.storage, due)
		return err
	})
	if err != nil || c.taken == 0 {
		return err
	}
	err = r.logged(ctx, c, func(tx runtime.Tx) error {
		v, err := r.unchanged(ctx, tx, v)
		if err != nil {
			return err
		}
		return r.mark(ctx, tx, c, v)
	})
	if err != nil || len(c.rows) == 0 {
		return err
	}
	return r.confirm(context.WithoutCancel(ctx), c)
}

// confirm asks once more about files of which it is known that they are being deleted.
func (r *Relay) confirm(ctx context.Context, c *claim) error {
	var v verdict
	err := r.outbox.reading(ctx, func(tx runtime.Tx) (err error) {
		v, err = r.ask(ctx, tx, c.storage, c.rows)
		return err
	})
	if err == nil && len(v.named)+len(v.unknown) == 0 {
		return nil
	}
	given := c.rows
	c.rows = v.free
	if err != nil {
		c.rows = nil
	}
	return errors.Join(err, r.logged(ctx, c, func(tx runtime.Tx) error {
		d := r.outbox.dialect
		if err != nil {
			for _, row := range given {
				r.note(ctx, c, fate{message: "filecleangen: the rows could not be asked about this file, so that it is kept; the relay will ask again", row: row, became: waits, err: err})
			}
			_, err := dialect.Exec(ctx, tx, c.own(dialect.New(d, "UPDATE "+table+" SET unfinished = 0, not_before = "+d.Now())))
			return err
		}
		c.named += len(v.named)
		c.uploads += uploadsIn(v.named)
		r.noteNamed(ctx, c, v.named)
		for part := range slices.Chunk(v.named, chunk) {
			s := c.own(dialect.New(d, d.DeleteByKey(table))).Raw(" AND name")
			if _, err := dialect.Exec(ctx, tx, d.Among(s, namesOf(part))); err != nil {
				return err
			}
		}
		for _, row := range v.unknown {
			row.attempts-- // which mark has counted
		}
		return r.postpone(ctx, tx, c, v)
	}))
}

// own appends the condition that a row is this claim's: that of a file which was let go
// of again is not any more, and is decided anew when the lease is over.
func (c *claim) own(s *dialect.Statement) *dialect.Statement {
	return s.Add(" WHERE storage = ? AND state = ? AND claim = ?", c.storage, stateDeleting, c.token)
}

// selectRows begins a query for rows by an index, as due and unchanged read them.
func (r *Relay) selectRows(index string) *dialect.Statement {
	return dialect.New(r.outbox.dialect, "SELECT name, state, reason, model, field, record, derived_from, attempts, unfinished, last_error, claim, not_before, "+r.outbox.dialect.Revision()+" FROM "+table+r.outbox.dialect.ForceIndex(index))
}

func scanRow(rows *sql.Rows, storage string) (*row, error) {
	row := &row{storage: storage}
	return row, rows.Scan(&row.name, &row.state, &row.reason, &row.model, &row.field, &row.record, &row.derivedFrom, &row.attempts, &row.unfinished, &row.lastError, &row.claim, &row.notBefore, &row.revision)
}

// due returns rows that are due, locked for this transaction; rows that others have
// locked are left out, and those of fields that the cleaner was not told of: nobody
// knows what must not be deleted there. A row whose last attempt did not end may have
// killed its process, or made it hang: it comes alone, so that others go on.
func (r *Relay) due(ctx context.Context, tx runtime.Tx, c *claim) (rows []*row, err error) {
	limit := r.chunk
	if c.alone {
		limit = 1
	}
	s := r.whereDue(r.selectRows(dueIndex), c.storage, c.alone).
		Add(" ORDER BY not_before LIMIT ?", limit).Raw(r.outbox.dialect.SkipLocked())
	err = dialect.QueryAll(ctx, tx, s, func(result *sql.Rows) error {
		row, err := scanRow(result, c.storage)
		rows = append(rows, row)
		return err
	})
	c.taken = len(rows)
	return rows, err
}

// whereDue appends the condition that rows are due, as the index has it.
func (r *Relay) whereDue(s *dialect.Statement, storage string, alone bool) *dialect.Statement {
	unfinished := 0
	if alone {
		unfinished = 1
	}
	s.Add(" WHERE storage = ? AND unfinished = ? AND not_before <= "+r.outbox.dialect.Now()+" AND state <> 'gone' AND state <> 'parked' AND state <> 'held' AND ", storage, unfinished)
	return r.ofKnownFields(s, storage)
}

// ofKnownFields appends a condition for rows that fields of a storage have let go of
// which the cleaner was told of, for uploads, and for what is derived.
func (r *Relay) ofKnownFields(s *dialect.Statement, storage string) *dialect.Statement {
	s.Raw("(model = ''")
	for id, known := range r.fields {
		if known.field.Storage == storage {
			s.Add(" OR model = ? AND field = ?", id.model, id.path)
		}
	}
	return s.Raw(")")
}

// anyDue reports whether rows are due. The tables must still be those that the program
// knows.
func (r *Relay) anyDue(ctx context.Context, storage string, alone bool) (is bool, err error) {
	s := r.whereDue(dialect.New(r.outbox.dialect, "SELECT EXISTS (SELECT 1 FROM "+table+r.outbox.dialect.ForceIndex(dueIndex)), storage, alone).Raw(")")
	err = r.outbox.reading(ctx, func(tx runtime.Tx) error { return dialect.QueryRow(ctx, tx, s, &is) })
	return is, err
}

// unchanged returns of a verdict what is about rows that are as they were.
func (r *Relay) unchanged(ctx context.Context, tx runtime.Tx, v verdict) (verdict, error) {
	var names []string
	for _, row := range slices.Concat(v.named, v.free, v.unknown) {
		names = append(names, row.name)
	}
	now := map[string]row{}
	for part := range slices.Chunk(names, chunk) {
		s := r.selectRows(primary).Add(" WHERE storage = ? AND name", v.storage)
		err := dialect.QueryAll(ctx, tx, r.outbox.dialect.Among(s, part), func(rows *sql.Rows) error {
			row, err := scanRow(rows, v.storage)
			now[row.name] = *row
			return err
		})
		if err != nil {
			return v, err
		}
	}
	changed := func(row *row) bool { return now[row.name] != *row }
	v.named, v.free, v.unknown = slices.DeleteFunc(v.named, changed), slices.DeleteFunc(v.free, changed), slices.DeleteFunc(v.unknown, changed)
	return v, nil
}

// verdict is what the rows say of files that are to go.
type verdict struct {
	storage string
	named   []*row
	free    []*row // that no row names
	unknown []*row // about which the rows could not be asked
	errs    map[*row]error
}

// ask asks the rows about the files of a claim, and those that they are derived from.
func (r *Relay) ask(ctx context.Context, tx runtime.Tx, storage string, rows []*row) (verdict, error) {
	v := verdict{storage: storage, errs: map[*row]error{}}
	asked := map[runtime.Ref]struct{}{}
	for _, row := range rows {
		for _, name := range row.names() {
			asked[runtime.Ref{Storage: storage, Name: name}] = struct{}{}
		}
	}
	refs := make([]runtime.Ref, 0, len(asked))
	for ref := range asked {
		refs = append(refs, ref)
	}
	answer, err := r.outbox.references.AskIn(ctx, tx, refs)
	if err != nil {
		return v, err
	}
	named := map[string]struct{}{}
	for _, ref := range answer.Named {
		named[ref.Name] = struct{}{}
	}
	for _, row := range rows {
		r.judge(&v, row, named, answer.Unknown)
	}
	return v, nil
}

func (r *Relay) judge(v *verdict, row *row, named map[string]struct{}, unknown map[runtime.Ref]error) {
	is := false
	var err error
	for _, name := range row.names() {
		_, found := named[name]
		is = is || found || name == MarkerName
		err = errors.Join(err, unknown[runtime.Ref{Storage: v.storage, Name: name}])
	}
	switch {
	case is:
		v.named = append(v.named, row)
	case err != nil:
		v.unknown = append(v.unknown, row)
		v.errs[row] = err
	default:
		v.free = append(v.free, row)
	}
}

// names returns those that keep the file of a row if a row names them.
func (r *row) names() []string {
	if r.derivedFrom == "" {
		return []string{r.name}
	}
	return []string{r.name, r.derivedFrom}
}

// mark drops rows whose files are named, and makes known of those whose files are not
// that they are being deleted. An attempt counts from here on, whether it ends or not.
func (r *Relay) mark(ctx context.Context, tx runtime.Tx, c *claim, v verdict) error {
	c.named, c.uploads = len(v.named), uploadsIn(v.named)
	r.noteNamed(ctx, c, v.named)
	if err := r.drop(ctx, tx, v.named); err != nil {
		return err
	}
	if err := r.postpone(ctx, tx, c, v); err != nil {
		return err
	}
	for _, row := range v.free {
		if !row.unfinished || row.attempts < r.attempts {
			c.rows = append(c.rows, row)
		} else if err := r.parkUnfinished(ctx, tx, c, row); err != nil {
			return err
		}
	}
	d := r.outbox.dialect
	s := func() *dialect.Statement {
		return dialect.New(d, "UPDATE "+table+d.ForceIndex(primary)).Add(" SET state = ?, claim = ?, attempts = attempts + 1, unfinished = 1, not_before = "+d.Now()+" + ?",
			stateDeleting, c.token, r.lease.Milliseconds())
	}
	for _, row := range c.rows {
		row.attempts++
	}
	return r.all(ctx, tx, s, c.rows)
}

// parkUnfinished parks a row of which the last attempt that it may have did not end.
func (r *Relay) parkUnfinished(ctx context.Context, tx runtime.Tx, c *claim, row *row) error {
	c.postponed++
	r.note(ctx, c, fate{loud: true, message: "filecleangen: no attempt to delete this file has ended: the process died, or the storage did not answer; it is parked", row: row, became: isParked})
	s := dialect.New(r.outbox.dialect, "UPDATE "+table).Add(" SET state = ?, claim = '', unfinished = 0, last_error = ?, not_before = ? WHERE storage = ? AND name = ?",
		stateParked, "the attempt did not end: the process died, or the storage did not answer", int64(dialect.Never), row.storage, row.name)
	_, err := dialect.Exec(ctx, tx, s)
	return err
}

// all runs a statement, which is to end in a condition, for rows of one storage. It is
// an error if it does not hit them all.
func (r *Relay) all(ctx context.Context, tx runtime.Tx, statement func() *dialect.Statement, rows []*row) error {
	for part := range slices.Chunk(rows, chunk) {
		s := statement().Add(" WHERE storage = ? AND name", part[0].storage)
		n, err := dialect.Exec(ctx, tx, r.outbox.dialect.Among(s, namesOf(part)))
		if err == nil && n != int64(len(part)) {
			err = fmt.Errorf("%d of %d rows were found again", n, len(part))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) drop(ctx context.Context, tx runtime.Tx, rows []*row) error {
	return r.all(ctx, tx, func() *dialect.Statement { return dialect.New(r.outbox.dialect, r.outbox.dialect.DeleteByKey(table)) }, rows)
}

// postpone makes rows wait about whose files nobody can tell, or parks them.
func (r *Relay) postpone(ctx context.Context, tx runtime.Tx, c *claim, v verdict) error {
	c.postponed += len(v.unknown)
	for _, row := range v.unknown {
		row.attempts++
		r.noteAgain(ctx, c, fate{loud: true, message: "filecleangen: nobody can tell whether a row names this file, so that it is kept", row: row, err: v.errs[row]})
		s := r.setAgain(row, row.state, v.errs[row]).Add(" WHERE storage = ? AND name = ? AND claim IN (?, ?)", row.storage, row.name, row.claim, c.token)
		if _, err := dialect.Exec(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

// setAgain begins an UPDATE that makes a row wait for another attempt, in a state, or
// parks it if this was its last.
func (r *Relay) setAgain(row *row, state string, cause error) *dialect.Statement {
	d := r.outbox.dialect
	s := dialect.New(d, "UPDATE "+table).Add(" SET unfinished = 0, attempts = ?, last_error = ?", row.attempts, clip(fmt.Sprint(cause)))
	if row.attempts >= r.attempts {
		return s.Add(", state = ?, not_before = ?", stateParked, int64(dialect.Never))
	}
	return s.Add(", state = ?, not_before = "+d.Now()+" + ?", state, backoff(row.attempts, r.first, r.most).Milliseconds())
}

func namesOf(rows []*row) []string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.name
	}
	return names
}
