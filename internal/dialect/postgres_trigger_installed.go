package dialect

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// InstalledTriggers: a function is one of ours only if its owner can do all that the owner of
// the outbox can, or is who asks: triggers call it with their owner's rights, and who may
// make functions in a schema may know their names. What who asks can't drop counts as used.
func (d postgres) InstalledTriggers(ctx context.Context, db Queryer, program string) (all []TriggerObject, err error) {
	home, err := d.home(ctx, db)
	if err != nil {
		return nil, err
	}
	s := New(d, `SELECT t.tgname, n.nspname || '.' || c.relname, t.tgenabled IN ('D', 'R'), true, ''
		FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
		WHERE NOT t.tgisinternal AND t.tgname LIKE 'filecleangen\_%' AND p.pronamespace = `).Add("?::regnamespace", d.Quote(home)).
		Raw(` UNION ALL SELECT p.proname, '', false, NOT (pg_catalog.pg_has_role(p.proowner, 'USAGE') OR pg_catalog.pg_has_role(n.nspowner, 'USAGE')) OR EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgfoid = p.oid)
			OR EXISTS (SELECT 1 FROM pg_catalog.pg_proc o WHERE o.pronamespace = p.pronamespace AND o.oid <> p.oid AND o.proname LIKE 'filecleangen\_%' AND pg_catalog.strpos(o.prosrc, p.proname) > 0), p.prosrc
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'filecleangen_outbox'
		WHERE (pg_catalog.pg_has_role(p.proowner, c.relowner, 'MEMBER') OR pg_catalog.pg_get_userbyid(p.proowner) = current_user) AND p.proname LIKE 'filecleangen\_%' AND p.pronamespace = `).Add("?::regnamespace", d.Quote(home)).
		Raw(" ORDER BY 2 DESC, 1")
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var o TriggerObject
		var text string
		if err := rows.Scan(&o.Name, &o.Table, &o.Disabled, &o.Used, &text); err != nil {
			return err
		}
		event, ours := triggerOf(o.Name, program)
		if !ours {
			return nil
		}
		o.Tracks = tracked(text)
		o.Event, o.Drop = event, "DROP TRIGGER IF EXISTS "+d.Quote(o.Name)+" ON "+d.QuoteTable(o.Table)
		if o.Table == "" {
			o.Drop = "DROP FUNCTION IF EXISTS " + d.Quote(home) + "." + d.Quote(o.Name)
		}
		all = append(all, o)
		return nil
	})
	return all, err
}

func (postgres) LockTimeout(d time.Duration) []string {
	return []string{"SET LOCAL lock_timeout = " + strconv.FormatInt(d.Milliseconds(), 10), "SET LOCAL statement_timeout = 0"}
}

func (postgres) TriggerHint(error) string { return "" }

func (postgres) LockRefused(err error) bool {
	return hasState(err, "55P03") || hasState(err, "40P01") || err != nil && strings.Contains(err.Error(), "lock timeout")
}
