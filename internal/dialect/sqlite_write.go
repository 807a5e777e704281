package dialect

import (
	"context"
	"database/sql"
	"errors"
)

// Write: there is one writer, so that a take need not be seen by others: who could
// come in between can't write any more. The first statement takes the lock, if the
// transaction does not have it, or is refused because another one wrote.
func (d sqlite) Write(ctx context.Context, h Handle, w Writer, entries []Entry) error {
	text, err := inJSON(entries)
	if err != nil {
		return err
	}
	entry := func(columns string) string {
		return "SELECT " + columns + " FROM (SELECT value ->> 's' AS s, value ->> 'n' AS n, value ->> 'k' AS k, value ->> 'r' AS r, value ->> 'm' AS m, value ->> 'f' AS f, value ->> 'c' AS c, value ->> 'd' AS d FROM json_each(?))"
	}
	now, wait := d.Now(), w.Wait.Milliseconds()
	take := New(d, "UPDATE filecleangen_outbox SET revision = random(), not_before = CASE state WHEN 'upload' THEN "+now).
		Add(" + ? ELSE not_before END, state = 'pending' WHERE state IN ('upload', 'pending') AND (storage, name) IN ("+entry("s, n")+" WHERE k <> 'r')", wait, text)
	if _, err := Exec(ctx, h, take); err != nil {
		return err
	}
	if err := checkVersion(ctx, d, h, w.Version); err != nil {
		return err
	}
	refused := New(d, "SELECT storage, name FROM filecleangen_outbox WHERE state <> 'pending' AND (storage, name) IN ").
		Add("("+entry("s, n")+" WHERE k <> 'r') LIMIT 1", text)
	var storage, name string
	switch err := QueryRow(ctx, h, refused, &storage, &name); {
	case err == nil:
		return gone(storage, name)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	release := New(d, "INSERT INTO filecleangen_outbox AS o (storage, name, reason, model, field, record, derived_from, created_at, not_before) ").
		Add(entry("s, n, r, m, f, c, d, "+now+", "+now+" + ?")+" WHERE k <> 't'", wait, text).
		Raw(` ON CONFLICT (storage, name) DO UPDATE SET
			state = CASE o.state WHEN 'gone' THEN 'deleting' ELSE o.state END,
			not_before = CASE o.state WHEN 'gone' THEN excluded.created_at WHEN 'pending' THEN max(o.not_before, excluded.not_before) ELSE o.not_before END,
			reason = excluded.reason, model = excluded.model, field = excluded.field, record = excluded.record,
			attempts = CASE o.state WHEN 'gone' THEN 1 ELSE o.attempts END,
			unfinished = CASE o.state WHEN 'deleting' THEN 0 ELSE o.unfinished END,
			claim = CASE o.state WHEN 'deleting' THEN '' ELSE o.claim END,
			gone_at = NULL, revision = random()
			WHERE o.state <> 'parked'`)
	_, err = Exec(ctx, h, release)
	return err
}

// Durable: Transaction makes its commits durable.
func (sqlite) Durable(context.Context, Queryer) (string, error) { return "", nil }
