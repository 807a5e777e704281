package references_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// TestTableComesBefore: when a table comes to stand before another one in the search path,
// programs write to that from then on, and the rows of the other are still there: nobody
// can tell.
func TestTableComesBefore(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		other := databases.New(t, d)
		_, later, _ := strings.Cut(w.dsn, "search_path=")
		before, first, _ := strings.Cut(other, "search_path=")
		w.dsn = before + "search_path=" + first + "," + later
		w.db, w.own = w.handle(), w.handle()
		w.exec("CREATE TABLE " + later + ".one (id bigint PRIMARY KEY, file text)")
		w.exec("INSERT INTO one (id, file) VALUES (1, 'x')")
		refs := w.references(references.Table(one, "one"))
		w.wantNamed(refs, "x", "x", "y")
		w.wantNamed(refs, "x", "x", "y")
		w.exec("CREATE TABLE " + first + ".one (id bigint PRIMARY KEY, file text)")
		w.exec("INSERT INTO one (id, file) VALUES (2, 'y')") // into the new one
		w.wantError(refs, "is found as "+first+".one")
	}, references.PostgreSQL)
}

// TestTypeMoves: a column of a domain is asked also when the type that the domain is made
// of has come to be in another schema.
func TestTypeMoves(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		name := fmt.Sprintf("filecleangen_moves_%d", os.Getpid())
		w.exec("CREATE DATABASE " + name)
		home := w.db
		t.Cleanup(func() { _, _ = home.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") })
		address, err := url.Parse(w.dsn)
		w.must(err)
		address.Path = name
		query := address.Query()
		query.Del("search_path")
		address.RawQuery = query.Encode()
		w.dsn = address.String()
		home, w.db, w.own = w.db, w.handle(), w.handle()

		w.exec("CREATE SCHEMA before")
		w.exec("CREATE SCHEMA after")
		w.exec("CREATE EXTENSION citext SCHEMA before")
		w.exec("CREATE DOMAIN location AS before.citext")
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file location)")
		w.exec("INSERT INTO one (id, file) VALUES (1, 'x')")
		refs := w.references(references.Table(one, "one"))
		w.wantNamed(refs, "x", "x", "y")
		w.wantNamed(refs, "x", "x", "y")
		w.exec("ALTER EXTENSION citext SET SCHEMA after")
		w.wantNamed(refs, "x", "x", "y")
		w.exec("ALTER SCHEMA after RENAME TO later")
		w.wantNamed(refs, "x", "x", "y")
	}, references.PostgreSQL)
}

// TestShapes: whatever changes of a table, what is asked is what is there.
func TestShapes(t *testing.T) {
	type step struct{ do, want string }
	stories := map[references.Dialect]map[string][]step{
		references.PostgreSQL: {
			"column dropped and added": {{"ALTER TABLE one DROP COLUMN file, ADD COLUMN file bytea", ""}, {"UPDATE one SET file = 'x'", "x"}},
			"table in its place":       {{"ALTER TABLE one RENAME TO was", "!"}, {"CREATE TABLE one (id bigint, file bytea)", ""}, {"INSERT INTO one VALUES (1, 'y')", "y"}},
			"swapped": {
				{"CREATE TABLE two (id bigint, file varchar(9)[])", "x"},
				{"BEGIN; ALTER TABLE one RENAME TO was; ALTER TABLE two RENAME TO one; COMMIT", ""},
				{"BEGIN; ALTER TABLE one RENAME TO two; ALTER TABLE was RENAME TO one; COMMIT", "x"},
			},
			"view in its place": {{"ALTER TABLE one RENAME TO was", "!"}, {"CREATE VIEW one AS SELECT id, file::char(20) AS file FROM was", "x"}, {"CREATE OR REPLACE VIEW one AS SELECT id, file::char(20) AS file, 1 AS more FROM was", "x"}, {"DROP VIEW one; CREATE VIEW one AS SELECT id, file::bytea AS file FROM was", "x"}},
			"inherited":         {{"CREATE TABLE child () INHERITS (one)", "x"}, {"INSERT INTO child (id, file) VALUES (2, 'y')", "x y"}},
			"domains":           {{"CREATE DOMAIN d1 AS char(20); CREATE DOMAIN d2 AS d1; ALTER TABLE one ALTER COLUMN file TYPE d2", "x"}, {"ALTER TABLE one ALTER COLUMN file TYPE text", "x"}},
			"renamed column":    {{"ALTER TABLE one RENAME COLUMN file TO other", "!"}, {"ALTER TABLE one ADD COLUMN file bytea DEFAULT 'y'", "y"}},
		},
		references.MySQL: {
			"default charset":     {{"ALTER TABLE one DEFAULT CHARACTER SET ucs2", "x"}, {"ALTER TABLE one CONVERT TO CHARACTER SET ucs2", "x"}, {"ALTER TABLE one DEFAULT CHARACTER SET latin1 COLLATE latin1_bin", "x"}},
			"charset of database": {{"ALTER DATABASE CHARACTER SET latin1", "x"}, {"ALTER TABLE one ADD COLUMN o varchar(9)", "x"}},
			"swapped": {
				{"CREATE TABLE two (id bigint, file binary(30))", "x"}, {"INSERT INTO two VALUES (1, 'y')", "x"},
				{"RENAME TABLE one TO was, two TO one", "y"}, {"RENAME TABLE one TO two, was TO one", "x"},
			},
			"view in its place":   {{"RENAME TABLE one TO was", "!"}, {"CREATE VIEW one AS SELECT id, file FROM was", "x"}, {"ALTER TABLE was MODIFY file varbinary(100)", "x"}, {"ALTER TABLE was MODIFY file char(100) CHARACTER SET ucs2", "x"}, {"DROP VIEW one", "!"}, {"RENAME TABLE was TO one", "x"}},
			"column in its place": {{"ALTER TABLE one RENAME COLUMN file TO other", "!"}, {"ALTER TABLE one ADD COLUMN file char(30) CHARACTER SET utf16 DEFAULT 'y'", "y"}},
		},
		references.SQLite: {
			"rebuilt":           {{"CREATE TABLE two (id bigint, other int, file text)", "x"}, {"INSERT INTO two SELECT id, 1, file || 'y' FROM one", "x"}, {"DROP TABLE one", "!"}, {"ALTER TABLE two RENAME TO one", "xy"}},
			"view in its place": {{"ALTER TABLE one RENAME TO was", "!"}, {"CREATE VIEW one AS SELECT id, file FROM was", "x"}, {"DROP VIEW one", "!"}, {"CREATE VIEW one AS SELECT id, file || 'y' AS file FROM was", "xy"}},
			"renamed column":    {{"ALTER TABLE one RENAME COLUMN file TO other", "!"}, {"ALTER TABLE one ADD COLUMN file text DEFAULT 'y'", "y"}},
		},
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for name, story := range stories[d] {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, d)
				w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file varchar(100))")
				w.exec("INSERT INTO one (id, file) VALUES (1, 'x')")
				refs := w.references(references.Table(one, "one"))
				w.wantNamed(refs, "x", "x", "y", "xy")
				w.wantNamed(refs, "x", "x", "y", "xy")
				for _, s := range story {
					t.Log(s.do)
					w.exec(s.do)
					if s.want == "!" {
						w.wantError(refs, "")
						continue
					}
					w.wantNamed(refs, s.want, "x", "y", "xy")
					w.wantNamed(refs, s.want, "x", "y", "xy")
				}
			})
		}
	})
}
