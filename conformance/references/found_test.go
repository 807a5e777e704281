package references_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// TestTwoFunctions: what a function of another program knows, no function of this one
// does.
func TestTwoFunctions(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300))")
		nobody := func(context.Context, references.Queryer, string, []string) ([]string, error) { return nil, nil }
		lower := references.Mapping{Name: strings.ToLower, Values: func(name string) []string { return []string{strings.ToUpper(name)} }}
		same := references.Mapping{Name: func(v string) string { return v }, Values: func(name string) []string { return []string{name} }}
		for _, pair := range [][2]references.Option{
			{references.Func("media", nobody), references.Func("media", nobody)},
			{references.Values("media", same), references.Values("media", lower)},
		} {
			a := w.references(references.Table(one, "one"), references.Program("a"), pair[0])
			w.references(references.Table(one, "one"), references.Program("b"), pair[1])
			w.wantError(a, "which only it can ask")
			for _, program := range []string{"a", "b"} {
				_, err := a.Withdraw(t.Context(), program)
				w.must(err)
			}
		}
	})
}

// TestTwoNames: a value that means two of the names that are asked about names both.
func TestTwoNames(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300))")
		for _, c := range []struct{ prefix, value, want string }{
			{"media/", "media/a.png", "a.png media/a.png"}, {"https://cdn/", "https://cdn/x%20b.png", "x b.png x%20b.png"},
			{"https://cdn/", "https://cdn/a#b.png", "a a#b.png"}, {"", "e.png?v=2", "e.png"}, {"https://cdn/", "https://cdn/b/", "b"},
			{"https://cdn/", "https://cdn///x", "x"}, {"https://cdn/", "https://cdn/a/./c", "a/c"},
		} {
			refs := w.references(references.Table(one, "one"), references.Values("media", references.Prefix(c.prefix)))
			w.exec("INSERT INTO one (id, file) VALUES (1, ?)", c.value)
			w.wantNamed(refs, c.want, "media/a.png", "a.png", "x%20b.png", "x b.png", "a#b.png", "a", "e.png", "b", "x", "a/c")
			w.exec("DELETE FROM one")
		}
	})
}

// TestMariaDBRights: what a user may not see is not taken for what is not there.
func TestMariaDBRights(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		for _, table := range []string{"one", "files_1054"} {
			w.exec("CREATE TABLE " + table + " (id bigint PRIMARY KEY, file varchar(100))")
		}
		w.exec("INSERT INTO files_1054 (id, file) VALUES (1, 'a')")
		w.references(references.Table(one, "files_1054"), references.Program("other"))
		var name string
		w.must(w.db.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&name))
		user := "r" + name[len(name)-12:]
		w.exec("CREATE USER '" + user + "'@'%'")
		t.Cleanup(func() { _, _ = w.db.Exec("DROP USER '" + user + "'@'%'") })
		w.exec("GRANT SELECT ON " + name + ".one TO '" + user + "'@'%'")
		own, err := databases.Open(d, strings.Replace(w.dsn, "root@", user+"@", 1))
		w.must(err)
		defer func() { _ = own.Close() }()
		w.own = own
		if _, err := w.try(references.Table(one, "one")); err == nil || !strings.Contains(err.Error(), "whether other programs told of their columns can't be known") {
			t.Errorf("%v", err)
		}
		for _, table := range []string{"filecleangen_outbox_column", "filecleangen_outbox_id", "filecleangen_outbox_version"} {
			w.exec("GRANT SELECT, INSERT, UPDATE ON " + name + "." + table + " TO '" + user + "'@'%'")
		}
		w.wantError(w.references(references.Table(one, "one")), "the catalogue does not show it")
		if _, err := w.try(references.Table(one, "files_1054")); err == nil || !strings.Contains(err.Error(), "the catalogue does not show it") {
			t.Errorf("%v", err)
		}
	}, references.MySQL)
}

// TestMariaDBLikeNamed: columns that a collation takes for one are two, and a view is
// what its table is now.
func TestMariaDBLikeNamed(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file varchar(100), filé binary(100))")
		w.exec("INSERT INTO one (id, file) VALUES (1, 'a')")
		w.wantNamed(w.references(references.Table(one, "one")), "a", "a", "b")

		w.exec("CREATE TABLE base (id bigint PRIMARY KEY, file varbinary(100))")
		w.exec("CREATE VIEW seen AS SELECT * FROM base")
		w.exec("INSERT INTO base (id, file) VALUES (1, 'a')")
		refs := w.references(references.Table(one, "seen"))
		w.wantNamed(refs, "a", "a", "b")
		w.exec("ALTER TABLE base MODIFY file binary(100)")
		w.wantNamed(refs, "a", "a", "b")
	}, references.MySQL)
}

