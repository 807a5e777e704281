package triggers_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/filecleangen/filecleangen/references"
)

// life is the life of rows of a table that needs no other column.
func life(table, column string) string {
	return strings.NewReplacer("TABLE", table, "COLUMN", column).Replace(`
		INSERT INTO TABLE (COLUMN) VALUES ('a'), ('b')
		= a b c d
		UPDATE TABLE SET COLUMN = 'c' WHERE COLUMN = 'a'
		= b c d
		DELETE FROM TABLE WHERE COLUMN = 'b'
		= c d
		? INSERT INTO TABLE (COLUMN) VALUES ('a')
		? UPDATE TABLE SET COLUMN = 'b'
		UPDATE TABLE SET COLUMN = NULL
		= d`)
}

// typed is the story of a table with a column of each type, which name files of their own.
func typed(name, before string, types ...string) story {
	n := len(types)
	s := story{name: name, tracks: in(name, columns(n)...)}
	var all strings.Builder
	for i, t := range types {
		fmt.Fprintf(&all, ", c%d %s", i+1, t)
		for _, first := range []string{"a", "b", "c"} {
			s.files = append(s.files, fmt.Sprint(first, i+1))
		}
	}
	slices.Sort(s.files)
	left := func(but ...string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(s.files), func(f string) bool { return slices.Contains(but, f[:1]) }), " ")
	}
	s.tables = before + "\nCREATE TABLE " + name + " (id int" + all.String() + ")"
	s.script = strings.NewReplacer("TABLE", name, "COLUMNS", numbered(n, "c#")).Replace(`
		INSERT INTO TABLE (id, COLUMNS) VALUES (1, ` + numbered(n, "'a#'") + `), (2, ` + numbered(n, "'b#'") + `)
		= ` + left() + `
		UPDATE TABLE SET ` + numbered(n, "c# = 'c#'") + ` WHERE id = 1
		= ` + left("a") + `
		DELETE FROM TABLE WHERE id = 2
		= ` + left("a", "b"))
	for i := range n {
		s.script += fmt.Sprintf("\n? UPDATE %s SET c%d = 'a%[2]d'", name, i+1)
	}
	s.script += "\nDELETE FROM " + name + "\n="
	return s
}

// numbered is a list of things with the numbers from 1.
func numbered(n int, format string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = strings.ReplaceAll(format, "#", strconv.Itoa(i+1))
	}
	return strings.Join(all, ", ")
}

// columns are the names c1, c2 and so on.
func columns(n int) []string { return strings.Split(numbered(n, "c#"), ", ") }

// deep is a name of so many bytes, in folders.
func deep(first string, n int) string {
	name := first + "/"
	for len(name) < n-200 {
		name += strings.Repeat("x", 199) + "/"
	}
	return name + strings.Repeat("y", n-len(name))
}

// wide is a document with so many names, and the last of them.
func wide(names, padding int, last string) string {
	var s strings.Builder
	s.WriteString(`{"title": "` + strings.Repeat("z ", padding/2) + `", "photos": [`)
	for i := range names {
		fmt.Fprintf(&s, `{"file": "photos/%d.png", "width": %d}, `, i, i)
	}
	return s.String() + `{"file": "` + last + `"}]}`
}

