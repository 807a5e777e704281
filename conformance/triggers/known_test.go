package triggers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/references"
)

// An outbox says which tables have triggers; in doubt none has.
func TestHasTriggers(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		for name, c := range map[string]struct {
			do            func(w *world)
			article, scan bool
		}{
			"installed":      {func(*world) {}, true, true},
			"removed":        {func(w *world) { w.must(w.box.RemoveTriggers(t.Context())) }, false, false},
			"one is missing": {func(w *world) { w.dropOne("_delete", "scan") }, true, false},
			"one is disabled": {func(w *world) {
				if d == references.PostgreSQL {
					w.exec("ALTER TABLE article DISABLE TRIGGER ALL")
				} else {
					w.dropOne("_update", "article")
				}
			}, false, true},
			"a cascade is not followed": {func(w *world) {
				if d == references.MySQL {
					w.dropOne("_cascade%", "article")
				} else {
					w.dropOne("_delete", "article")
				}
			}, false, true},
			"tables of another version": {func(w *world) { w.exec("UPDATE filecleangen_outbox_version SET version = version + 1") }, false, false},
			"no database":               {func(w *world) { w.must(w.own.Close()) }, false, false},
			"a pool of one that is in use": {func(w *world) {
				w.own.SetMaxOpenConns(1)
				tx, err := w.own.Begin()
				w.must(err)
				t.Cleanup(func() { _ = tx.Rollback() })
			}, false, false},
			"installed again": {func(w *world) {
				w.must(w.box.RemoveTriggers(t.Context()))
				w.box.HasTriggers(t.Context(), "scan")
				w.must(w.box.InstallTriggers(t.Context()))
			}, true, true},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, d)
				c.do(w)
				for table, want := range map[string]bool{
					"article": c.article, "scan": c.scan, "SCAN": c.scan, w.home() + ".scan": c.scan,
					"elsewhere.scan": false, "can": false, "": false, "nothing": false,
				} {
					got := w.box.HasTriggers(t.Context(), table)
					for end := time.Now().Add(time.Minute); want && !got && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
						got = w.box.HasTriggers(t.Context(), table) // a server may need time to say so
					}
					if got != want {
						t.Errorf("%q: %v", table, got)
					}
				}
			})
		}
	})
}

// That somebody else has removed triggers, or installed them, is known some seconds later.
func TestHasTriggersOfOthers(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		other := w.newBox(references.Table(article, "article", references.Columns{"Photos[].File": {Form: forms[d]}, "Pages": {Form: pages[d]}}), references.Table(scan, "scan"))
		for _, c := range []struct {
			change func(context.Context) error
			want   bool
		}{{other.InstallTriggers, true}, {other.RemoveTriggers, false}, {other.InstallTriggers, true}} {
			w.must(c.change(t.Context()))
			for end := time.Now().Add(time.Minute); w.box.HasTriggers(t.Context(), "scan") != c.want; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("not %v", c.want)
				}
			}
		}
	})
}

// dropOne drops a trigger of ours, as somebody else does.
func (w *world) dropOne(event, table string) {
	w.t.Helper()
	query := map[references.Dialect]string{
		references.SQLite:     "SELECT min(name) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '" + table + "' AND name LIKE '%" + event + "'",
		references.PostgreSQL: "SELECT min(tgname) FROM pg_trigger WHERE tgrelid = '" + table + "'::regclass AND tgname LIKE '%" + event + "'",
		references.MySQL:      "SELECT min(trigger_name) FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND event_object_table = '" + table + "' AND trigger_name LIKE '%" + event + "'",
	}[w.d]
	var name string
	w.must(w.db.QueryRowContext(w.t.Context(), query).Scan(&name))
	on := map[references.Dialect]string{references.PostgreSQL: " ON " + table}[w.d]
	w.exec(strings.TrimSpace("DROP TRIGGER " + name + on))
}
