package outbox_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// oddNames are names that databases, character sets and collations treat in ways of
// their own.
var oddNames = []string{
	"a.png", "A.png", "é.png", "e\u0301.png", "日本.png", "😀.png", "a b.png", "a%b_c.png", "it's.png", `q"q.png`, "ß.png", "ss.png", "a ", " a",
	"dir/é.png", "20240131", "007", "5e3", "$1 ? :x", "a\tb", strings.Repeat("long/", 30) + "x.png",
}

// columnsToAsk are types of columns, and how what is written into them.
var columnsToAsk = map[references.Dialect][]string{
	references.SQLite: {"text", "varchar(300)", "text COLLATE NOCASE", "text COLLATE RTRIM", "blob", "string", "text bytes", "blob bytes", "varchar(300) bytes"},
	references.PostgreSQL: {
		"text", "varchar(300)", "char(300)", "name", "bytea bytes", `text COLLATE "C"`, `text COLLATE "und-x-icu"`,
		"text COLLATE blind", "shortname",
	},
	references.MySQL: {
		"varchar(300)", "text", "char(250)", "varbinary(600)", "binary(200)", "blob", "longtext", "longblob",
		"varchar(300) CHARACTER SET latin1", "varchar(300) CHARACTER SET ascii", "varchar(300) CHARACTER SET utf8mb3",
		"varchar(300) CHARACTER SET latin1 COLLATE latin1_general_cs", "varchar(300) COLLATE utf8mb4_bin", "varchar(300) COLLATE utf8mb4_general_ci",
		"varchar(300) COLLATE /*M! utf8mb4_nopad_bin */ /*!80000 utf8mb4_0900_bin */", "char(250) CHARACTER SET latin1", "varchar(300) CHARACTER SET ucs2",
	},
}

// TestExact: whatever a column is, a file is kept if, and only if, a program that
// reads the column gets its name.
func TestExact(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for _, typ := range columnsToAsk[d] {
			t.Run(typ, func(t *testing.T) {
				w := newWorld(t, d, settings{})
				typ, asBytes := strings.CutSuffix(typ, " bytes")
				if d == references.PostgreSQL {
					w.exec(`CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`)
					w.exec(`CREATE DOMAIN shorttext AS text; CREATE DOMAIN shortname AS shorttext`)
				}
				w.exec("CREATE TABLE thing (id integer PRIMARY KEY, c " + typ + ")")
				w.askThings(w.db, references.Text, func(name string) any {
					if asBytes {
						return []byte(name)
					}
					return name
				})
			})
		}
	})
}

// askThings writes each odd name into the column of things, lets go of all their
// files, and of one that no row names, and checks what is left.
func (w *world) askThings(program *sql.DB, form references.Form, value func(name string) any) {
	w.t.Helper()
	named := map[string]bool{}
	for i, name := range oddNames {
		if _, err := program.ExecContext(w.t.Context(), w.q("INSERT INTO thing (id, c) VALUES (?, ?)"), i, value(name)); err != nil {
			continue // the column can't hold it
		}
		var back string
		w.must(program.QueryRowContext(w.t.Context(), w.q("SELECT c FROM thing WHERE id = ?"), i).Scan(&back))
		switch form {
		case references.JSON:
			var list []string
			named[name] = json.Unmarshal([]byte(back), &list) == nil && slices.Contains(list, name)
		default:
			named[back] = true
		}
	}
	w.relayOfThings(form)
	names := append(slices.Clone(oddNames), "gone.png")
	w.write(names...)
	for _, name := range names {
		_, err := w.db.ExecContext(w.t.Context(), w.q("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', ?)"), w.outboxName(name))
		w.must(err)
	}
	w.drain()
	for _, name := range names {
		_, err := os.Stat(filepath.Join(w.root, filepath.FromSlash(name)))
		switch kept := err == nil; {
		case named[name] && !kept:
			w.t.Errorf("%q is LOST: a row names it", name)
		case !named[name] && kept && !padded(named, name):
			w.t.Errorf("%q is kept, and no row names it", name)
		}
	}
}

