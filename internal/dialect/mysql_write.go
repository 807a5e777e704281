package dialect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Write: rows are put in and taken out one by one, by the whole primary key, so that
// no lock reaches the gaps between them, and others wait only for the same names.
// Values are written out in hexadecimal: a statement with arguments makes three round
// trips, and nothing that the session was told changes what these mean.
func (d mysql) Write(ctx context.Context, h Handle, w Writer, entries []Entry) error {
	if err := d.checkSession(ctx, h, w.Version); err != nil {
		return err
	}
	token := rand.Text()
	if err := d.insertEntries(ctx, h, w, entries, token); err != nil {
		return err
	}
	for i := range entries {
		if err := d.take(ctx, h, &entries[i], token); err != nil {
			return err
		}
	}
	return nil
}

// checkSession makes sure that the tables have the version of the program, and that
// there is a transaction: after a deadlock there is none, and what a program that goes on
// writes is committed at once.
func (d mysql) checkSession(ctx context.Context, h Handle, program int) error {
	var v int
	var within, told bool
	s := New(d, "SELECT version, 1 /*M!100100 AND NOT (@@autocommit = 1 AND @@in_transaction = 0) */, 0 /*M!100100 + 1 */ FROM filecleangen_outbox_version")
	err := QueryRow(ctx, h, s, &v, &within, &told)
	if err == nil && !told {
		within, err = d.keepsSavepoints(ctx, h)
	}
	switch {
	case err != nil:
		return err
	case v != program:
		return ErrVersion
	case !within:
		return errors.New("there is no transaction: was it ended by a deadlock, or by a statement that commits? What it writes is committed at once; roll back after every error")
	}
	return nil
}

// keepsSavepoints reports whether there is a transaction, where the server does not tell: a
// savepoint outside of one is gone at once.
func (mysql) keepsSavepoints(ctx context.Context, h Handle) (bool, error) {
	for _, s := range []string{"SAVEPOINT filecleangen_within", "RELEASE SAVEPOINT filecleangen_within"} {
		if _, err := h.ExecContext(ctx, s); err != nil {
			if hasCode(err, "1305") { // no such savepoint
				return false, nil
			}
			return false, err
		}
	}
	return true, nil
}

func (d mysql) insertEntries(ctx context.Context, h Handle, w Writer, entries []Entry, token string) error {
	var s strings.Builder
	now := d.Now()
	s.WriteString("INSERT INTO filecleangen_outbox (storage, name, state, reason, model, field, record, derived_from, created_at, not_before, claim) VALUES ")
	for i := range entries {
		e := &entries[i]
		state, claim := "pending", "x''"
		if e.Take {
			claim = "'" + token + "'"
		}
		if !e.Release {
			state = "held"
		}
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, "(%s,%s,'%s',%s,%s,%s,%s,%s,%s,%[9]s+%[10]d,%[11]s)", bytesOf(e.Storage), bytesOf(e.Name), state,
			textOf(e.Reason), textOf(e.Model), textOf(e.Field), textOf(e.Record), bytesOf(e.DerivedFrom), now, w.Wait.Milliseconds(), claim)
	}
	s.WriteString(mysqlOnConflict)
	_, err := h.ExecContext(ctx, s.String())
	return err
}

// mysqlOnConflict is what becomes of a row that is there. Columns are set in this order,
// and what was set is what the following see: VALUES(claim) is empty for a release,
// VALUES(state) is held for a take.
var mysqlOnConflict = ` ON DUPLICATE KEY UPDATE
		not_before = CASE
			WHEN state = 'held' THEN VALUES(not_before)
			WHEN state = 'gone' AND VALUES(claim) = x'' THEN VALUES(created_at)
			WHEN state = 'pending' AND VALUES(state) = 'pending' THEN GREATEST(not_before, VALUES(not_before))
			WHEN state = 'upload' AND VALUES(claim) <> x'' THEN VALUES(not_before)
			ELSE not_before END` + ofReleases("reason", "model", "field", "record") + `,
		attempts = IF(state = 'gone' AND VALUES(claim) = x'', 1, attempts),
		unfinished = IF(state = 'deleting' AND VALUES(claim) = x'', 0, unfinished),
		gone_at = IF(state = 'gone' AND VALUES(claim) = x'', NULL, gone_at),
		claim = IF(VALUES(claim) = x'', IF(state = 'deleting', x'', claim), IF(state IN ('pending', 'upload', 'held'), VALUES(claim), claim)),
		state = CASE
			WHEN state = 'held' THEN VALUES(state)
			WHEN state = 'gone' AND VALUES(claim) = x'' THEN 'deleting'
			WHEN state = 'upload' AND VALUES(claim) <> x'' THEN 'pending'
			ELSE state END`

