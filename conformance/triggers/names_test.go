package triggers_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// TestMain has few programs run for each property: each makes tables on a server.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		_ = flag.Set("rapid.checks", "5")
		_ = flag.Set("rapid.nofailfile", "true")
	}
	os.Exit(m.Run())
}

// odd are parts of names that mean something in one of the languages that triggers are
// written in.
var odd = []string{
	"$query$", "$$", "$body$", "$filecleangen$", "$filecleangen1$", "$", `\`, `\\`, "'", "''", `"`, "`", "\n", "\r\n", "%", "%s", "%1$I", "%%",
	";", "--", "/*", "*/", "#", "?", "$1", ":a", "@x", "{name}", "(", ")", ",", " ", "E'", "x'00'", "\t", "\u00a0", "\u2028", "é", "日本", "NULL", "a", "Z", "0",
}

// name draws a name of so many bytes at most, and perhaps of exactly as many.
func name(t *rapid.T, label string, most int) string {
	s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(odd), 1, 8).Draw(t, label), "")
	for len(s) > most {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	if rapid.IntRange(0, 4).Draw(t, label+" filled") == 4 {
		s += strings.Repeat("x", most-len(s))
	}
	return s
}

// identifier draws the name of a table or a column.
func identifier(t *rapid.T, d references.Dialect, label string) string {
	most := 63
	if d == references.MySQL {
		most = 40 // the name of a table is that of a file, in which a character can have five
	}
	s := name(t, label, most-1)
	return strings.TrimRight(s, " ") + "x" // MySQL takes no space at the end
}

// plainly leaves out what means something in a name or in a link.
var plainly = strings.NewReplacer("?", "", "#", "", "%", "", "/", "", `\`, "")

// oddSettings are what a session may have been told that runs the text.
var oddSettings = map[references.Dialect][]string{
	references.SQLite:     {""},
	references.PostgreSQL: {"", "&standard_conforming_strings=off", "&standard_conforming_strings=off&backslash_quote=on", "&quote_all_identifiers=on"},
	references.MySQL: {
		"&multiStatements=true", "&multiStatements=true&sql_mode=" + url.QueryEscape("'NO_BACKSLASH_ESCAPES'"), "&multiStatements=true&sql_mode=" + url.QueryEscape("'ANSI_QUOTES'"),
		"&multiStatements=true&sql_mode=" + url.QueryEscape("'ANSI,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,STRICT_ALL_TABLES'"),
	},
}

// Whatever tables, columns, storages, prefixes, defaults, fields and programs are called.
func TestOddNames(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		rapid.Check(t, w.oddNames)
	})
}

func (w *world) oddNames(t *rapid.T) {
	d, ctx := w.d, w.t.Context()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	exec := func(query string, args ...any) {
		_, err := w.db.ExecContext(ctx, query, args...)
		must(err)
	}
	table, plain, list := identifier(t, d, "table"), "p"+identifier(t, d, "plain"), "l"+identifier(t, d, "list")
	names, links := name(t, "storage", 100), "s"+name(t, "storage of links", 100)
	prefix, ignored := name(t, "prefix", 60), "in"+plainly.Replace(name(t, "default", 60))
	file := "fi" + plainly.Replace(name(t, "file", 60))
	program := "p" + name(t, "program", 200)
	text := map[references.Dialect]string{references.MySQL: "longtext CHARACTER SET utf8mb4"}[d]
	if text == "" {
		text = "text"
	}
	var box *outbox.Outbox
	var err error
	exec("CREATE TABLE " + w.quoted(table) + " (id bigint PRIMARY KEY, " + w.quoted(plain) + " " + text + ", " + w.quoted(list) + " " + text + ")")
	defer func() {
		if box != nil {
			_ = box.RemoveTriggers(ctx)
		}
		exec("DROP TABLE " + w.quoted(table))
		exec("DELETE FROM filecleangen_outbox")
		exec("DELETE FROM filecleangen_outbox_column")
	}()
	typ := &runtime.Type{Name: name(t, "type", 80), Package: name(t, "package", 80), Fields: []runtime.Field{
		{Path: name(t, "field", 50), Column: plain, Storage: links, Defaults: []string{ignored}},
		{Path: "l" + name(t, "field of names", 50), Column: list, Storage: names, Shape: runtime.List, Defaults: []string{ignored}},
	}}
	box, err = w.oddBox(typ, table, program, prefix, names, links)
	must(err)

	must(box.InstallTriggers(ctx))
	up, down, err := box.Triggers(ctx)
	must(err)
	session := rapid.SampledFrom(oddSettings[d]).Draw(t, "session")
	must(w.execOn(session, down))
	if left := w.installed(); left != "" {
		t.Errorf("left: %s", left)
	}
	must(w.execOn(session, up))
	faults, err := box.CheckTriggers(ctx)
	if must(err); len(faults) > 0 {
		t.Errorf("%v", faults)
	}
	document, err := json.Marshal([]string{file, ignored})
	must(err)
	exec("INSERT INTO "+w.quoted(table)+databases.Rebind(d, " VALUES (1, ?, ?), (2, ?, NULL)"), prefix+file, string(document), prefix+ignored)
	exec("DELETE FROM " + w.quoted(table))
	rows, err := w.db.QueryContext(ctx, "SELECT storage, name, model, field FROM filecleangen_outbox")
	must(err)
	defer func() { _ = rows.Close() }()
	var got, want []string
	for rows.Next() {
		var v [4]string
		must(rows.Scan(&v[0], &v[1], &v[2], &v[3]))
		got = append(got, strings.Join(v[:], "|"))
	}
	must(rows.Err())
	for _, f := range typ.Fields {
		want = append(want, strings.Join([]string{f.Storage, file, typ.ID(), f.Path}, "|"))
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the outbox has %q, want %q", got, want)
	}
	must(box.RemoveTriggers(ctx))
	if left := w.installed(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// quoted quotes a name and its schema.
func (w *world) quoted(name string) string {
	q := map[references.Dialect]string{references.MySQL: "`"}[w.d]
	if q == "" {
		q = `"`
	}
	return q + strings.ReplaceAll(strings.ReplaceAll(name, q, q+q), ".", q+"."+q) + q
}