// outboxName is a name as the outbox itself writes it.
func (w *world) outboxName(name string) any {
	if w.d == references.MySQL {
		return []byte(name)
	}
	return name
}

// padded reports whether a row names the same but for spaces and zeros at its end,
// which columns of a fixed length are filled up with.
func padded(named map[string]bool, name string) bool {
	for n := range named {
		if strings.TrimRight(n, " \x00") == strings.TrimRight(name, " \x00") {
			return true
		}
	}
	return false
}

// relayOfThings makes a relay that knows of nothing but the column of things.
func (w *world) relayOfThings(form references.Form) {
	w.t.Helper()
	w.must(w.boxOf([]*runtime.Type{models.ThingFileType},
		references.Table(models.ThingFileType, "thing", references.Columns{"One": {Name: "c", Form: form}, "Many": {Name: "c", Form: form}, "Doc": {Form: references.Elsewhere}}),
		references.Func("media", func(context.Context, references.Queryer, string, []string) ([]string, error) { return nil, nil })))
}

// TestExactJSON: the same in documents, whatever kind of column they are in.
func TestExactJSON(t *testing.T) {
	columns := map[references.Dialect][]string{
		references.SQLite:     {"text", "json", "blob", "text bytes", "blob bytes"},
		references.PostgreSQL: {"json", "jsonb", "text", "bytea bytes"},
		references.MySQL:      {"json", "longtext", "longblob", "longtext CHARACTER SET latin1", "longtext CHARACTER SET utf8mb3", "varchar(2000) CHARACTER SET ucs2"},
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for _, typ := range columns[d] {
			t.Run(typ, func(t *testing.T) {
				w := newWorld(t, d, settings{})
				typ, asBytes := strings.CutSuffix(typ, " bytes")
				w.exec("CREATE TABLE thing (id integer PRIMARY KEY, c " + typ + ")")
				w.askThings(w.db, references.JSON, func(name string) any {
					text, err := json.Marshal([]string{"other", name})
					w.must(err)
					if asBytes {
						return text
					}
					return string(text)
				})
			})
		}
	})
}

// TestConnectionCharset: programs write UTF-8 through a connection that was told to
// be in another character set.
func TestConnectionCharset(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		for _, set := range []string{"latin1", "utf8", "utf8mb4"} {
			for typ, form := range map[string]references.Form{"varchar(600)": references.Text, "longtext": references.JSON, "varchar(600) CHARACTER SET latin1": references.Text} {
				t.Run(set+" "+typ, func(t *testing.T) {
					w := newWorld(t, d, settings{})
					program, err := databases.Open(d, w.dsn+"&charset="+set)
					w.must(err)
					defer func() { _ = program.Close() }()
					w.exec("CREATE TABLE thing (id integer PRIMARY KEY, c " + typ + ")")
					w.own, err = databases.Open(d, w.dsn+"&charset="+set) // the relay is of the same program
					w.must(err)
					defer func() { _ = w.own.Close() }()
					w.askThings(program, form, func(name string) any {
						if form == references.Text {
							return name
						}
						text, err := json.Marshal([]string{name})
						w.must(err)
						return string(text)
					})
				})
			}
		}
	}, references.MySQL)
}

