package triggers_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

func TestPostgresSchemas(t *testing.T) {
	t.Parallel()
	tell(t, references.PostgreSQL, databases.New(t, references.PostgreSQL), slices.Concat(common(`"`, "text", "jsonb"), postgresStories, postgresPartitions, postgresTypes))
}

var postgresTypes = []story{
	typed("kinds", "CREATE DOMAIN short_path AS varchar(100) CHECK (VALUE <> 'bad')\nCREATE DOMAIN cover AS short_path NOT NULL DEFAULT ''",
		"varchar(10)", "char(10)", "text", "name", "bytea", `text COLLATE "und-x-icu"`, "short_path", "cover"),
	{
		name:   "insensitive",
		tables: "CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)\nCREATE TABLE insensitive (file text COLLATE insensitive)",
		tracks: in("insensitive", "file"),
		script: life("insensitive", "file") + `
			INSERT INTO insensitive VALUES ('D')
			= d
			UPDATE insensitive SET file = 'd'
			UPDATE insensitive SET file = 'D'
			=`,
	},
	{
		name: "arrays", tables: "CREATE TABLE arrays (files text[], more varchar(10)[], fixed char(5)[])",
		tracks: as(references.Array, in("arrays", "files", "more", "fixed")),
		script: `INSERT INTO arrays VALUES ('{"a",NULL,""}', '[0:1]={"b","x,\"y"}', '{"c"}'), ('{{"a",x},{y,z}}', NULL, '{}')
			= a b c d
			SET array_nulls = off
			UPDATE arrays SET more = more || 'd'::varchar, fixed = NULL
			RESET array_nulls
			= a b d
			UPDATE arrays SET files = files[2:]
			= b d
			DELETE FROM arrays
			=`,
	},
	{
		name: "json_text", tables: "CREATE TABLE json_text (doc json, other text, bytes bytea)",
		tracks: as(references.JSON, in("json_text", "doc", "other", "bytes")),
		script: `INSERT INTO json_text VALUES ('{"x": ["a", {"y": "b"}]}', '"c"', '["d"]')
			= a b c d
			UPDATE json_text SET doc = '{"x":"b","x":"b"}', other = '["c-N'
			= b c d
			DELETE FROM json_text
			= c`,
	},
	{
		name: "domain_arrays", tables: "CREATE DOMAIN files AS text[]\nCREATE TABLE lists (files files)", tracks: as(references.Array, in("lists", "files")),
		script: `INSERT INTO lists VALUES ('{"a","b"}')
			UPDATE lists SET files = '{"b","c"}'
			= b c d
			DELETE FROM lists
			= d`,
	},
	{
		name: "uuid", tables: "CREATE TABLE uuids (file uuid)", tracks: in("uuids", "file"),
		script: `INSERT INTO uuids VALUES ('0d4e1b1e-5ac4-4b5c-9d6c-1a1f3d2b5c6a')
			DELETE FROM uuids
			= a b c d`,
	},
}