// TestChangedForm: a document that comes to be in another type of column is found.
func TestChangedForm(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE many (id bigint PRIMARY KEY, files json)")
		w.exec(`INSERT INTO many (id, files) VALUES (1, '["a"]')`)
		refs := w.references(references.Table(many, "many", references.Columns{"Files": {Form: references.JSON}}), references.Program("p"))
		w.wantNamed(refs, "a", "a", "b")
		w.exec("ALTER TABLE many ALTER files TYPE bytea USING convert_to(files::text, 'UTF8')")
		w.wantNamed(refs, "a", "a", "b")
		w.exec("ALTER TABLE many ALTER files TYPE text[] USING ARRAY['a']")
		refs = w.references(references.Table(many, "many"), references.Program("p"))
		w.wantNamed(refs, "a", "a", "b")
	}, references.PostgreSQL)
}

// TestLatin1Database: in a database that is not in UTF-8, nobody can tell of names that
// are more than ASCII; and what a function fails with, whatever that is, is no answer.
func TestLatin1Database(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file text)")
		failing := func(_ context.Context, _ references.Queryer, _ string, names []string) ([]string, error) {
			if len(names) == 1 && names[0] == "bad" || len(names) > 1 {
				return nil, errors.New("ERROR: of another database (SQLSTATE 22P05)")
			}
			return nil, nil
		}
		answer, err := ask(t, w.references(references.Table(one, "one"), references.Func("media", failing)), "bad", "good")
		if err != nil || len(answer.Named) > 0 || len(answer.Unknown) != 1 || answer.Unknown[runtime.Ref{Storage: "media", Name: "bad"}] == nil {
			t.Errorf("%+v, %v", answer, err)
		}

		latin1 := w.database("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
		latin1.exec("CREATE TABLE one (id bigint PRIMARY KEY, file text)")
		latin1.exec("CREATE TABLE many (id bigint PRIMARY KEY, files json)")
		latin1.exec("INSERT INTO one (id, file) VALUES (1, 'é.png'), (2, 'a')")
		refs := latin1.references(references.Table(one, "one"), references.Table(many, "many"))
		answer, err = ask(t, refs, "日本.png", "é.png", "a", "b")
		if err != nil || len(answer.Named) != 1 || answer.Named[0].Name != "a" || len(answer.Unknown) != 2 {
			t.Errorf("%+v, %v", answer, err)
		}
	}, references.PostgreSQL)
}

// database makes another database of PostgreSQL, and returns its world.
func (w *world) database(options string) *world {
	w.Helper()
	name := fmt.Sprintf("filecleangen_%d", time.Now().UnixNano())
	w.exec("CREATE DATABASE " + name + " " + options)
	w.Cleanup(func() { _, _ = w.db.Exec("DROP DATABASE " + name + " WITH (FORCE)") })
	server, err := url.Parse(w.dsn)
	w.must(err)
	query := server.Query()
	query.Del("search_path")
	server.Path, server.RawQuery = "/"+name, query.Encode()
	other := &world{T: w.T, d: w.d, dsn: server.String(), logs: logs.New()}
	other.db, other.own = other.handle(), other.handle()
	return other
}

// TestCitext: a type of an extension, in a schema that is not in the search path.
func TestCitext(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d).database("")
		w.exec("CREATE SCHEMA ext")
		if _, err := w.db.ExecContext(t.Context(), "CREATE EXTENSION citext SCHEMA ext"); err != nil {
			t.Skipf("no citext: %v", err)
		}
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file ext.citext)")
		w.exec("CREATE TABLE many (id bigint PRIMARY KEY, files ext.citext[])")
		w.exec("INSERT INTO one (id, file) VALUES (1, 'A.png'), (2, 'é')")
		w.exec("INSERT INTO many (id, files) VALUES (1, ARRAY['B.png'::ext.citext, 'c'])")
		refs := w.references(references.Table(one, "one"), references.Table(many, "many"))
		w.wantNamed(refs, "A.png B.png c é", "A.png", "a.png", "é", "É", "B.png", "b.png", "c", "C")
		w.exec("CREATE INDEX ON many USING gin (files)")
		refs = w.references(references.Table(one, "one"), references.Table(many, "many"))
		w.wantNamed(refs, "A.png B.png c é", "A.png", "a.png", "é", "É", "B.png", "b.png", "c", "C")
	}, references.PostgreSQL)
}