// TestOddDocuments: a document that the database can't take apart stops no other
// file, and keeps what it may name.
func TestOddDocuments(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":[`, n/2) + `"kept.png"` + strings.Repeat(`]}`, n/2) }
	documents := map[string]any{
		"\\u0000": `["kept.png", "x\u0000y"]`, "lone surrogate": `["kept.png", "\ud83d"]`, "not JSON": "kept.png", "cut off": `["kept.png", "b.p`,
		"cut off inside": `[["b.p", "kept.png`, "NaN": `[NaN, "kept.png"]`, "trailing comma": `["kept.png",]`, "big number": `["kept.png", 1e400000]`,
		"deep 60": deep(60), "deep 1200": deep(1200), "BOM": "\ufeff[\"kept.png\"]", "escaped": `["\u006bept.png", NaN]`, "bytes": []byte(`["kept.png"]`),
		"single quotes": `{'a': 'kept.png'}`, "nothing": "", "number": "12",
	}
	types := map[references.Dialect][]string{
		references.SQLite: {"text", "blob"}, references.PostgreSQL: {"text", "json", "jsonb"}, references.MySQL: {"longtext", "longblob", "json"},
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for _, typ := range types[d] {
			w := newWorld(t, d, settings{})
			w.exec("CREATE TABLE thing (id integer PRIMARY KEY, c " + typ + ")")
			for what, document := range documents {
				w.exec("DELETE FROM thing")
				if _, err := w.db.ExecContext(t.Context(), w.q("INSERT INTO thing (id, c) VALUES (1, ?)"), document); err != nil {
					continue // it can't be stored
				}
				for _, early := range []bool{true, false} { // whether it was there when the relay was made
					if !early {
						w.exec("UPDATE thing SET c = NULL")
					}
					w.relayOfThings(references.JSON)
					if !early {
						_, err := w.db.ExecContext(t.Context(), w.q("UPDATE thing SET c = ?"), document)
						w.must(err)
					}
					w.write("kept.png", "gone.png")
					w.exec("DELETE FROM filecleangen_outbox")
					w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'kept.png'), ('media', 'gone.png')")
					w.drain()
					want := "kept.png"
					if what == "nothing" || what == "number" {
						want = ""
					}
					w.want(want)
				}
			}
		}
	})
}

// TestSession: what a session was told by others, on a connection that the relay gets
// from the pool, changes no answer: it is set right, or nothing is deleted.
func TestSession(t *testing.T) {
	for _, c := range []struct {
		d     references.Dialect
		told  string
		fails bool
	}{
		{references.PostgreSQL, "SET search_path = other, %s", false},
		{references.PostgreSQL, "SET search_path = ''", false},
		{references.PostgreSQL, "CREATE TEMPORARY TABLE scan (id bigint, file text)", false},
		{references.PostgreSQL, "CREATE TEMPORARY TABLE filecleangen_outbox (storage text, name text)", false},
		{references.PostgreSQL, "SET client_encoding = 'LATIN1'", false},
		{references.PostgreSQL, "SET default_transaction_isolation = 'serializable'", false},
		{references.PostgreSQL, "SET default_transaction_read_only = on", false},
		{references.MySQL, "CREATE TEMPORARY TABLE scan (id bigint, file text)", true},
		{references.MySQL, "SET SESSION sql_select_limit = 0", false},
		{references.MySQL, "SET SESSION sql_select_limit = 1", false},
		{references.MySQL, "SET NAMES latin1", false},
		{references.MySQL, "SET SESSION sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", false},
		{references.MySQL, "SET autocommit = 0", false},
		{references.SQLite, "CREATE TEMPORARY TABLE scan (id bigint, file text)", false},
	} {
		t.Run(c.d.String()+" "+c.told, func(t *testing.T) {
			databases.On(t, func(t *testing.T, d references.Dialect) {
				w := newWorld(t, d, settings{})
				w.exec("INSERT INTO scan (id, file) VALUES (1, 'é.png')")
				w.write("é.png", "gone.png")
				_, err := w.db.ExecContext(t.Context(), w.q("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', ?), ('media', 'gone.png')"), w.outboxName("é.png"))
				w.must(err)
				if d == references.PostgreSQL {
					var schema string
					w.must(w.db.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&schema))
					w.exec("CREATE SCHEMA IF NOT EXISTS other")
					w.exec("CREATE TABLE IF NOT EXISTS other.scan (id bigint, file text)")
					if strings.Contains(c.told, "%s") {
						c.told = fmt.Sprintf(c.told, schema)
					}
				}
				w.own.SetMaxIdleConns(1)
				w.own.SetMaxOpenConns(1)
				_, err = w.own.ExecContext(t.Context(), c.told)
				w.must(err)
				_, err = w.relay.Drain(t.Context())
				if c.fails {
					if err == nil {
						t.Error("no error")
					}
					w.want("gone.png é.png")
					return
				}
				w.must(err)
				w.want("é.png")
			}, c.d)
		})
	}
}

