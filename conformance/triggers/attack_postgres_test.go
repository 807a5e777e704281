package triggers_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Whatever a session was told, the triggers do the same.
func TestPostgresSession(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	for _, settings := range []string{
		"array_nulls = off",
		"transform_null_equals = on",
		"standard_conforming_strings = off",
		"bytea_output = escape",
		"force_parallel_mode = on",
		"parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0",
		"plan_cache_mode = force_custom_plan",
		"enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_tidscan = off; SET LOCAL enable_material = off; SET LOCAL enable_hashagg = off; SET LOCAL enable_nestloop = off",
		"enable_sort = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_hashjoin = off; SET LOCAL geqo_threshold = 2; SET LOCAL join_collapse_limit = 1; SET LOCAL from_collapse_limit = 1",
		"work_mem = 64; SET LOCAL temp_buffers = 100",
		"row_security = off",
		"client_encoding = LATIN1",
		"search_path = ''",
		"default_transaction_isolation = serializable; SET LOCAL constraint_exclusion = on; SET LOCAL synchronous_commit = off; SET LOCAL timezone = 'Pacific/Apia'; SET LOCAL datestyle = 'German'; SET LOCAL extra_float_digits = -15",
		"jit = on; SET LOCAL jit_above_cost = 0; SET LOCAL check_function_bodies = off; SET LOCAL quote_all_identifiers = on; SET LOCAL client_min_messages = debug5",
		"session_replication_role = local",
		"plpgsql.variable_conflict = use_column",
		"plpgsql.variable_conflict = use_variable",
		"plpgsql.extra_errors = 'all'",
	} {
		t.Run(settings[:strings.Index(settings+";", ";")], func(t *testing.T) {
			w := *w
			w.t = t
			var home string
			w.must(w.db.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&home))
			session := append([]string{"SET LOCAL search_path = " + home}, strings.Split("SET LOCAL "+settings, "; ")...)
			in := func(statements ...string) error {
				db, err := databases.Open(w.d, w.dsn)
				w.must(err)
				defer func() { _ = db.Close() }()
				tx, err := db.BeginTx(t.Context(), nil)
				w.must(err)
				for i, s := range statements {
					statements[i] = strings.ReplaceAll(s, "~", home+".")
				}
				if err := execTx(t.Context(), tx, append(session, statements...)...); err != nil {
					_ = tx.Rollback()
					return err
				}
				return tx.Commit()
			}
			w.must(in("INSERT INTO ~article (id, cover, banner, pages, photos, link) VALUES (1, 'a', 'x/../b', '{p1,p2,p3}', '{\"x\": [\"p4\"]}', 'https://cdn.example/%6c')",
				"INSERT INTO ~scan (id, article_id, file) VALUES (1, 1, 's1'), (2, 1, 's2'), (3, 1, 's3')",
				"UPDATE ~article SET cover = 'c' WHERE id = 1"))
			w.wantRows("pending a")
			w.must(in("DELETE FROM ~article WHERE id = 1", "INSERT INTO ~article (id, cover) VALUES (1, 'a')", "TRUNCATE ~article CASCADE"))
			w.wantRows("pending a", "pending b", "pending c", "pending l", "pending p1", "pending p2", "pending p3", "pending p4", "pending s1", "pending s2", "pending s3")
			w.exec("DELETE FROM filecleangen_outbox")
			w.exec("INSERT INTO filecleangen_outbox (storage, name, state, gone_at) VALUES ('media', 'a', 'gone', 1), ('media', 'p2', 'deleting', NULL)")
			for _, s := range []string{"INSERT INTO ~article (id, cover) VALUES (1, 'a')", `INSERT INTO ~article (id, pages) VALUES (1, '{p1,p2,p3}')`} {
				if err := in(s); !outbox.IsGone(err) {
					t.Errorf("%s: %v", s, err)
				}
			}
			w.exec("DELETE FROM filecleangen_outbox")
		})
	}
}

