package references_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// told is what a session may have been told before it is asked, with the error that
// there has to be, if the answer can't be right.
var told = map[references.Dialect]map[string]string{
	references.SQLite: {
		"CREATE TEMPORARY TABLE one (id integer, file text)": "",
		"PRAGMA query_only = 1":                              "",
		"PRAGMA read_uncommitted = 1":                        "",
		"PRAGMA case_sensitive_like = 1":                     "",
		"PRAGMA reverse_unordered_selects = 1":               "",
		"ATTACH ':memory:' AS other":                         "",
	},
	references.PostgreSQL: {
		"SET search_path = other":                                    "",
		"SET search_path = ''":                                       "",
		"CREATE TEMPORARY TABLE one (id bigint, file text)":          "",
		"SET client_encoding = 'LATIN1'":                             "",
		"SET client_encoding = 'SQL_ASCII'":                          "",
		"SET default_transaction_isolation = 'serializable'":         "",
		"SET default_transaction_read_only = on":                     "",
		"SET default_transaction_deferrable = on":                    "",
		"SET statement_timeout = 300":                                "",
		"SET lock_timeout = 300":                                     "",
		"SET idle_in_transaction_session_timeout = 500":              "",
		"SET gin_fuzzy_search_limit = 1":                             "",
		"SET enable_seqscan = off":                                   "",
		"SET enable_indexscan = off":                                 "",
		"SET standard_conforming_strings = off":                      "",
		"SET bytea_output = 'escape'":                                "",
		"SET transform_null_equals = on":                             "",
		"SET array_nulls = off":                                      "",
		"SET plan_cache_mode = force_generic_plan":                   "",
		"SET row_security = on":                                      "",
		"SET ROLE NOBODY":                                            "",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY":       "",
		"SET session_replication_role = 'replica'":                   "",
		"SET constraint_exclusion = on":                              "",
		"SET extra_float_digits = -10":                               "",
		"CREATE TEMPORARY TABLE filecleangen_outbox_column (a text)": "",
		"CREATE TEMPORARY TABLE filecleangen_outbox_id (id text)":    "",
	},
	references.MySQL: {
		"CREATE TEMPORARY TABLE one (id bigint, file text)":       "a temporary table hides",
		"CREATE TEMPORARY TABLE filecleangen_outbox_id (id text)": "is this the database that it was?",
		"SET SESSION sql_select_limit = 0":                        "",
		"SET SESSION sql_select_limit = 1":                        "",
		"SET NAMES latin1":                                        "",
		"SET SESSION character_set_connection = ucs2":             "",
		"SET SESSION character_set_results = ucs2":                "",
		"SET SESSION sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE' /*M! , sql_mode = concat(@@sql_mode, ',ORACLE') */": "",
		"SET SESSION sql_mode = /*M! 'EMPTY_STRING_IS_NULL' */ /*!80000 'HIGH_NOT_PRECEDENCE' */":                                                                           "",
		"SET autocommit = 0":            "",
		"SET SESSION max_join_size = 1": "",
		"SET SESSION /*M! max_statement_time = 0.00001 */ /*!80000 max_execution_time = 1 */": "",
		"SET SESSION timestamp = 1":                            "",
		"SET SESSION completion_type = 'RELEASE'":              "",
		"SET SESSION completion_type = 'CHAIN'":                "",
		"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE": "",
		"SET SESSION TRANSACTION READ ONLY":                    "",
		"SET SESSION time_zone = '+13:00'":                     "",
		"SET SESSION sql_auto_is_null = 1":                     "",
		"SET SESSION sql_safe_updates = 1":                     "",
		"SET SESSION group_concat_max_len = 4":                 "",
		"USE mysql":                                            "has come to be in database",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT":           "",
	},
}

// TestSession: what a session was told changes no answer: it is set right, or the
// answer is an error that says what to do.
func TestSession(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file varchar(300))")
		w.exec("CREATE TABLE padded (id bigint PRIMARY KEY, file char(100))")
		w.exec("CREATE TABLE many (id bigint PRIMARY KEY, files " + map[references.Dialect]string{references.PostgreSQL: "text[]", references.MySQL: "json", references.SQLite: "text"}[d] + ")")
		w.exec("INSERT INTO one (id, file) VALUES (1, ?), (2, 'x')", "é.png")
		w.exec("INSERT INTO padded (id, file) VALUES (1, 'p')")
		if d == references.PostgreSQL {
			w.exec("CREATE INDEX ON many USING gin (files)")
			w.exec("CREATE SCHEMA IF NOT EXISTS other")
			w.exec("CREATE TABLE IF NOT EXISTS other.one (id bigint, file text)")
			w.exec("INSERT INTO many (id, files) SELECT n, ARRAY['m', 'o'] FROM generate_series(1, 20) n")
			w.exec("INSERT INTO many (id, files) VALUES (100, ARRAY['d/日本'])")
		} else {
			w.exec(`INSERT INTO many (id, files) VALUES (1, ?)`, `["m", "d/日本"]`)
		}
		refs := func(own *sql.DB) *references.References {
			r, err := references.New(t.Context(), own, d, references.Table(one, "one"), references.Table(one, "padded"), references.Table(many, "many"))
			w.must(err)
			return r
		}
		for set, text := range told[d] {
			t.Run(set, func(t *testing.T) {
				if strings.Contains(set, "NOBODY") {
					var schema string
					w.must(w.db.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&schema))
					role := schema + "_nobody"
					w.exec("CREATE ROLE " + role)
					defer func() { _, _ = w.db.Exec("DROP ROLE " + role) }()
					set = "SET ROLE " + role
				}
				own := w.handle()
				own.SetMaxOpenConns(1)
				own.SetMaxIdleConns(1)
				r := refs(own)
				w.execOn(own, set)
				if strings.HasPrefix(set, "START") { // and rows are committed after its snapshot
					var n int
					w.must(own.QueryRowContext(t.Context(), "SELECT count(*) FROM one").Scan(&n))
					w.exec("INSERT INTO one (id, file) VALUES (3, 'later')")
					defer w.exec("DELETE FROM one WHERE id = 3")
				}
				sub := &world{T: t, d: d}
				if text != "" {
					sub.wantError(r, text)
					return
				}
				want := "d/日本 m p x é.png"
				if strings.HasPrefix(set, "START") {
					want = "d/日本 later m p x é.png"
				}
				sub.wantNamed(r, want, "é.png", "x", "p", "m", "d/日本", "later", "É.png", "gone")
				if d == references.MySQL { // and none is left open
					var open bool
					w.must(own.QueryRowContext(t.Context(), "SELECT /*M! @@in_transaction */ /*!80000 (SELECT count(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = connection_id()) */").Scan(&open))
					if open {
						t.Error("a transaction is left open")
					}
				}
			})
		}
	})
}

