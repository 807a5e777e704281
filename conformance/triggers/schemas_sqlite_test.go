package triggers_test

import (
	"slices"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

func TestSQLiteSchemas(t *testing.T) {
	t.Parallel()
	tell(t, references.SQLite, databases.New(t, references.SQLite), slices.Concat(common(`"`, "text", "text"), sqliteStories))
}

var sqliteStories = []story{
	{
		name: "without_rowid", tables: "CREATE TABLE without_rowid (file text PRIMARY KEY, other text) WITHOUT ROWID",
		tracks: in("without_rowid", "file", "other"),
		script: `INSERT INTO without_rowid VALUES ('a', 'b'), ('c', NULL)
			UPDATE without_rowid SET file = 'd' WHERE file = 'a'
			= b c d
			INSERT INTO without_rowid VALUES ('d', NULL) ON CONFLICT (file) DO UPDATE SET other = excluded.other
			= c d
			REPLACE INTO without_rowid VALUES ('d', 'c')
			DELETE FROM without_rowid WHERE file = 'c'
			= c d
			DELETE FROM without_rowid
			=`,
	},
	{name: "strict", tables: "CREATE TABLE strict_rows (id INTEGER PRIMARY KEY, file TEXT) STRICT", tracks: in("strict_rows", "file"), script: life("strict_rows", "file")},
	{name: "other_case", tables: "CREATE TABLE OtherCase (File text)", tracks: in("othercase", "FILE"), script: life("otherCASE", "fiLe")},
	{name: "untyped", tables: "CREATE TABLE untyped (file)", tracks: in("untyped", "file"), script: life("untyped", "file")},
	{
		name: "blobs", tables: "CREATE TABLE blobs (file blob)", tracks: in("blobs", "file"),
		script: `INSERT INTO blobs VALUES (CAST('a' AS BLOB)), ('b'), (1), (2.5), (x'ff00'), ('b' || char(0))
			= a b c d
			UPDATE blobs SET file = CAST('c' AS BLOB) WHERE file = CAST('a' AS BLOB)
			= b c d
			DELETE FROM blobs
			= d`,
	},
	{
		name: "generated", tables: "CREATE TABLE generated (file text, thumb text AS (replace(replace(file, 'a', 'c'), 'b', 'd')) VIRTUAL, other text AS (file) STORED)",
		tracks: in("generated", "file", "thumb", "other"),
		script: `INSERT INTO generated (file) VALUES ('a'), ('b')
			= a b c d
			UPDATE generated SET file = 'b' WHERE file = 'a'
			= b d
			DELETE FROM generated
			=`,
	},
	{
		name: "views",
		tables: `CREATE TABLE pictures (id integer PRIMARY KEY, file text)
			CREATE VIEW picture AS SELECT id, file AS name FROM pictures
			CREATE TRIGGER picture_insert INSTEAD OF INSERT ON picture BEGIN INSERT INTO pictures (id, file) VALUES (NEW.id, NEW.name); END
			CREATE TRIGGER picture_update INSTEAD OF UPDATE ON picture BEGIN UPDATE pictures SET file = NEW.name WHERE id = OLD.id; END
			CREATE TRIGGER picture_delete INSTEAD OF DELETE ON picture BEGIN DELETE FROM pictures WHERE id = OLD.id; END`,
		tracks: in("pictures", "file"),
		script: `INSERT INTO picture VALUES (1, 'a'), (2, 'b')
			UPDATE picture SET name = 'c' WHERE id = 1
			= b c d
			DELETE FROM picture WHERE name = 'b'
			= c d
			? INSERT INTO picture VALUES (3, 'b')
			DELETE FROM picture
			= d`,
	},
	{
		name: "user_triggers",
		tables: `CREATE TABLE job (id integer PRIMARY KEY, file text)
			CREATE TABLE job_log (file text)
			CREATE TRIGGER a_job AFTER INSERT ON job BEGIN UPDATE job SET file = lower(NEW.file) WHERE id = NEW.id; END
			CREATE TRIGGER z_job AFTER DELETE ON job BEGIN INSERT INTO job_log VALUES (OLD.file); END
			CREATE TRIGGER z_log AFTER INSERT ON job_log BEGIN DELETE FROM job_log WHERE rowid < NEW.rowid; END`,
		tracks: slices.Concat(in("job", "file"), in("job_log", "file")),
		script: `INSERT INTO job (file) VALUES ('A'), ('B'), ('C')
			= a b c d
			DELETE FROM job WHERE file = 'a'
			= a b c d
			DELETE FROM job
			= c d
			DELETE FROM job_log
			= d`,
	},
	{
		name: "sqlite_temporary", tables: "CREATE TABLE shadowed (file text)", tracks: in("shadowed", "file"),
		script: `INSERT INTO shadowed VALUES ('a')
			CREATE TEMPORARY TABLE shadowed (file text)
			INSERT INTO shadowed VALUES ('b')
			DELETE FROM shadowed
			= a b c d
			DELETE FROM main.shadowed
			DROP TABLE temp.shadowed
			= b c d`,
	},
	{
		name: "returning", tables: "CREATE TABLE rets (id integer PRIMARY KEY, file text)", tracks: in("rets", "file"),
		script: `INSERT INTO rets (file) VALUES ('a'), ('b') RETURNING id
			UPDATE rets SET file = 'c' FROM (SELECT 1 AS one) WHERE id = one RETURNING file
			= b c d
			WITH gone AS (SELECT 2 AS id) DELETE FROM rets WHERE id IN (SELECT id FROM gone) RETURNING *
			= c d`,
	},
	{
		name: "self", tables: "CREATE TABLE folder (id integer PRIMARY KEY, parent integer REFERENCES folder (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, file text)",
		tracks: in("folder", "file"),
		script: `INSERT INTO folder VALUES (3, 2, 'c'), (2, 1, 'b'), (1, NULL, 'a')
			= a b c d
			DELETE FROM folder WHERE id = 1
			= d`,
	},
	{
		name: "altered", tables: "CREATE TABLE altered (file text, old text)", tracks: in("altered", "file"),
		script: `INSERT INTO altered (file) VALUES ('a'), ('b')
			ALTER TABLE altered ADD COLUMN more text DEFAULT 'a'
			ALTER TABLE altered DROP COLUMN old
			UPDATE altered SET file = 'c', more = 'd' WHERE file = 'a'
			= b c d`,
	},
	{
		name: "untrusted", tables: "CREATE TABLE untrusted (doc text)", tracks: as(references.JSON, in("untrusted", "doc")),
		script: `PRAGMA trusted_schema = OFF
			INSERT INTO untrusted VALUES ('["a"]'), ('["b", {"x": "c"}]')
			DELETE FROM untrusted WHERE doc = '["a"]'
			PRAGMA trusted_schema = ON
			= b c d
			UPDATE untrusted SET doc = json_set(doc, '$[1].x', 'd')
			= b d`,
	},
}

func TestSQLiteRefused(t *testing.T) {
	t.Parallel()
	refuse(t, references.SQLite, databases.New(t, references.SQLite), []refusal{
		{"view", "CREATE TABLE base (file text)\nCREATE VIEW looked AS SELECT * FROM base", in("looked", "file"), []string{"looked", "view", "references.Table"}},
		{"virtual", "CREATE VIRTUAL TABLE search USING fts5 (file)", in("search", "file"), []string{"search", "virtual", "batch"}},
	})
}