// TestRowSecurity: rows that a policy hides from the relay are no reason to delete.
func TestRowSecurity(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		var schema string
		w.must(w.db.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&schema))
		role := schema + "_app"
		for _, s := range []string{
			"CREATE ROLE " + role + " LOGIN", "GRANT ALL ON SCHEMA " + schema + " TO " + role, "GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role,
			"GRANT ALL ON ALL SEQUENCES IN SCHEMA " + schema + " TO " + role,
			"INSERT INTO scan (id, file) VALUES (1, 'a.png')", "INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'a.png')",
		} {
			w.exec(s)
		}
		admin := w.db
		t.Cleanup(func() {
			_, _ = admin.Exec("DROP OWNED BY " + role)
			_, _ = admin.Exec("DROP ROLE " + role)
		})
		w.write("a.png")
		app, err := databases.Open(d, strings.Replace(w.dsn, "postgres@", role+"@", 1))
		w.must(err)
		defer func() { _ = app.Close() }()
		w.own = app
		w.must(w.boxOf(stores(), stored()...))
		_, err = admin.ExecContext(t.Context(), "ALTER TABLE scan ENABLE ROW LEVEL SECURITY")
		w.must(err)
		if _, err := w.relay.Drain(t.Context()); err == nil || !strings.Contains(err.Error(), "row-level security") {
			t.Errorf("%v", err)
		}
		w.want("a.png")
	}, references.PostgreSQL)
}

// TestOneCanNotBeAsked: a file about which the rows can't be asked waits, and is parked
// in its turn. It stops no other.
func TestOneCanNotBeAsked(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		broken := true
		ask := func(_ context.Context, _ references.Queryer, _ string, names []string) ([]string, error) {
			if broken && slices.Contains(names, "17") {
				return nil, errors.New("17 is more than it can take")
			}
			return nil, nil
		}
		w := newWorld(t, d, settings{refs: []references.Option{references.Func("media", ask)}, relay: []outbox.RelayOption{outbox.WithAttempts(9, 0, 0)}})
		for i := range 40 {
			name := strconv.Itoa(i)
			w.write(name)
			w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', '" + name + "')")
		}
		_, _ = w.relay.Drain(t.Context()) // until nothing is left but the one
		w.want("17")
		parked, err := w.box.Parked(t.Context(), 10)
		w.must(err)
		if len(parked) != 1 || parked[0].Ref.Name != "17" || parked[0].Attempts != 9 || !strings.Contains(parked[0].Err, "more than it can take") {
			t.Errorf("%+v", parked)
		}
		broken = false
		_, err = w.box.Unpark(t.Context())
		w.must(err)
		w.drain()
		w.want("")
	})
}

// TestViews: a view is as good as a table; one that is a copy is refused.
func TestViews(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.exec("CREATE VIEW seen AS SELECT id, file FROM scan")
		w.exec("INSERT INTO scan (id, file) VALUES (1, 'a')")
		w.must(w.boxOf([]*runtime.Type{models.ScanFileType}, references.Table(models.ScanFileType, "seen")))
		w.write("a", "b")
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'a'), ('media', 'b')")
		w.drain()
		w.want("a")
		if d != references.PostgreSQL {
			return
		}
		w.exec("CREATE MATERIALIZED VIEW copied AS SELECT id, file FROM scan")
		if err := w.boxOf([]*runtime.Type{models.ScanFileType}, references.Table(models.ScanFileType, "copied")); err == nil || !strings.Contains(err.Error(), "materialized view") {
			t.Errorf("%v", err)
		}
	})
}