var postgresPartitions = []story{
	{
		name: "partitions",
		tables: `CREATE TABLE part (region text, id int, file text) PARTITION BY LIST (region)
			CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu') PARTITION BY RANGE (id)
			CREATE TABLE part_eu_1 PARTITION OF part_eu FOR VALUES FROM (0) TO (10)
			CREATE TABLE OTHER.part_eu_2 (file text, gone int, id int, region text)
			ALTER TABLE OTHER.part_eu_2 DROP COLUMN gone
			ALTER TABLE part_eu ATTACH PARTITION OTHER.part_eu_2 FOR VALUES FROM (10) TO (20)
			CREATE TABLE part_us PARTITION OF part FOR VALUES IN ('us') PARTITION BY HASH (id)
			CREATE TABLE part_us_0 PARTITION OF part_us FOR VALUES WITH (MODULUS 2, REMAINDER 0)
			CREATE TABLE part_us_1 PARTITION OF part_us FOR VALUES WITH (MODULUS 2, REMAINDER 1)
			CREATE TABLE part_rest PARTITION OF part DEFAULT`,
		tracks: in("part", "file"),
		script: `INSERT INTO part VALUES ('eu', 1, 'a'), ('eu', 11, 'b'), ('us', 1, 'c'), ('xx', 1, 'd')
			UPDATE part SET region = 'us', id = 2 WHERE region = 'eu' AND id = 1
			UPDATE part_us SET id = id + 1
			= a b c d
			UPDATE OTHER.part_eu_2 SET file = 'd'
			= a c d
			ALTER TABLE part DETACH PARTITION part_us
			DELETE FROM part_us WHERE file = 'a'
			INSERT INTO part_us VALUES ('us', 5, 'x')
			= c d
			ALTER TABLE part ATTACH PARTITION part_us FOR VALUES IN ('us')
			TRUNCATE part_eu, part_rest
			= c
			DELETE FROM part
			=`,
	},
	{
		name: "inherits",
		tables: `CREATE TABLE base (file text)
			CREATE TABLE middle (other text) INHERITS (base)
			CREATE TABLE OTHER.leaf (id int) INHERITS (middle)`,
		tracks: in("base", "file"),
		script: `INSERT INTO base VALUES ('a')
			INSERT INTO middle VALUES ('b', 'x')
			INSERT INTO OTHER.leaf VALUES ('c', 'd', 1)
			UPDATE base SET file = NULL WHERE file = 'c'
			= a b d
			DELETE FROM ONLY base
			= b d
			TRUNCATE base
			= d`,
	},
}

