package dialect

import (
	"context"
	"database/sql"
	"errors"
	"slices"
)

// Write: there is one writer, so that a take need not be seen by others: who could
// come in between can't write any more. The first statement takes the lock, if the
// transaction does not have it, or is refused because another one wrote.
func (d sqlite) Write(ctx context.Context, h Handle, w Writer, entries []Entry) error {
	text, err := inJSON(entries)
	if err != nil {
		return err
	}
	takes := slices.ContainsFunc(entries, func(e Entry) bool { return e.Take })
	releases := slices.ContainsFunc(entries, func(e Entry) bool { return e.Release })
	if takes {
		if err := d.take(ctx, h, w, text); err != nil {
			return err
		}
	}
	if releases {
		if err := d.release(ctx, h, w, text); err != nil {
			return err
		}
	}
	return checkVersion(ctx, d, h, w.Version)
}

// entriesOfJSON is a query for columns of the entries.
func entriesOfJSON(columns string) string {
	return "SELECT " + columns + " FROM (SELECT value ->> 's' AS s, value ->> 'n' AS n, value ->> 'k' AS k, value ->> 'r' AS r, value ->> 'm' AS m, value ->> 'f' AS f, value ->> 'c' AS c, value ->> 'd' AS d FROM json_each(?))"
}

func (d sqlite) take(ctx context.Context, h Handle, w Writer, text string) error {
	take := New(d, "UPDATE filecleangen_outbox SET revision = random(), not_before = CASE state WHEN 'upload' THEN "+d.Now()).
		Add(" + ? ELSE not_before END, state = 'pending' WHERE state IN ('upload', 'pending') AND (storage, name) IN ("+entriesOfJSON("s, n")+" WHERE k <> 'r')", w.Wait.Milliseconds(), text)
	if _, err := Exec(ctx, h, take); err != nil {
		return err
	}
	refused := New(d, "SELECT storage, name FROM filecleangen_outbox WHERE state <> 'pending' AND (storage, name) IN ").
		Add("("+entriesOfJSON("s, n")+" WHERE k <> 'r') LIMIT 1", text)
	var storage, name string
	switch err := QueryRow(ctx, h, refused, &storage, &name); {
	case err == nil:
		return gone(storage, name)
	case errors.Is(err, sql.ErrNoRows):
		return nil
	default:
		return err
	}
}

func (d sqlite) release(ctx context.Context, h Handle, w Writer, text string) error {
	release := New(d, "INSERT INTO filecleangen_outbox AS o (storage, name, reason, model, field, record, derived_from, created_at, not_before) ").
		Add(entriesOfJSON("s, n, r, m, f, c, d, "+d.Now()+", "+d.Now()+" + ?")+" WHERE k <> 't'", w.Wait.Milliseconds(), text).
		Raw(` ON CONFLICT (storage, name) DO UPDATE SET
			state = CASE o.state WHEN 'gone' THEN 'deleting' ELSE o.state END,
			not_before = CASE o.state WHEN 'gone' THEN excluded.created_at WHEN 'pending' THEN max(o.not_before, excluded.not_before) ELSE o.not_before END,
			reason = excluded.reason, model = excluded.model, field = excluded.field, record = excluded.record,
			attempts = CASE o.state WHEN 'gone' THEN 1 ELSE o.attempts END,
			unfinished = CASE o.state WHEN 'deleting' THEN 0 ELSE o.unfinished END,
			claim = CASE o.state WHEN 'deleting' THEN '' ELSE o.claim END,
			gone_at = NULL, revision = random()
			WHERE o.state <> 'parked'`)
	_, err := Exec(ctx, h, release)
	return err
}

// Durable: Transaction makes its commits durable.
func (sqlite) Durable(context.Context, Queryer) (string, error) { return "", nil }