// TestNumbers: what a program gets as a text is a name, also if SQLite has a number.
func TestNumbers(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file)")
		w.exec("INSERT INTO one (id, file) VALUES (1, 7), (2, '8'), (3, x'39')")
		refs := w.references(references.Table(one, "one"))
		w.wantNamed(refs, "7 8 9", "7", "8", "9", "10")
		w.exec("CREATE VIEW seen AS SELECT id + 100 AS file FROM one")
		w.wantNamed(w.references(references.Table(one, "seen")), "101", "101", "1", "110")
		w.exec(`CREATE TABLE many (id integer PRIMARY KEY, files blob)`)
		w.exec(`INSERT INTO many (id, files) VALUES (1, jsonb('["a\u002Bb.png", "it\u0027s.png", "x.png"]'))`)
		w.wantNamed(w.references(references.Table(many, "many")), "a+b.png it's.png x.png", "a+b.png", "it's.png", "x.png", "y.png")
	}, references.SQLite)
}

// TestEnded: a driver that says that the context has ended when a transaction began
// leaves none behind, and nor does what panics.
func TestEnded(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file text)")
		late := &lateDriver{of: w.own.Driver(), dsn: w.dsn}
		w.own = sql.OpenDB(late)
		defer func() { _ = w.own.Close() }()
		w.own.SetMaxOpenConns(1)
		refs := w.references(references.Table(one, "one"))
		late.ended.Store(true)
		if err := refs.Transaction(t.Context(), func(runtime.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		late.ended.Store(false)
		w.exec("INSERT INTO one (file) VALUES ('a')") // it waits for 20 s, and fails
		func() {
			defer func() { _ = recover() }()
			_ = refs.Transaction(t.Context(), func(tx runtime.Tx) error {
				_, err := tx.ExecContext(t.Context(), "INSERT INTO one (file) VALUES ('b')")
				w.must(err)
				panic("now")
			})
		}()
		w.wantNamed(refs, "a", "a", "b")
	}, references.SQLite)
}

// lateDriver is a driver that begins transactions, and may say that it did not.
type lateDriver struct {
	of    driver.Driver
	dsn   string
	ended atomic.Bool
}

func (l *lateDriver) Connect(context.Context) (driver.Conn, error) {
	c, err := l.of.Open(l.dsn)
	return &lateConn{c, l}, err
}

type lateConn struct {
	driver.Conn
	of *lateDriver
}

func (c *lateConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *lateConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if strings.HasPrefix(query, "BEGIN") && c.of.ended.Load() {
		return nil, context.Canceled
	}
	return result, err
}

func (l *lateDriver) Driver() driver.Driver { return l.of }

// TestManyColumns: as many columns as there may be.
func TestManyColumns(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		typ := &runtime.Type{Name: "shop.Wide"}
		var columns []string
		const n = 150
		for i := range n {
			c := fmt.Sprint("c", i)
			columns = append(columns, c+" text")
			typ.Fields = append(typ.Fields, runtime.Field{Path: "F" + c, Storage: "media", Column: c})
		}
		w.exec("CREATE TABLE wide (id bigint PRIMARY KEY, " + strings.Join(columns, ", ") + ")")
		w.exec("INSERT INTO wide (id, c0, c149) VALUES (1, 'a', 'b')")
		refs := w.references(references.Table(typ, "wide"))
		names := []string{"a", "b"}
		for i := range 10 {
			names = append(names, fmt.Sprint(i, strings.Repeat("/日本", 40)))
		}
		w.wantNamed(refs, "a b", names...)
	})
}

// TestAltered: many ask while columns change.
func TestAltered(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		docs := &runtime.Type{Name: "shop.Doc", Fields: []runtime.Field{{Path: "File", Storage: "docs", Column: "file"}}}
		w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file varchar(100))")
		w.exec("CREATE TABLE doc (id bigint PRIMARY KEY, file varchar(100))")
		w.exec("INSERT INTO one (id, file) VALUES (1, 'a')")
		w.exec("INSERT INTO doc (id, file) VALUES (1, 'a')")
		refs := w.references(references.Table(one, "one"), references.Table(docs, "doc"))
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, storage := range []string{"media", "docs"} {
			all.Go(func() {
				for ctx.Err() == nil {
					answer, err := refs.Ask(ctx, []runtime.Ref{{Storage: storage, Name: "a"}})
					if err == nil && len(answer.Named) == 0 && len(answer.Unknown) == 0 {
						t.Error("a row names it")
						return
					}
				}
			})
		}
		for i := range 30 {
			if d == references.PostgreSQL {
				w.exec(fmt.Sprintf("ALTER TABLE one ALTER file TYPE varchar(%d)", 50+i))
			} else {
				w.exec(fmt.Sprintf("ALTER TABLE one MODIFY file varchar(%d) CHARACTER SET %s", 50+i, []string{"latin1", "utf8mb4"}[i%2]))
			}
		}
		cancel()
		all.Wait()
	})
}