// TestRights: a role that may not read, or not all rows, gets no answer.
func TestRights(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file text)")
		w.exec("INSERT INTO one (id, file) VALUES (1, 'a'), (2, 'b')")
		var schema string
		w.must(w.db.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&schema))
		role := schema + "_role"
		w.exec("CREATE ROLE " + role + " LOGIN")
		t.Cleanup(func() {
			_, _ = w.db.Exec("DROP OWNED BY " + role)
			_, _ = w.db.Exec("DROP ROLE " + role)
		})
		own, err := databases.Open(d, strings.Replace(w.dsn, "postgres@", role+"@", 1))
		w.must(err)
		defer func() { _ = own.Close() }()
		w.own = own
		if _, err := w.try(references.Table(one, schema+".one")); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%v", err)
		}
		w.exec("GRANT USAGE ON SCHEMA " + schema + " TO " + role)
		if _, err := w.try(references.Table(one, "one")); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%v", err)
		}
		w.exec("GRANT SELECT ON one TO " + role)
		refs := w.references(references.Table(one, "one"))
		w.wantNamed(refs, "a b", "a", "b", "c")
		w.exec("ALTER TABLE one ENABLE ROW LEVEL SECURITY")
		w.wantError(refs, "row-level security")
		w.exec("CREATE POLICY part ON one USING (id = 1)")
		w.wantError(refs, "row-level security")
		w.exec("ALTER ROLE " + role + " BYPASSRLS")
		w.wantNamed(refs, "a b", "a", "b", "c")
		w.exec("REVOKE SELECT ON one FROM " + role)
		w.wantError(refs, "permission denied")

		// A user whose rights are those of a role that it takes on when it connects.
		taken := role + "_taken"
		w.exec("CREATE ROLE " + taken)
		t.Cleanup(func() {
			_, _ = w.db.Exec("DROP OWNED BY " + taken)
			_, _ = w.db.Exec("DROP ROLE " + taken)
		})
		w.exec("GRANT " + taken + " TO " + role)
		w.exec("ALTER ROLE " + role + " NOINHERIT NOBYPASSRLS")
		w.exec("ALTER ROLE " + role + " SET role = " + taken)
		w.exec("ALTER TABLE one DISABLE ROW LEVEL SECURITY")
		w.exec("GRANT USAGE ON SCHEMA " + schema + " TO " + taken)
		w.exec("GRANT SELECT ON one TO " + taken)
		takes, err := databases.Open(d, strings.Replace(w.dsn, "postgres@", role+"@", 1))
		w.must(err)
		defer func() { _ = takes.Close() }()
		w.own = takes
		w.wantNamed(w.references(references.Table(one, "one")), "a b", "a", "b", "c")
	}, references.PostgreSQL)
}

// TestSharedPool: at a pool that 40 writers share, against all advice, there is an
// answer, late as it may be, and it is right.
func TestSharedPool(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file varchar(100))")
		w.db.SetMaxOpenConns(4)
		w.own = w.db
		refs := w.references(references.Table(one, "one"))
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				tx, err := w.db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				name := fmt.Sprint("n", i)
				if _, err := tx.ExecContext(t.Context(), databases.Rebind(d, "INSERT INTO one (id, file) VALUES (?, ?)"), i, name); err != nil {
					t.Error(err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
				w.wantNamed(refs, name, name, "gone")
			})
		}
		all.Wait()
	})
}

// TestSmallPool: a pool of one connection, that many use at once, is enough.
func TestSmallPool(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file varchar(100), document varchar(100))")
		w.exec("INSERT INTO one (id, file, document) VALUES (1, 'a', 'no JSON')")
		w.own.SetMaxOpenConns(1)
		refs := w.references(references.Table(one, "one"), references.Table(many, "one", references.Columns{"Files": {Name: "document", Form: references.JSON}}))
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				name := fmt.Sprint("n", i)
				if _, err := w.db.ExecContext(t.Context(), databases.Rebind(d, "INSERT INTO one (id, file) VALUES (?, ?)"), 100+i, name); err != nil && d != references.SQLite {
					t.Error(err)
				} else if err == nil {
					w.wantNamed(refs, "a "+name, "a", name, "gone")
				}
			})
		}
		all.Wait()
		w.must(refs.Prove(t.Context()))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := refs.Prove(ended); err == nil {
			t.Error("no error after the end of the context")
		}
		w.wantNamed(refs, "a", "a")
	})
}
