package references_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
)

// indexed are types of columns, and the index of each.
var indexed = map[references.Dialect][][2]string{
	references.SQLite: {{"text", "c"}, {"varchar(300)", "c"}, {"blob", "c"}, {"text COLLATE NOCASE", "c"}, {"", "c"}},
	references.PostgreSQL: {
		{"text", "(c)"}, {"varchar(300)", "(c)"}, {"char(300)", "(c)"}, {"name", "(c)"}, {"bytea", "(c)"}, {"uuid", "(c)"}, {`text COLLATE "und-x-icu"`, "(c)"}, {"text COLLATE blind", "(c)"},
		{"shortname", "(c)"}, {"text", "USING hash (c)"},
		{"jsonb", `USING gin (jsonb_path_query_array(c, 'strict $.** ? (@.type() == "string")'))`},
		{"json", `USING gin (jsonb_path_query_array(c::jsonb, 'strict $.** ? (@.type() == "string")'))`},
		{"text JSON", `USING gin (jsonb_path_query_array(c::jsonb, 'strict $.**?(@.type()=="string")'))`},
		{"text[]", "USING gin (c)"}, {"varchar(100)[]", "USING gin (c)"},
	},
	references.MySQL: {
		{"varchar(300)", "c"}, {"varchar(300) COLLATE utf8mb4_bin", "c"}, {"varchar(300) COLLATE /*M! utf8mb4_unicode_nopad_ci */ /*!80000 utf8mb4_0900_as_ci */", "c"}, {"varchar(300) CHARACTER SET latin1", "c"},
		{"varchar(300) CHARACTER SET ascii", "c"}, {"varchar(300) CHARACTER SET utf8mb3", "c"}, {"varchar(300) CHARACTER SET ucs2", "c"}, {"char(200)", "c"},
		{"varbinary(300)", "c"}, {"binary(100)", "c"}, {"text", "c(100)"}, {"blob", "c(100)"},
	},
}

// TestIndex: a column is looked up by its index, in a table that the database knows
// nothing of yet.
func TestIndex(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for i, c := range indexed[d] {
			t.Run(c[0]+" "+c[1], func(t *testing.T) {
				w := newWorld(t, d)
				if d == references.PostgreSQL {
					w.exec(`CREATE COLLATION IF NOT EXISTS blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`)
					w.exec(`CREATE DOMAIN shortname AS text`)
				}
				typ, asJSON := strings.CutSuffix(c[0], " JSON")
				table := fmt.Sprintf("t%d", i)
				w.exec("CREATE TABLE " + table + " (id integer PRIMARY KEY, c " + typ + ")")
				on := c[1]
				if d != references.PostgreSQL {
					on = "(" + on + ")"
				}
				w.exec("CREATE INDEX by_c ON " + table + " " + on)
				w.fill(table, typ, asJSON)
				plan := w.explain(table, asJSON)
				// A look-up, not a walk through all of the index.
				looksUp := map[references.Dialect]string{references.SQLite: `SEARCH r USING .*INDEX by_c \(c=`, references.PostgreSQL: `by_c[\s\S]*Index Cond`, references.MySQL: ` r (range|ref) .*by_c|(range scan|lookup) on r using by_c`}[d]
				if !regexp.MustCompile(looksUp).MatchString(plan) || strings.Contains(plan, "Seq Scan on "+table) || strings.Contains(plan, "SCAN r") {
					t.Errorf("no index: %s", plan)
				}
			})
		}
	})
}

// fill inserts rows.
func (w *world) fill(table, typ string, asJSON bool) {
	w.Helper()
	value := "'files/' || n"
	switch {
	case w.d == references.MySQL:
		value = "concat('files/', n)"
	case strings.HasPrefix(typ, "json"), asJSON:
		value = `('["files/' || n || '"]')::` + typ
	case strings.HasSuffix(typ, "[]"):
		value = "ARRAY['files/' || n]"
	case typ == "uuid":
		value = "gen_random_uuid()"
	case typ == "bytea":
		value = "convert_to('files/' || n, 'UTF8')"
	}
	rows := "900"
	if w.d == references.PostgreSQL { // in a small table, a walk through all of the index may take less time
		rows = "50000"
	}
	w.exec("INSERT INTO " + table + " WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < " + rows + ") SELECT n, " + value + " FROM s")
}

// explain returns how the database would answer a question about some names.
func (w *world) explain(table string, asJSON bool) string {
	w.Helper()
	var text strings.Builder
	d, err := dialect.Of(dialect.Kind(w.d))
	w.must(err)
	form := dialect.Auto
	if !d.Typed() {
		form = dialect.Text
	}
	if asJSON {
		form = dialect.JSON
	}
	home, err := d.Home(w.Context(), w.own)
	w.must(err)
	values := &dialect.Values{}
	for i := range 10 {
		values.List = append(values.List, fmt.Sprint("files/", i), fmt.Sprint("/files/é", i))
	}
	w.must(d.Reading(w.Context(), dialect.Session{DB: w.own, Home: home}, func(tx dialect.Handle) error {
		src, err := d.Column(w.Context(), tx, table, "c", form, false)
		if err != nil {
			return err
		}
		s := dialect.New(d, "EXPLAIN "+map[references.Dialect]string{references.SQLite: "QUERY PLAN "}[w.d])
		d.Find(s, src, values, "")
		return dialect.QueryAll(w.Context(), tx, s, func(rows *sql.Rows) error {
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			texts, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range texts {
				into[i] = &texts[i]
			}
			err = rows.Scan(into...)
			for i, part := range texts {
				if columns[i] != "possible_keys" {
					text.WriteString(part.String + " ")
				}
			}
			text.WriteString("\n")
			return err
		})
	}))
	return text.String()
}
