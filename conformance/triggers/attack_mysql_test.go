package triggers_test

import (
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// A parent in another schema than the table whose rows go with it.
func TestMySQLParentElsewhere(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	other := w.home() + "_other"
	w.exec("CREATE DATABASE " + other)
	t.Cleanup(func() {
		if db, err := databases.Open(w.d, w.dsn); err == nil {
			_, _ = db.Exec("DROP TABLE IF EXISTS scan")
			_, _ = db.Exec("DROP DATABASE " + other)
			_ = db.Close()
		}
	})
	w.exec("CREATE TABLE " + other + ".parent (id int PRIMARY KEY)")
	w.exec("CREATE TABLE scan (id int PRIMARY KEY, file text, parent int, FOREIGN KEY (parent) REFERENCES " + other + ".parent (id) ON DELETE CASCADE)")
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	w.write("a", "b")
	w.exec("INSERT INTO " + other + ".parent VALUES (1), (2)")
	w.exec("INSERT INTO scan VALUES (1, 'a', 1), (2, 'b', 2)")
	w.exec("DELETE FROM " + other + ".parent WHERE id = 1")
	w.want("b")
	w.must(w.box.RemoveTriggers(t.Context()))
	w.exec("DELETE FROM " + other + ".parent")
	w.wantRows()
}

// Whatever a session was told, the triggers do the same.
func TestMySQLSession(t *testing.T) {
	w := newWorld(t, references.MySQL)
	for _, session := range []string{
		"SET SESSION sql_select_limit = 0",
		"SET SESSION sql_select_limit = 1",
		"SET SESSION max_error_count = 0",
		"SET SESSION sql_safe_updates = 1",
		"SET SESSION sql_big_selects = 0, max_join_size = 1000000",
		"SET SESSION group_concat_max_len = 4",
		"SET SESSION sql_auto_is_null = 1",
		"SET SESSION autocommit = 0",
		"SET SESSION unique_checks = 0",
		"SET SESSION sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,ORACLE,EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT'",
		"SET NAMES latin1 COLLATE latin1_german2_ci",
		"SET SESSION max_sp_recursion_depth = 0, sql_notes = 0, sql_warnings = 0, old_mode = 'NO_PROGRESS_INFO,UTF8_IS_UTF8MB3'",
		"SET SESSION tx_isolation = 'SERIALIZABLE'",
		"SET SESSION tx_isolation = 'READ-UNCOMMITTED'",
		"SET SESSION div_precision_increment = 0, time_zone = '+10:00', lc_time_names = 'de_DE'",
		"SET SESSION optimizer_switch = 'index_merge=off,mrr=off,materialization=off,semijoin=off,derived_merge=off,subquery_cache=off,exists_to_in=off'",
		"SET SESSION tmp_table_size = 0, join_cache_level = 0, max_length_for_sort_data = 4, max_sort_length = 64",
		"SET SESSION timestamp = 1",
		"SET SESSION completion_type = CHAIN",
	} {
		t.Run(strings.TrimPrefix(session, "SET "), func(t *testing.T) {
			w := *w
			w.t = t
			db, err := databases.Open(w.d, w.dsn)
			w.must(err)
			defer func() { _ = db.Close() }()
			c, err := db.Conn(t.Context())
			w.must(err)
			defer func() { _ = c.Close() }()
			run := func(s string) {
				t.Helper()
				if _, err := c.ExecContext(t.Context(), s); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
			run(session)
			run("INSERT INTO article (id, cover, banner, pages, photos, link) VALUES (1, 'a', 'x/../b', '[\"p1\",\"p2\",\"p3\"]', '{\"x\": [\"p4\"]}', 'https://cdn.example/%6c')")
			run("INSERT INTO scan (id, article_id, file) VALUES (1, 1, 's1'), (2, 1, 's2'), (3, 1, 's3')")
			run("UPDATE article SET cover = 'c' WHERE id = 1")
			run("COMMIT")
			w.wantRows("pending a")
			run("DELETE FROM article WHERE id = 1")
			run("COMMIT")
			run("INSERT INTO article (id, cover) VALUES (1, 'a')")
			run("COMMIT")
			run("DELETE FROM article WHERE id = 1")
			run("COMMIT")
			run("SET SESSION autocommit = DEFAULT, sql_select_limit = DEFAULT, timestamp = DEFAULT, sql_mode = DEFAULT, tx_isolation = DEFAULT")
			w.wantRows("pending a", "pending b", "pending c", "pending l", "pending p1", "pending p2", "pending p3", "pending p4", "pending s1", "pending s2", "pending s3")
			w.exec("DELETE FROM filecleangen_outbox")
			w.exec("INSERT INTO filecleangen_outbox (storage, name, state, gone_at) VALUES ('media', 'a', 'gone', 1), ('media', 'p2', 'deleting', NULL)")
			for _, s := range []string{"INSERT INTO article (id, cover) VALUES (1, 'a')", `INSERT INTO article (id, pages) VALUES (1, '["p1","p2","p3"]')`} {
				run(session)
				_, err := c.ExecContext(t.Context(), s)
				if !outbox.IsGone(err) {
					t.Errorf("%s: %v", s, err)
				}
				run("ROLLBACK")
			}
			run("SET SESSION autocommit = DEFAULT, sql_select_limit = DEFAULT, timestamp = DEFAULT, sql_mode = DEFAULT, tx_isolation = DEFAULT")
			w.exec("DELETE FROM filecleangen_outbox")
			w.exec("DELETE FROM article")
		})
	}
}

// A procedure that goes on after a name was refused has changed no row. A trigger of the
// user's would have: the database takes back nothing in it, see docs/triggers.md.
func TestMySQLHandler(t *testing.T) {
	w := newWorld(t, references.MySQL)
	w.exec("INSERT INTO filecleangen_outbox (storage, name, state) VALUES ('media', 'a', 'deleting')")
	w.exec("CREATE PROCEDURE tries() BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; INSERT INTO scan (id, file) VALUES (1, 'x'), (2, 'a'); END")
	w.exec("CALL tries()")
	var n int
	w.must(w.db.QueryRowContext(t.Context(), "SELECT count(*) FROM scan").Scan(&n))
	if n > 0 {
		t.Error("a row names a file that is being deleted")
	}
}

// Rows that are not rolled back with the outbox can't be tracked.
func TestMySQLEngine(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	w.exec("CREATE TABLE scan (id int PRIMARY KEY, file text) ENGINE=MyISAM")
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	if err := w.box.InstallTriggers(t.Context()); err == nil || !strings.Contains(err.Error(), "InnoDB") {
		t.Error(err)
	}
}

// A name that is computed from what a foreign key changes can't be followed.
func TestMySQLComputedFromKey(t *testing.T) {
	w := bareWorld(t, references.MySQL)
	w.exec("CREATE TABLE parent (name varchar(50) PRIMARY KEY)")
	w.exec("CREATE TABLE scan (id int PRIMARY KEY, `a``b` varchar(50), h varchar(60) AS (concat('d/', `a``b`)) VIRTUAL, g varchar(60) AS (concat(h, '')) VIRTUAL, file varchar(100) AS (concat(g, '')) VIRTUAL, CONSTRAINT up FOREIGN KEY (`a``b`) REFERENCES parent (name) ON UPDATE CASCADE)")
	w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
	if err := w.box.InstallTriggers(t.Context()); err == nil || !strings.Contains(err.Error(), "(up of ") {
		t.Error(err)
	}
	w.exec("ALTER TABLE scan DROP FOREIGN KEY up, ADD FOREIGN KEY (`a``b`) REFERENCES parent (name)")
	w.must(w.box.InstallTriggers(t.Context()))
}