// And whatever the schema of the outbox is called, or that of the table.
func TestOddSchema(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		plain := bareWorld(t, d)
		odd := fmt.Sprintf("it's$filecleangen$ \\ %%s \"`--é; %d", time.Now().UnixNano())
		quoted := map[references.Dialect]string{
			references.PostgreSQL: `"` + strings.ReplaceAll(odd, `"`, `""`) + `"`,
			references.MySQL:      "`" + strings.ReplaceAll(odd, "`", "``") + "`",
		}[d]
		plain.exec("CREATE SCHEMA " + quoted)
		defer plain.exec(map[references.Dialect]string{references.PostgreSQL: "DROP SCHEMA " + quoted + " CASCADE", references.MySQL: "DROP SCHEMA " + quoted}[d])
		before, _, _ := strings.Cut(plain.dsn, "search_path=")
		dsn := before + "search_path=" + url.PathEscape(quoted)
		if d == references.MySQL {
			config, err := mysql.ParseDSN(plain.dsn)
			plain.must(err)
			config.DBName = odd
			dsn = config.FormatDSN()
		}
		for _, names := range [][2]string{{dsn, "scan"}, {dsn, plain.home() + ".scan"}, {plain.dsn, odd + ".scan"}} {
			w := bareWorldAt(t, d, names[0])
			table := plain.quoted(names[1])
			w.exec("CREATE TABLE " + table + " (id bigint PRIMARY KEY, file varchar(200))")
			box := w.newBoxOf([]*runtime.Type{scan}, references.Table(scan, names[1]))
			w.must(box.InstallTriggers(t.Context()))
			w.must(box.InstallTriggers(t.Context()))
			w.faults(box, "")
			w.exec("INSERT INTO " + table + " (id, file) VALUES (1, 'a')")
			w.exec("DELETE FROM " + table)
			w.wantRows("pending a")
			w.must(box.RemoveTriggers(t.Context()))
			if left := w.installed(); left != "" {
				t.Errorf("left: %s", left)
			}
			w.exec("DROP TABLE " + table)
			w.exec("DELETE FROM filecleangen_outbox")
			w.exec("DELETE FROM filecleangen_outbox_column")
		}
	})
}

// oddBox makes an outbox of a program for a table.
func (w *world) oddBox(typ *runtime.Type, table, program, prefix, names, links string) (*outbox.Outbox, error) {
	refs, err := references.New(w.t.Context(), w.own, w.d, references.Logger(w.logs.Logger()), references.Program(program),
		references.Values(links, references.Prefix(prefix)),
		references.Table(typ, table, references.Columns{typ.Fields[0].Path: {Form: references.Text}, typ.Fields[1].Path: {Form: references.JSON}}))
	if err != nil {
		return nil, err
	}
	clean, err := runtime.New(runtime.WithStorage(names, w.dir), runtime.WithStorage(links, w.dir, runtime.Names(references.Prefix(prefix).Name)),
		runtime.WithTypes(typ), runtime.WithReferences(refs), runtime.WithLogger(w.logs.Logger()))
	if err != nil {
		return nil, err
	}
	return outbox.New(w.t.Context(), clean, refs)
}

// execOn runs a text in a session that was told something.
func (w *world) execOn(settings, text string) error {
	db, err := databases.Open(w.d, w.dsn+settings)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(w.t.Context(), text)
	return err
}
