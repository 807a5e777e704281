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
	"github.com/filecleangen/filecleangen/references"
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

// claim takes rows that are due. It drops those whose files some row names, and makes
// known of the others that they are being deleted, in one transaction: from its commit
// on nobody can take up their names.
func (r *Relay) claim(ctx context.Context, storage string, safe int64) (*claim, error) {
	c := &claim{storage: storage, token: rand.Text()}
	if r.outbox.dialect.OneWriter() {
		return c, r.claimAside(ctx, c, safe)
	}
	err := r.outbox.references.Transaction(ctx, func(tx references.Handle) error {
		c.rows, c.round = nil, round{}
		due, err := r.look(ctx, tx, c, safe)
		if err != nil || len(due) == 0 {
			return err
		}
		v, err := r.ask(ctx, tx, storage, due)
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
// afterwards, since rows may have come to name files in between by statements that
// nobody told the outbox of.
func (r *Relay) claimAside(ctx context.Context, c *claim, safe int64) error {
	var v verdict
	err := r.outbox.references.Reading(ctx, func(tx references.Handle) error {
		due, err := r.look(ctx, tx, c, safe)
		if err != nil || len(due) == 0 {
			return err
		}
		v, err = r.ask(ctx, tx, c.storage, due)
		return err
	})
	if err != nil || c.taken == 0 {
		return err
	}
	err = r.outbox.references.Transaction(ctx, func(tx references.Handle) error {
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
	err := r.outbox.references.Reading(ctx, func(tx references.Handle) (err error) {
		v, err = r.ask(ctx, tx, c.storage, c.rows)
		return err
	})
	if err == nil && len(v.named)+len(v.unknown) == 0 {
		return nil
	}
	c.rows = v.free
	if err != nil {
		c.rows = nil
	}
	return errors.Join(err, r.outbox.references.Transaction(ctx, func(tx references.Handle) error {
		if err != nil {
			d := r.outbox.dialect
			_, err := dialect.Exec(ctx, tx, dialect.New(d, "UPDATE "+table).Add(" SET not_before = "+d.Now()+" WHERE claim = ?", c.token))
			return err
		}
		c.named += len(v.named)
		for _, row := range v.unknown {
			row.attempts-- // which mark has counted
		}
		return errors.Join(r.drop(ctx, tx, v.named), r.postpone(ctx, tx, c, v))
	}))
}

// look returns rows that are due, and notes whether there are others that are not safe.
func (r *Relay) look(ctx context.Context, tx references.Handle, c *claim, safe int64) ([]*row, error) {
	due, err := r.due(ctx, tx, c.storage, safe, r.portion)
	if c.taken = len(due); err == nil && c.taken == 0 {
		c.waiting, err = r.waits(ctx, tx, c.storage, safe)
	}
	return due, err
}

// columnsOfRow are what due and unchanged read.
const columnsOfRow = "id, name, state, reason, model, field, derived_from, attempts, last_error, not_before"

func scanRow(rows *sql.Rows, storage string) (*row, error) {
	row := &row{storage: storage}
	return row, rows.Scan(&row.id, &row.name, &row.state, &row.reason, &row.model, &row.field, &row.derivedFrom, &row.attempts, &row.lastError, &row.notBefore)
}

// due returns rows that are due and safe, or were when a relay took them, locked
// for this transaction; rows that others have locked are left out, and those of
// fields that the cleaner was not told of: nobody knows what must not be deleted
// there.
func (r *Relay) due(ctx context.Context, tx references.Handle, storage string, safe int64, limit int) (rows []*row, err error) {
	d := r.outbox.dialect
	s := dialect.New(d, "SELECT "+columnsOfRow+" FROM "+table).
		Add(" WHERE storage = ? AND not_before <= "+d.Now()+" AND (state = ? OR state IN (?, ?) AND id < ?) AND ", storage, stateDeleting, statePending, stateUpload, safe)
	r.ofKnownFields(s, storage).Add(" ORDER BY not_before, id LIMIT ?", limit)
	s.Raw(d.SkipLocked())
	err = dialect.QueryAll(ctx, tx, s, func(result *sql.Rows) error {
		row, err := scanRow(result, storage)
		rows = append(rows, row)
		return err
	})
	return rows, err
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

// waits reports whether rows are due, but not safe.
func (r *Relay) waits(ctx context.Context, tx references.Handle, storage string, safe int64) (is bool, err error) {
	d := r.outbox.dialect
	s := dialect.New(d, "SELECT EXISTS (SELECT 1 FROM "+table).
		Add(" WHERE storage = ? AND not_before <= "+d.Now()+" AND state IN (?, ?) AND id >= ? AND ", storage, statePending, stateUpload, safe)
	err = dialect.QueryRow(ctx, tx, r.ofKnownFields(s, storage).Raw(")"), &is)
	return is, err
}

// anyDue reports whether rows are due, safe or not.
func (r *Relay) anyDue(ctx context.Context, storage string) (is bool, err error) {
	d := r.outbox.dialect
	s := dialect.New(d, "SELECT EXISTS (SELECT 1 FROM "+table).
		Add(" WHERE storage = ? AND not_before <= "+d.Now()+" AND state <> ? AND ", storage, stateParked)
	r.ofKnownFields(s, storage).Raw(")")
	err = r.outbox.references.Reading(ctx, func(tx references.Handle) error { return dialect.QueryRow(ctx, tx, s, &is) })
	return is, err
}

// unchanged returns of a verdict what is about rows that are as they were.
func (r *Relay) unchanged(ctx context.Context, tx references.Handle, v verdict) (verdict, error) {
	var ids []int64
	for _, row := range slices.Concat(v.named, v.free, v.unknown) {
		ids = append(ids, row.id)
	}
	now := map[int64]row{}
	for part := range slices.Chunk(ids, portion) {
		s := dialect.In(dialect.New(r.outbox.dialect, "SELECT "+columnsOfRow+" FROM "+table+" WHERE id IN "), part)
		err := dialect.QueryAll(ctx, tx, s, func(rows *sql.Rows) error {
			row, err := scanRow(rows, v.storage)
			now[row.id] = *row
			return err
		})
		if err != nil {
			return v, err
		}
	}
	changed := func(row *row) bool { return now[row.id] != *row }
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
func (r *Relay) ask(ctx context.Context, tx references.Handle, storage string, rows []*row) (verdict, error) {
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
// that they are being deleted.
func (r *Relay) mark(ctx context.Context, tx references.Handle, c *claim, v verdict) error {
	c.rows, c.named = v.free, len(v.named)
	if err := r.drop(ctx, tx, v.named); err != nil {
		return err
	}
	if err := r.postpone(ctx, tx, c, v); err != nil {
		return err
	}
	d := r.outbox.dialect
	for part := range slices.Chunk(v.free, portion) {
		s := dialect.New(d, "UPDATE "+table).Add(" SET state = ?, claim = ?, attempts = attempts + 1, not_before = "+d.Now()+" + ? WHERE id IN ",
			stateDeleting, c.token, r.lease.Milliseconds())
		if _, err := dialect.Exec(ctx, tx, dialect.In(s, idsOf(part))); err != nil {
			return err
		}
	}
	for _, row := range v.free {
		row.attempts++
	}
	return nil
}

func (r *Relay) drop(ctx context.Context, tx references.Handle, rows []*row) error {
	for part := range slices.Chunk(rows, portion) {
		if _, err := dialect.Exec(ctx, tx, dialect.In(dialect.New(r.outbox.dialect, "DELETE FROM "+table+" WHERE id IN "), idsOf(part))); err != nil {
			return err
		}
	}
	return nil
}

// postpone makes rows wait about whose files nobody can tell, or parks them.
func (r *Relay) postpone(ctx context.Context, tx references.Handle, c *claim, v verdict) error {
	c.postponed += len(v.unknown)
	d := r.outbox.dialect
	for _, row := range v.unknown {
		r.logger.LogAttrs(ctx, slog.LevelError, "filecleangen: nobody can tell whether a row names this file, so that it is kept; the relay will ask again",
			slog.String("storage", v.storage), slog.String("name", row.name), slog.Any("error", v.errs[row]))
		attempts, state := row.attempts+1, row.state
		if attempts >= r.attempts {
			state = stateParked
		}
		s := dialect.New(d, "UPDATE "+table).Add(" SET state = ?, claim = '', attempts = ?, last_error = ?, not_before = "+d.Now()+" + ? WHERE id = ?",
			state, attempts, clip(fmt.Sprint(v.errs[row])), backoff(attempts, r.first, r.most).Milliseconds(), row.id)
		if _, err := dialect.Exec(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

func idsOf(rows []*row) []int64 {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.id
	}
	return ids
}