// as opens the database as a role.
func (w *world) as(role string) *sql.DB {
	w.t.Helper()
	db, err := databases.Open(w.d, w.dsn+"&role="+role)
	w.must(err)
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

// Triggers that another owner of the tables installs anew.
func TestOwners(t *testing.T) {
	w := newWorld(t, references.PostgreSQL) // by the superuser
	home, role := w.role()
	w.exec("GRANT CREATE ON SCHEMA " + home + " TO " + role)
	var owned string
	w.must(w.db.QueryRowContext(t.Context(), "SELECT string_agg('ALTER TABLE ' || tablename || ' OWNER TO ' || $2::text, '; ') FROM pg_tables WHERE schemaname = $1", home, role).Scan(&owned))
	w.exec(owned + "; ALTER FUNCTION filecleangen_outbox_write OWNER TO " + role)
	w.exec("ALTER TABLE scan ADD COLUMN other text")
	w.own = w.as(role)
	w.open(references.Table(article, "article", references.Columns{"Pages": {Form: references.Auto}}), references.Table(scan, "scan", references.Columns{"File": {Name: "other"}}))
	if err := w.box.InstallTriggers(t.Context()); err != nil {
		t.Error(err)
	}
	w.exec("INSERT INTO article (id, cover) VALUES (1, 'a/../b')")
	w.exec("INSERT INTO scan (id, other) VALUES (1, 'c//d')")
	w.exec("DELETE FROM article")
	w.exec("DELETE FROM scan")
	w.wantRows("pending b", "pending c/d")
}

// A function that somebody else has made, under the name of one of ours, is not called
// with the rights of the tables' owner.
func TestForeignFunction(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	home, role := w.role()
	var name string
	w.must(w.db.QueryRowContext(t.Context(), "SELECT proname FROM pg_proc WHERE pronamespace = $1::regnamespace AND proname ~ '^filecleangen_[0-9].*_name$'", home).Scan(&name))
	w.must(w.box.RemoveTriggers(t.Context()))
	w.exec("GRANT CREATE ON SCHEMA " + home + " TO " + role)
	theirs := "CREATE OR REPLACE FUNCTION " + home + "." + name + "(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$"
	w.in(true, "SET LOCAL ROLE "+role, theirs)
	w.must(w.box.InstallTriggers(t.Context())) // by a superuser; others may not replace it
	w.exec("INSERT INTO scan (id, file) VALUES (1, 'a//b')")
	tx, err := w.db.BeginTx(t.Context(), nil)
	w.must(err)
	defer func() { _ = tx.Rollback() }()
	if err := execTx(t.Context(), tx, "SET LOCAL ROLE "+role, theirs); state(err) != "42501" {
		t.Error(err)
	}
}

// postgresWorld is a world in a database of its own, with options.
func postgresWorld(t *testing.T, options string) *world {
	t.Helper()
	w := bareWorld(t, references.PostgreSQL)
	var home string
	w.must(w.db.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&home))
	server := w.dsn
	w.exec("CREATE DATABASE " + home + " TEMPLATE template0 " + options)
	t.Cleanup(func() {
		db, err := databases.Open(w.d, server)
		if err == nil {
			_, _ = db.ExecContext(context.Background(), "DROP DATABASE "+home+" WITH (FORCE)")
			_ = db.Close()
		}
	})
	w.dsn = strings.Replace(strings.Replace(w.dsn, "5432/test", "5432/"+home, 1), "&search_path="+home, "", 1)
	var err error
	w.db, err = databases.Open(w.d, w.dsn)
	w.must(err)
	w.own, err = databases.Open(w.d, w.dsn)
	w.must(err)
	t.Cleanup(func() { _, _ = w.db.Close(), w.own.Close() })
	w.must(outbox.Migrate(t.Context(), w.own, w.d))
	return w
}

// In a database without an encoding a text may be what no relay can read.
func TestNoEncoding(t *testing.T) {
	w := postgresWorld(t, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
	w.exec("CREATE TABLE scan (id int PRIMARY KEY, file text)")
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.write("a", "ä")
	w.exec(`INSERT INTO scan VALUES (1, E'\xff'), (2, 'a'), (3, E'\xc3\xa4')`)
	w.exec("DELETE FROM scan")
	w.want("")
	w.wantRows()
}

// Files of several storages are locked in the order in which batches lock them.
func TestOrderOfStorages(t *testing.T) {
	w := postgresWorld(t, "LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'")
	both := &runtime.Type{Name: "models.Both", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "A", Column: "a", Storage: "a"},
		{Path: "B", Column: "b", Storage: "B"},
	}}
	w.exec("CREATE TABLE pair (a text, b text)")
	refs, err := references.New(t.Context(), w.own, w.d, references.Table(both, "pair"))
	w.must(err)
	clean, err := runtime.New(runtime.WithStorage("a", w.dir, runtime.Exclusive()), runtime.WithStorage("B", w.dir, runtime.Exclusive()), runtime.WithTypes(both), runtime.WithReferences(refs))
	w.must(err)
	box, err := outbox.New(t.Context(), clean, refs)
	w.must(err)
	w.must(box.InstallTriggers(t.Context()))
	w.exec("INSERT INTO pair VALUES ('x', 'y')")
	w.exec("DELETE FROM pair")
	var order string
	w.must(w.db.QueryRowContext(t.Context(), "SELECT string_agg(storage, ' ' ORDER BY ctid) FROM filecleangen_outbox").Scan(&order))
	if order != "B a" {
		t.Error(order)
	}
}