var postgresStories = []story{
	{
		name: "schemas", tables: "CREATE TABLE same (file text)\nCREATE TABLE OTHER.same (file text)",
		tracks: slices.Concat(in("HOME.same", "file"), in("OTHER.same", "file")),
		script: `SET search_path = OTHER
			INSERT INTO same VALUES ('a'), ('b')
			RESET search_path
			INSERT INTO same VALUES ('a'), ('c')
			= a b c d
			SET search_path = ''
			DELETE FROM OTHER.same
			UPDATE HOME.same SET file = 'd' WHERE file = 'c'
			RESET search_path
			= a d
			TRUNCATE same, OTHER.same
			=`,
	},
	{
		name: "generated", tables: "CREATE TABLE generated (file text, thumb text GENERATED ALWAYS AS (translate(file, 'ab', 'cd')) STORED, id int GENERATED ALWAYS AS IDENTITY)",
		tracks: in("generated", "file", "thumb"),
		script: `INSERT INTO generated (file) VALUES ('a'), ('b')
			= a b c d
			UPDATE generated SET file = 'b' WHERE file = 'a'
			= b d
			DELETE FROM generated
			=`,
	},
	{
		name: "views",
		tables: `CREATE TABLE pictures (id int PRIMARY KEY, file text)
			CREATE VIEW low AS SELECT id, file AS name FROM pictures WHERE id < 10 WITH CHECK OPTION
			CREATE VIEW picture AS SELECT id, file AS name FROM pictures
			CREATE FUNCTION write_picture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'DELETE' THEN DELETE FROM pictures WHERE id = OLD.id; RETURN OLD; END IF; INSERT INTO pictures VALUES (NEW.id, NEW.name) ON CONFLICT (id) DO UPDATE SET file = NEW.name; RETURN NEW; END $$
			CREATE TRIGGER picture_write INSTEAD OF INSERT OR UPDATE OR DELETE ON picture FOR EACH ROW EXECUTE FUNCTION write_picture()`,
		tracks: in("pictures", "file"),
		script: `INSERT INTO low VALUES (1, 'a')
			INSERT INTO picture VALUES (2, 'b'), (11, 'd')
			UPDATE low SET name = 'c' WHERE id = 1
			DELETE FROM low WHERE id = 11
			= b c d
			UPDATE picture SET name = 'c' WHERE id = 2
			= c d
			DELETE FROM picture WHERE id < 10
			= d`,
	},
	{
		name: "unlogged", tables: "CREATE UNLOGGED TABLE unlogged (file text)", tracks: in("unlogged", "file"),
		script: `INSERT INTO unlogged VALUES ('a'), ('b')
			ALTER TABLE unlogged SET LOGGED
			DELETE FROM unlogged WHERE file = 'a'
			= b c d`,
	},
	{
		name: "temporary", tables: "CREATE TABLE shadowed (file text)", tracks: in("shadowed", "file"),
		script: `INSERT INTO shadowed VALUES ('a')
			CREATE TEMPORARY TABLE shadowed (file text)
			INSERT INTO shadowed VALUES ('b')
			CREATE TEMPORARY TABLE filecleangen_outbox (storage text)
			CREATE TEMPORARY TABLE filecleangen_outbox_version (version text)
			DELETE FROM HOME.shadowed
			DROP TABLE pg_temp.shadowed, pg_temp.filecleangen_outbox, pg_temp.filecleangen_outbox_version
			= b c d`,
	},
	{
		name: "row_security",
		tables: `CREATE TABLE secured (id int, owner text, file text)
			ALTER TABLE secured ENABLE ROW LEVEL SECURITY
			CREATE POLICY mine ON secured USING (owner = 'me')`,
		tracks: in("secured", "file"),
		script: `INSERT INTO secured VALUES (1, 'me', 'a'), (2, 'other', 'b'), (3, 'other', 'a')
			SET ROLE APPLICATION
			UPDATE secured SET file = 'c'
			INSERT INTO secured VALUES (4, 'me', 'd')
			RESET ROLE
			= a b c d
			SET ROLE APPLICATION
			DELETE FROM secured
			RESET ROLE
			= a b
			DELETE FROM secured
			=`,
	},
	{
		name: "deferred",
		tables: `CREATE TABLE place (file text UNIQUE)
			CREATE TABLE folder (id int PRIMARY KEY, parent int REFERENCES folder ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, file text REFERENCES place (file) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE)
			CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE folder SET file = NULL WHERE id = OLD.id; RETURN NULL; END $$
			CREATE CONSTRAINT TRIGGER late AFTER UPDATE OF parent ON folder DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.parent = 0) EXECUTE FUNCTION forget()`,
		tracks: slices.Concat(in("folder", "file"), in("place", "file")),
		script: `BEGIN
			INSERT INTO folder VALUES (3, 2, NULL), (2, 1, NULL), (1, NULL, NULL)
			INSERT INTO place VALUES ('a'), ('b'), ('c')
			UPDATE folder SET file = translate(id::text, '123', 'abc') || '-N'
			COMMIT
			= a b c d
			UPDATE place SET file = 'd' WHERE file = 'a'
			DELETE FROM place WHERE file = 'b'
			= c d
			BEGIN
			INSERT INTO folder VALUES (0, NULL, NULL)
			UPDATE folder SET parent = 0 WHERE id = 3
			COMMIT
			DELETE FROM place WHERE file = 'c'
			= d
			DELETE FROM place
			DELETE FROM folder
			=`,
	},
	{
		name: "swapped", tables: "CREATE TABLE swapped (file text UNIQUE DEFERRABLE INITIALLY DEFERRED)", tracks: in("swapped", "file"),
		script: `INSERT INTO swapped VALUES ('a'), ('b')
			UPDATE swapped SET file = translate(file, 'ab', 'ba')
			= a b c d
			UPDATE swapped SET file = translate(file, 'ab', 'bc')
			= b c d`,
	},
	{
		name: "user_triggers",
		tables: `CREATE TABLE job (id int PRIMARY KEY, file text)
			CREATE TABLE job_log (file text)
			CREATE FUNCTION lower_file() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.file := lower(NEW.file); IF NEW.file = 'x' THEN RETURN NULL; END IF; RETURN NEW; END $$
			CREATE TRIGGER a_job BEFORE INSERT OR UPDATE ON job FOR EACH ROW EXECUTE FUNCTION lower_file()
			CREATE FUNCTION log_file() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO job_log VALUES (OLD.file); RETURN NULL; END $$
			CREATE TRIGGER a_log AFTER DELETE ON job FOR EACH ROW EXECUTE FUNCTION log_file()
			CREATE FUNCTION log_files() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM job_log WHERE file = 'd'; RETURN NULL; END $$
			CREATE TRIGGER z_log AFTER INSERT ON job_log REFERENCING NEW TABLE AS filecleangen_new FOR EACH STATEMENT EXECUTE FUNCTION log_files()`,
		tracks: slices.Concat(in("job", "file"), in("job_log", "file")),
		script: `INSERT INTO job VALUES (1, 'A'), (2, 'B'), (3, 'X'), (4, 'D')
			UPDATE job SET file = 'C' WHERE file = 'b'
			= a c d
			DELETE FROM job
			= a c
			DELETE FROM job_log WHERE file = 'a'
			= c`,
	},
	{
		name: "rules",
		tables: `CREATE TABLE ruled (id int, file text)
			CREATE TABLE ruled_log (file text)
			CREATE RULE keep AS ON DELETE TO ruled DO INSTEAD UPDATE ruled SET id = -id WHERE id = OLD.id
			CREATE RULE log AS ON UPDATE TO ruled DO ALSO INSERT INTO ruled_log VALUES (OLD.file)`,
		tracks: slices.Concat(in("ruled", "file"), in("ruled_log", "file")),
		script: `INSERT INTO ruled VALUES (1, 'a'), (2, 'b')
			DELETE FROM ruled WHERE id = 1
			UPDATE ruled SET file = 'c' WHERE id = 2
			= a b c d
			DELETE FROM ruled_log
			= a c d
			TRUNCATE ruled, ruled_log
			= d`,
	},
	{
		name: "altered", tables: "CREATE TABLE altered (gone int, file varchar(10), old text)", tracks: in("altered", "file"),
		script: `INSERT INTO altered (file) VALUES ('a'), ('b')
			UPDATE altered SET old = 'x'
			ALTER TABLE altered ADD COLUMN more text DEFAULT 'a'
			UPDATE altered SET more = 'b' WHERE file = 'a'
			ALTER TABLE altered DROP COLUMN gone
			UPDATE altered SET file = 'c', more = 'd' WHERE file = 'a'
			= b c d
			ALTER TABLE altered ALTER file TYPE text
			UPDATE altered SET file = 'd' WHERE file = 'b'
			= c d
			ALTER TABLE altered RENAME TO altering
			UPDATE altering SET file = NULL WHERE file = 'c'
			ALTER TABLE altering RENAME TO altered
			= d`,
	},
	{
		name: "statements", tables: "CREATE TABLE stated (id int PRIMARY KEY, file text)", tracks: in("stated", "file"),
		script: `INSERT INTO stated VALUES (1, 'a'), (2, 'b') RETURNING file
			WITH x AS (UPDATE stated SET file = 'c' WHERE id = 1 RETURNING id), y AS (INSERT INTO stated VALUES (3, 'd')) DELETE FROM stated USING (SELECT 2 AS n) q WHERE id = q.n
			= c d
			BEGIN
			DECLARE rows CURSOR FOR SELECT * FROM stated ORDER BY id FOR UPDATE
			FETCH rows
			UPDATE stated SET file = NULL WHERE CURRENT OF rows
			COMMIT
			= d
			DO $$ BEGIN <<inner>> BEGIN DELETE FROM stated; PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END; UPDATE stated SET file = upper(file); END $$
			UPDATE stated SET file = 'd' WHERE file = 'D'
			= d
			SET plpgsql.extra_errors = 'all'
			SET client_encoding = LATIN1
			SET standard_conforming_strings = off
			SET transform_null_equals = on
			DELETE FROM stated
			RESET ALL
			=`,
	},
	{
		name: "encodings", tables: "CREATE TABLE encoded (file text)", tracks: in("encoded", "file"),
		script: `SET client_encoding = LATIN1
			INSERT INTO encoded VALUES (U&'\00e4'), ('a')
			SET client_encoding = EUC_JP
			DELETE FROM encoded WHERE file = 'a'
			RESET client_encoding
			= b c d`,
	},
}

