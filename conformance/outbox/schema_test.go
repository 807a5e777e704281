package outbox_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// Several processes may start at once, and all migrate.
func TestMigrate(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := &world{t: t, d: d, root: t.TempDir(), dsn: databases.New(t, d)}
		w.openFiles()
		refs, err := w.references()
		w.must(err)
		if _, err := outbox.New(t.Context(), w.cleanerOf(), refs); err == nil || !strings.Contains(err.Error(), "have version 0, this program needs 3: call outbox.Migrate") {
			t.Errorf("%v", err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				db, err := databases.Open(d, w.dsn)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if err := outbox.Migrate(t.Context(), db, d); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.must(outbox.Migrate(t.Context(), w.db, d))
		w.box, err = outbox.New(t.Context(), w.cleanerOf(), refs)
		w.must(err)
		w.wantStats(0, 0)

		w.exec("UPDATE filecleangen_outbox_version SET version = 99")
		if err := outbox.Migrate(t.Context(), w.db, d); err == nil || !strings.Contains(err.Error(), "no schema version 99") {
			t.Errorf("%v", err)
		}
	})
}

// The statements for a migration tool do what Migrate does.
func TestSchemaFrom(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := &world{t: t, d: d, root: t.TempDir(), dsn: databases.New(t, d)}
		w.openFiles()
		statements, err := outbox.SchemaFrom(d, 0)
		w.must(err)
		for _, s := range statements {
			w.exec(s)
		}
		w.must(outbox.Migrate(t.Context(), w.db, d))
		if rest, err := outbox.SchemaFrom(d, outbox.SchemaVersion); len(rest) > 0 || err != nil {
			t.Errorf("%v, %v", rest, err)
		}
	})
}

// TestPrimaryKeys: each table has one, which MySQL can ask for (sql_require_primary_key), and
// replicas need to keep up.
func TestPrimaryKeys(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		var without string
		w.must(w.db.QueryRowContext(t.Context(), `SELECT coalesce(group_concat(t.table_name), '') FROM information_schema.tables t
			WHERE t.table_schema = DATABASE() AND t.table_name LIKE 'filecleangen%' AND NOT EXISTS (SELECT 1 FROM information_schema.table_constraints c
			WHERE c.table_schema = DATABASE() AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY')`).Scan(&without))
		if without != "" {
			t.Errorf("%s", without)
		}
	}, references.MySQL)
}