// mysqlOnTake and mysqlOnRelease are what mysqlOnConflict comes to for an entry that only takes,
// and for one that only releases: in a routine a server looks at each expression anew for
// each row.
const (
	mysqlOnTake = ` ON DUPLICATE KEY UPDATE
        not_before = IF(state IN ('held', 'upload'), VALUES(not_before), not_before),
        claim = IF(state IN ('pending', 'upload', 'held'), VALUES(claim), claim),
        state = IF(state = 'upload', 'pending', state)`
	mysqlOnRelease = ` ON DUPLICATE KEY UPDATE
        not_before = CASE state WHEN 'held' THEN VALUES(not_before) WHEN 'gone' THEN VALUES(created_at)
            WHEN 'pending' THEN GREATEST(not_before, VALUES(not_before)) ELSE not_before END,
        reason = IF(state = 'parked', reason, VALUES(reason)),
        model = IF(state = 'parked', model, VALUES(model)),
        field = IF(state = 'parked', field, VALUES(field)),
        record = IF(state = 'parked', record, VALUES(record)),
        attempts = IF(state = 'gone', 1, attempts),
        unfinished = IF(state = 'deleting', 0, unfinished),
        gone_at = IF(state = 'gone', NULL, gone_at),
        claim = IF(state = 'deleting', x'', claim),
        state = CASE state WHEN 'held' THEN 'pending' WHEN 'gone' THEN 'deleting' ELSE state END`
)

// ofReleases sets columns to what a release says of itself.
func ofReleases(columns ...string) string {
	var s strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&s, ", %s = IF(VALUES(state) = 'pending' AND state IN ('pending', 'upload', 'writing', 'gone', 'deleting', 'held'), VALUES(%[1]s), %[1]s)", c)
	}
	return s.String()
}

// take takes a row out again that was put in only to be seen, or makes sure that what
// was there can be taken.
func (d mysql) take(ctx context.Context, h Handle, e *Entry, token string) error {
	if !e.Take {
		return nil
	}
	const table = "filecleangen_outbox"
	at := " WHERE storage = " + bytesOf(e.Storage) + " AND name = " + bytesOf(e.Name)
	if !e.Release {
		if n, err := Exec(ctx, h, New(d, d.DeleteByKey(table)+at+" AND state = 'held'")); err != nil || n == 1 {
			return err
		}
	}
	var taken int
	if err := QueryRow(ctx, h, New(d, "SELECT count(*) FROM "+table+at+" AND claim = '"+token+"'"), &taken); err != nil || taken == 1 {
		return err
	}
	return gone(e.Storage, e.Name)
}

// bytesOf and textOf write a value out.
func bytesOf(value string) string { return "x'" + fmt.Sprintf("%x", value) + "'" }

func textOf(value string) string {
	return "_utf8mb4 " + bytesOf(value)
}

// Durable: how a commit reaches the disk is a setting of the server.
func (d mysql) Durable(ctx context.Context, db Queryer) (doubt string, err error) {
	var flush int
	if err := QueryRow(ctx, db, New(d, "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit"), &flush); err != nil {
		return "", err
	}
	if flush != 1 {
		return "innodb_flush_log_at_trx_commit is " + strconv.Itoa(flush) + ": commits are not on disk at once, and after a power failure rows can be back whose files are deleted; set it to 1", nil
	}
	return "", nil
}
