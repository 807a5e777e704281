package triggers_test

import (
	"slices"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

func TestMySQLSchemas(t *testing.T) {
	t.Parallel()
	tell(t, references.MySQL, databases.New(t, references.MySQL), slices.Concat(common("`", "text", "longtext"), []story{mysqlTypes}, mysqlStories))
}

// mysqlTypes are types that columns of names have, in many character sets.
var mysqlTypes = typed("kinds", "",
	"varchar(50) CHARACTER SET latin1", "varchar(50) CHARACTER SET latin1 COLLATE latin1_german2_ci", "varchar(50) CHARACTER SET utf8mb3",
	"text CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "varchar(50) CHARACTER SET gbk",
	"char(20) CHARACTER SET sjis", "mediumtext CHARACTER SET koi8r", "varchar(50) CHARACTER SET utf32", "char(10) CHARACTER SET ascii",
	"char(10)", "binary(10)", "varbinary(50)", "mediumblob", "longtext", "tinytext", "text COMPRESSED", "varchar(50) INVISIBLE")

var mysqlStories = []story{
	{
		name: "schemas", tables: "CREATE TABLE same (file text)\nCREATE TABLE OTHER.same (file text)",
		tracks: slices.Concat(in("HOME.same", "file"), in("OTHER.same", "file")),
		script: `USE OTHER
			INSERT INTO same VALUES ('a'), ('b')
			INSERT INTO HOME.same VALUES ('a'), ('c')
			USE HOME
			= a b c d
			DELETE FROM OTHER.same
			UPDATE same SET file = 'd' WHERE file = 'c'
			= a d
			DELETE FROM same
			=`,
	},
	{
		name: "partitions",
		tables: `CREATE TABLE part (id int, file text) PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN MAXVALUE)
			CREATE TABLE part_list (id int, file text) PARTITION BY LIST (id) (PARTITION p0 VALUES IN (1), PARTITION p1 VALUES IN (2))`,
		tracks: slices.Concat(in("part", "file"), in("part_list", "file")),
		script: `INSERT INTO part VALUES (1, 'a'), (11, 'b'), (100, 'c')
			INSERT INTO part_list VALUES (1, 'd'), (2, 'a')
			UPDATE part SET id = id + 10
			= a b c d
			DELETE FROM part PARTITION (p1)
			UPDATE part_list SET id = 2, file = 'b' WHERE id = 1
			= a b c
			ALTER TABLE part REMOVE PARTITIONING
			DELETE FROM part
			= a b`,
	},
	{
		name: "generated", tables: "CREATE TABLE generated (file varchar(50), thumb varchar(50) AS (replace(replace(file, 'a', 'c'), 'b', 'd')) VIRTUAL, other varchar(50) AS (file) STORED)",
		tracks: in("generated", "file", "thumb", "other"),
		script: `INSERT INTO generated (file) VALUES ('a'), ('b')
			= a b c d
			UPDATE generated SET file = 'b' WHERE file = 'a'
			= b d
			DELETE FROM generated
			=`,
	},
	{
		name: "views", tables: "CREATE TABLE pictures (id int PRIMARY KEY, file text)\nCREATE VIEW low AS SELECT id, file AS name FROM pictures WHERE id < 10 WITH CHECK OPTION",
		tracks: in("pictures", "file"),
		script: `INSERT INTO low VALUES (1, 'a'), (2, 'b')
			UPDATE low SET name = 'c' WHERE id = 1
			= b c d
			DELETE FROM low WHERE id = 2
			= c d`,
	},
	{
		name:   "versioned",
		tables: "CREATE TABLE versioned (id int PRIMARY KEY, file varchar(50), title text) WITH SYSTEM VERSIONING",
		tracks: in("versioned", "file"),
		script: `INSERT INTO versioned VALUES (1, 'a', ''), (2, 'b', '')
			UPDATE versioned SET file = 'c' WHERE id = 1
			DELETE FROM versioned WHERE id = 2
			= c d
			UPDATE versioned SET title = 'x'
			DELETE HISTORY FROM versioned
			= c d`,
	},
	{
		name:   "periods",
		tables: "CREATE TABLE rented (id int, file varchar(50), starts date, ends date, PERIOD FOR rent (starts, ends), UNIQUE (id, rent WITHOUT OVERLAPS))",
		tracks: in("rented", "file"),
		script: `INSERT INTO rented VALUES (1, 'a', '2020-01-01', '2021-01-01'), (2, 'b', '2020-01-01', '2021-01-01')
			UPDATE rented FOR PORTION OF rent FROM '2020-03-01' TO '2020-04-01' SET file = 'c' WHERE id = 1
			DELETE FROM rented FOR PORTION OF rent FROM '2020-03-01' TO '2020-04-01' WHERE id = 2
			= a b c d
			DELETE FROM rented FOR PORTION OF rent FROM '2020-01-01' TO '2021-01-01' WHERE id = 2
			= a c d
			UPDATE rented SET file = 'c'
			= c d`,
	},
	{
		name: "user_triggers",
		tables: `CREATE TABLE job (id int PRIMARY KEY, file varchar(50))
			CREATE TABLE job_log (file varchar(50))
			CREATE TRIGGER a_job BEFORE INSERT ON job FOR EACH ROW SET NEW.file = lower(NEW.file)
			CREATE TRIGGER b_job BEFORE UPDATE ON job FOR EACH ROW SET NEW.file = lower(NEW.file)
			CREATE TRIGGER c_job AFTER DELETE ON job FOR EACH ROW INSERT INTO job_log VALUES (OLD.file)`,
		tracks: slices.Concat(in("job", "file"), in("job_log", "file")),
		script: `INSERT INTO job VALUES (1, 'A'), (2, 'B'), (3, 'D')
			UPDATE job SET file = 'C' WHERE id = 2
			= a c d
			DELETE FROM job
			= a c d
			DELETE FROM job_log WHERE file = 'a'
			= c d`,
	},
	{
		name: "routines",
		tables: `CREATE TABLE filed (id int PRIMARY KEY, file varchar(50))
			CREATE FUNCTION file_of(n int) RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO filed VALUES (n, concat(char(96 + n), '-N')); RETURN n; END
			CREATE PROCEDURE unfile(n int) MODIFIES SQL DATA BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; DELETE FROM filed WHERE id = n; INSERT INTO filed VALUES (2, 'x'); END`,
		tracks: in("filed", "file"),
		script: `SELECT file_of(1), file_of(2)
			CALL unfile(1)
			= b c d
			LOCK TABLES filed WRITE
			UPDATE filed SET file = 'c'
			UNLOCK TABLES
			= c d
			XA START 'one'
			DELETE FROM filed
			XA END 'one'
			XA PREPARE 'one'
			XA COMMIT 'one'
			= d`,
	},
	{
		name: "mysql_temporary", tables: "CREATE TABLE shadowed (file text)", tracks: in("shadowed", "file"),
		script: `INSERT INTO shadowed VALUES ('a')
			CREATE TEMPORARY TABLE shadowed (file text)
			INSERT INTO shadowed VALUES ('b')
			DELETE FROM shadowed
			DROP TEMPORARY TABLE shadowed
			= a b c d
			DELETE FROM shadowed
			= b c d`,
	},
	{
		name: "statements", tables: "CREATE TABLE stated (id int PRIMARY KEY, file varchar(50))", tracks: in("stated", "file"),
		script: `INSERT INTO stated VALUES (1, 'a'), (2, 'b') RETURNING file
			UPDATE stated SET file = 'c' WHERE id = 1 ORDER BY id LIMIT 1
			= b c d
			DELETE FROM stated WHERE id = 2 RETURNING id
			= c d
			SET SESSION sql_mode = ''
			SET NAMES latin1
			UPDATE stated SET file = 'd'
			SET SESSION sql_mode = 'ORACLE,ANSI,TRADITIONAL'
			SET NAMES utf8mb4
			DELETE FROM stated
			SET SESSION sql_mode = DEFAULT
			=`,
	},
	{
		name: "altered", tables: "CREATE TABLE altered (file varchar(50), old text)", tracks: in("altered", "file"),
		script: `INSERT INTO altered (file) VALUES ('a'), ('b')
			ALTER TABLE altered ADD COLUMN more text, DROP COLUMN old
			UPDATE altered SET file = 'c', more = 'd' WHERE file = 'a'
			= b c d
			ALTER TABLE altered ROW_FORMAT = COMPRESSED
			DELETE FROM altered WHERE file = 'b'
			= c d`,
	},
	{
		name: "json", tables: "CREATE TABLE docs (doc json, blobs blob, latin text CHARACTER SET latin1)", tracks: as(references.JSON, in("docs", "doc", "blobs", "latin")),
		script: `INSERT INTO docs VALUES ('{"x": ["a", {"y": "b"}]}', '"c"', '["d"]')
			= a b c d
			UPDATE docs SET doc = json_set(doc, '$.x[0]', 'b'), blobs = NULL, latin = json_array_append(latin, '$', 'd')
			= b d
			DELETE FROM docs
			=`,
	},
}

func TestMySQLRefused(t *testing.T) {
	t.Parallel()
	refuse(t, references.MySQL, databases.New(t, references.MySQL), []refusal{
		{"view", "CREATE TABLE base (file text)\nCREATE VIEW looked AS SELECT * FROM base", in("looked", "file"), []string{"looked", "view", "references.Table"}},
		{"enum", "CREATE TABLE moods (file enum('a', 'b'))", in("moods", "file"), []string{"moods.file", "enum", "references.Func"}},
		{"set", "CREATE TABLE sets (file set('a', 'b'))", in("sets", "file"), []string{"sets.file", "set", "references.Func"}},
		{"aria", "CREATE TABLE aria_rows (file text) ENGINE = Aria", in("aria_rows", "file"), []string{"aria_rows.file", "savepoints", "InnoDB"}},
		{"myisam", "CREATE TABLE old_rows (file text) ENGINE = MyISAM", in("old_rows", "file"), []string{"old_rows", "MyISAM", "InnoDB"}},
		{"sequence", "CREATE SEQUENCE numbers", in("numbers", "next_not_cached_value"), []string{"numbers", "sequence"}},
	})
}
