package references_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// list returns what rows name in storage media, from one name on up to another.
func (w *world) list(refs *references.References, from, to string) (names []string) {
	w.Helper()
	for name, err := range refs.Names(w.Context(), "media", from, to) {
		w.must(err)
		names = append(names, name)
	}
	return names
}

// TestNames: the list has what rows name, in the order of bytes, whatever the columns.
func TestNames(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300))")
		w.exec("CREATE TABLE many (id integer PRIMARY KEY, files " + map[references.Dialect]string{references.PostgreSQL: "text", references.MySQL: "longtext", references.SQLite: "text"}[d] + ")")
		w.exec("CREATE TABLE padded (id integer PRIMARY KEY, file char(100))")
		want := []string{}
		for i, name := range []string{"b", "B", "é", "z/1", "z.1", "z", "日本", "😀", "a b", "10", "9"} {
			w.exec("INSERT INTO one (id, file) VALUES (?, ?)", i, name)
			document, err := json.Marshal(map[string]any{"key": []string{name, "d/" + name}, "n": 7})
			w.must(err)
			w.exec("INSERT INTO many (id, files) VALUES (?, ?)", i, string(document))
			w.exec("INSERT INTO padded (id, file) VALUES (?, ?)", i, "p/"+name)
			want = append(want, name, "d/"+name, "p/"+name)
		}
		w.exec("INSERT INTO one (id, file) VALUES (100, NULL), (101, ''), (102, '/a//spelled'), (103, '../etc')")
		want = append(want, "a/spelled", "etc", "old")
		slices.Sort(want)
		// One column only another program knows of.
		w.exec("CREATE TABLE other (id integer PRIMARY KEY, file varchar(300))")
		w.exec("INSERT INTO other (id, file) VALUES (1, 'old')")
		w.references(references.Table(one, "other"), references.Program("other"))
		refs := w.references(references.Table(one, "one"), references.Table(one, "padded"), references.Table(many, "many", references.Columns{"Files": {Form: references.JSON}}))
		if got := w.list(refs, "", ""); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		var part []string
		for _, name := range want {
			if name >= "b" && name < "z" {
				part = append(part, name)
			}
		}
		if got := w.list(refs, "b", "z"); !slices.Equal(got, part) {
			t.Errorf("%q, want %q", got, part)
		}
		for _, err := range refs.Names(t.Context(), "media", "", "") { // it can be left
			w.must(err)
			break
		}

		w.exec("INSERT INTO many (id, files) VALUES (77, 'no JSON')")
		w.list(refs, "", "")
		w.list(refs, "", "")
		if n := strings.Count(w.logs.String(), "key=77"); n != 1 {
			t.Errorf("logged %d times: %s", n, w.logs)
		}

		nobody := func(context.Context, references.Queryer, string, []string) ([]string, error) { return nil, nil }
		withFunc := w.references(references.Table(one, "one"), references.Program("third"), references.Func("media", nobody))
		for _, refs := range []*references.References{withFunc, refs} {
			for _, err := range refs.Names(t.Context(), "media", "", "") {
				if err == nil {
					t.Error("a function can be listed")
				}
			}
		}
	})
}

// TestReported: a document that can't be taken apart is logged once, with its key.
func TestReported(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE many (a integer, b varchar(20), files " + map[references.Dialect]string{references.PostgreSQL: "text", references.MySQL: "longtext", references.SQLite: "text"}[d] + ", PRIMARY KEY (a, b))")
		for i := range 30 {
			w.exec("INSERT INTO many (a, b, files) VALUES (?, ?, ?)", i, fmt.Sprint("k", i), `["x"]`)
		}
		w.exec("UPDATE many SET files = '{''a.png''}' WHERE a = 17")
		refs := w.references(references.Table(many, "many", references.Columns{"Files": {Form: references.JSON}}))
		for range 3 {
			w.wantNamed(refs, "a.png x", "a.png", "b.png", "x")
		}
		if log := w.logs.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, `key="17, k17"`) || !strings.Contains(log, "many column=files") {
			t.Errorf("log: %s", log)
		}
	})
}