// TestPostgresDatabases: in other encodings, and with types and tables that extensions have.
func TestPostgresDatabases(t *testing.T) {
	t.Parallel()
	tell(t, references.PostgreSQL, newDatabase(t, "LATIN1"), []story{
		{name: "latin1", tables: "CREATE TABLE latin1 (file text)", tracks: in("latin1", "file"), script: life("latin1", "file")},
		// What programs read in a name with other characters depends on their connections: such
		// a file is kept.
		{
			name: "umlaut", tables: "CREATE TABLE umlaut (file text, doc jsonb)", tracks: slices.Concat(in("umlaut", "file"), as(references.JSON, in("umlaut", "doc"))), files: []string{"ä", "ü"},
			script: `INSERT INTO umlaut VALUES ('ä', '["ü"]')
				SET client_encoding = LATIN1
				DELETE FROM umlaut
				RESET client_encoding
				= ä ü`,
		},
		{name: "citext", tables: "CREATE EXTENSION citext\nCREATE TABLE citexts (file citext)", tracks: in("citexts", "file"), script: life("citexts", "file") + "\nINSERT INTO citexts VALUES ('D')\n= d\nUPDATE citexts SET file = 'd'\nUPDATE citexts SET file = 'D'\n="},
		{
			name: "citexts", tables: "CREATE TABLE many (files citext[])", tracks: as(references.Array, in("many", "files")),
			script: `INSERT INTO many VALUES ('{"a","B"}'), ('{"c"}')
				UPDATE many SET files[2] = 'd' WHERE 'b' = ANY (files)
				= a b c d
				DELETE FROM many
				= b`,
		},
	})
	tell(t, references.PostgreSQL, newDatabase(t, "SQL_ASCII"), []story{
		{name: "ascii", tables: "CREATE TABLE ascii (file text)", tracks: in("ascii", "file"), script: life("ascii", "file")},
		{
			name: "utf8", tables: "CREATE TABLE utf8 (file text, files text[])", tracks: slices.Concat(in("utf8", "file"), as(references.Array, in("utf8", "files"))), files: []string{"ä", "ü"},
			script: `INSERT INTO utf8 VALUES ('ä', '{"ü"}'), (E'\377', NULL)
				UPDATE utf8 SET file = NULL WHERE file = 'ä'
				= ü
				DELETE FROM utf8
				=`,
		},
	})
}