// common are stories of tables that all databases can have. The text of their types is
// theirs.
func common(quote, text, document string) []story {
	q := func(name string) string { return quote + strings.ReplaceAll(name, quote, quote+quote) + quote }
	plain := func(name, table, column string) story {
		return story{name: name, tables: "CREATE TABLE " + q(table) + " (" + q(column) + " " + text + ")", tracks: in(table, column), script: life(q(table), q(column))}
	}
	dotted := plain("dots", "with.dots", "of.a.column")
	dotted.tracks[0].table = "HOME.with.dots"
	long := strings.Repeat("long", 16)[:63]
	return []story{
		plain("reserved", "order", "select"),
		plain("spaces", "line items", "file name "[:9]),
		plain("quotes", `it's "an" odd table`, `it's "an" odd column\`),
		plain("percent", "100%I %s %1$I", "$1 %% $body$"),
		plain("case", "OrderLine", "FileName"),
		plain("foreign", "größe_表", "имя"),
		plain("long_names", long, strings.Repeat("name", 16)[1:64]),
		plain("words", "entry", "state"), // words that the triggers use
		plain("comment", "a--b /* c */", "; --"),
		dotted,
		{
			name:   "words_all",
			tables: "CREATE TABLE others (id int, at " + text + ", " + q("until") + " " + text + ", name " + text + ", i " + text + ", v " + text + ", storage " + text + ", found " + text + ", part " + text + ", side " + text + ", keep " + text + ")",
			tracks: in("others", "at", "until", "name", "i", "v", "storage", "found", "part", "side", "keep"),
			script: `INSERT INTO others (id, at, name, i, v, found, keep) VALUES (1, 'a', 'b', 'c', 'd', 'a', 'b')
				UPDATE others SET at = name, name = 'x', found = NULL, keep = NULL
				= b c d
				UPDATE others SET v = NULL, at = NULL
				= c`,
		},
		{
			name:   "composite",
			tables: "CREATE TABLE composite (a int, b int, file " + text + ", PRIMARY KEY (a, b))",
			tracks: in("composite", "file"),
			script: `INSERT INTO composite VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'a')
				UPDATE composite SET b = b + 10, a = 3 WHERE a = 2
				= a b c d
				DELETE FROM composite WHERE a = 1 AND b = 1
				= a b c d
				DELETE FROM composite WHERE a IN (1, 3)
				= c d`,
		},
		{
			name:   "no_key",
			tables: "CREATE TABLE no_key (file " + text + ")",
			tracks: in("no_key", "file"),
			script: `INSERT INTO no_key VALUES ('a'), ('a'), ('b'), (NULL), ('')
				UPDATE no_key SET file = 'c' WHERE file = 'b'
				= a c d
				INSERT INTO no_key SELECT file FROM no_key
				DELETE FROM no_key WHERE file = 'a'
				= c d`,
		},
		{
			name:   "columns_64",
			tables: "CREATE TABLE columns_64 (id int PRIMARY KEY, " + numbered(64, "c# "+text) + ")",
			tracks: in("columns_64", columns(64)...),
			script: "INSERT INTO columns_64 (id, c1, c33, c64) VALUES (1, 'a', 'b', 'c'), (2, 'a', NULL, '')\n" +
				"UPDATE columns_64 SET " + numbered(64, "c# = NULL") + " WHERE id = 2\n= a b c d\n" +
				"UPDATE columns_64 SET c2 = 'd', c64 = 'd'\n= a b d\n" +
				"DELETE FROM columns_64\n=",
		},
		{
			name:   "columns_200",
			tables: "CREATE TABLE columns_200 (" + numbered(200, "c# "+text) + ")",
			tracks: in("columns_200", "c1", "c150", "c200"),
			script: `INSERT INTO columns_200 (c1, c2, c150, c200) VALUES ('a', 'b', 'c', 'd')
				= a b c d
				UPDATE columns_200 SET c2 = 'c', c199 = 'd', c200 = NULL
				= a b c
				DELETE FROM columns_200
				= b`,
		},
		{
			name:   "long_values",
			tables: "CREATE TABLE long_values (id int PRIMARY KEY, file " + text + ")",
			tracks: in("long_values", "file"),
			script: "INSERT INTO long_values VALUES (1, '" + deep("p", 2048) + "'), (2, '" + deep("q", 2049) + "'), (3, '" + deep("r", 3900) + "'), (4, '" + strings.Repeat("ä", 20000) + "'), (5, 'a')\n= a b c d\n" +
				"UPDATE long_values SET file = '" + deep("s", 2048) + "' WHERE id < 3\nDELETE FROM long_values WHERE id > 3\n= b c d\nDELETE FROM long_values\n= b c d",
		},
		{
			name:   "wide",
			tables: "CREATE TABLE wide (id int PRIMARY KEY, doc " + document + ", title " + text + ")",
			tracks: as(references.JSON, in("wide", "doc")),
			script: "INSERT INTO wide VALUES (1, '" + wide(200, 90_000, "a") + "', '')\n= a b c d\n" +
				"UPDATE wide SET doc = '" + wide(200, 90_000, "b") + "'\n= b c d\n" +
				"UPDATE wide SET title = 'x'\n= b c d\n" +
				"UPDATE wide SET doc = '{}'\n= c d",
		},
		{
			name:   "two_storages", // one column that two fields have
			tables: "CREATE TABLE two (file " + text + ", other " + text + ")",
			tracks: in("two", "file", "other", "file"),
			script: `INSERT INTO two VALUES ('a', 'b')
				UPDATE two SET file = other, other = NULL
				= b c d
				DELETE FROM two
				= c d`,
		},
	}
}