// newDatabase makes a database with an encoding, for the time of a test.
func newDatabase(t *testing.T, encoding string) (dsn string) {
	t.Helper()
	address, err := url.Parse(databases.New(t, references.PostgreSQL))
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	name := query.Get("search_path") + "_" + strings.ToLower(encoding)
	server, err := databases.Open(references.PostgreSQL, address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = server.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") //nolint:noctx // the test's context has ended
		_ = server.Close()
	})
	if _, err := server.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 LOCALE 'C' ENCODING '"+encoding+"'"); err != nil {
		t.Fatal(err)
	}
	query.Del("search_path")
	address.Path, address.RawQuery = name, query.Encode()
	return address.String()
}

func TestPostgresRefused(t *testing.T) {
	t.Parallel()
	refuse(t, references.PostgreSQL, newDatabase(t, "UTF8"), []refusal{
		{"view", "CREATE TABLE base (file text)\nCREATE VIEW looked AS SELECT * FROM base", in("looked", "file"), []string{"looked", "view", "references.Table"}},
		{"materialized", "CREATE MATERIALIZED VIEW was AS SELECT * FROM base", in("was", "file"), []string{"was", "materialized view"}},
		{"enum", "CREATE TYPE mood AS ENUM ('a', 'b')\nCREATE TABLE moods (file mood)", in("moods", "file"), []string{"moods.file", "mood", "references.Func"}},
		{"hstore", "CREATE EXTENSION hstore\nCREATE TABLE pairs (file hstore)", in("pairs", "file"), []string{"pairs.file", "hstore", "references.Func"}},
		{"foreign_partition", "CREATE EXTENSION postgres_fdw\nCREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'test', host '/nowhere')\nCREATE USER MAPPING FOR CURRENT_USER SERVER away\nCREATE TABLE parts (file text) PARTITION BY LIST (file)\nCREATE FOREIGN TABLE parts_away PARTITION OF parts FOR VALUES IN ('x') SERVER away", in("parts", "file"), []string{"parts"}},
		{"foreign_table", "CREATE FOREIGN TABLE away (file text) SERVER away", in("away", "file"), []string{"away.file", "foreign table"}},
		{"int", "CREATE TABLE ints (file int)", in("ints", "file"), []string{"ints.file", "int4", "references.Func"}},
	})
}
