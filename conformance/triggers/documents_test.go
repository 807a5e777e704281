package triggers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// withPages is a database with a table of documents, whose names stand under some keys; ""
// is a field of which the key is not known.
func withPages(t *testing.T, d references.Dialect, keys ...string) *world {
	t.Helper()
	w := bareWorld(t, d)
	w.exec("CREATE TABLE page (id bigint PRIMARY KEY, doc " + map[references.Dialect]string{references.SQLite: "text", references.PostgreSQL: "jsonb", references.MySQL: "json"}[d] + ")")
	page := &runtime.Type{Name: "models.Page", Package: "example.com/shop/models"}
	columns := references.Columns{}
	for _, key := range keys {
		path := "Doc." + key
		page.Fields = append(page.Fields, runtime.Field{Path: path, Column: "doc", Storage: "media", JSONKey: key})
		columns[path] = references.Column{Form: references.JSON}
	}
	w.types = []*runtime.Type{page}
	w.open(references.Table(page, "page", columns), references.NotStored(article, scan), references.Func("media", nobody), references.Func("cdn", nobody))
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	return w
}

// names are those that a document has for the triggers: its row takes them when it comes,
// and releases them when it goes.
func (w *world) names(doc string) []string {
	w.t.Helper()
	w.exec("INSERT INTO page (id, doc) VALUES (1, ?)", doc)
	w.wantRows()
	w.exec("DELETE FROM page")
	rows, err := w.db.QueryContext(w.t.Context(), "SELECT name FROM filecleangen_outbox ORDER BY name")
	w.must(err)
	defer func() { _ = rows.Close() }()
	names := []string{}
	for rows.Next() {
		var name string
		w.must(rows.Scan(&name))
		names = append(names, name)
	}
	w.must(rows.Err())
	w.exec("DELETE FROM filecleangen_outbox")
	return names
}

// Where the keys are known under which a document has names, other strings are none,
// wherever in it they stand; in doubt a string is one.
func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := withPages(t, d, "file", "Cover_file")
		for doc, want := range map[string]string{
			`{"type":"image","file":"a"}`:                               "a",
			`{"file":"a","kind":"b","coverFile":"c"}`:                   "a c",
			`{"FILE":"a","Cover-File":"b","fi_le":"c","fil":"d"}`:       "a b c",
			`{"f\u0069le":"a","b":"c"}`:                                 "a",
			`{"ﬁle":"a","ſ":{"x":["b"]},"c":"d"}`:                       "a b",
			`[{"x":[{"y":{"file":"a"}},"b"]},"c"]`:                      "a",
			`{"file":["a",{"z":"b","type":["c"]}],"type":"d"}`:          "a b c",
			`{"file":{"a":"x","b":{"file":"y"},"c":["z"]},"d":"no"}`:    "x y z",
			`{"z":{"file":"a","q":["b"]},"q":"b"}`:                      "a",
			`[{"file":"a"},["b"],[{"file":"c"}],{"type":"d"},"e"]`:      "a c",
			`{"a":{"file":"x"},"b":["y"],"file":[],"z":"z"}`:            "x",
			`{"file":{"n":1},"t":{"u":"v"},"s":["file"],"type":"file"}`: "",
			`{"type":"{\"file\":\"a\",\"x\":\"b\"}"}`:                   "a",
			`{"file":["[{\"x\":\"a\"}]"]}`:                              `[{"x":"a"}] a`,
			`{"x":["[{\"y\":{\"file\":[\"a\"]}},\"b\"]","c"]}`:          "a",
			`[{"file":[1]},["b"]]`:                                      "",
			`{"file":[[1],[{"a":2}]],"b":"c"}`:                          "",
			`"a"`:                                                       "",
			`["a"]`:                                                     "",
			`{}`:                                                        "",
			`{"file":null,"cover_file":7}`:                              "",
			`{"file":"","x":"}{][","y":"a"}`:                            "",
			`{"x":"}","file":"a\"b","y":"c"}`:                           `a"b`,
		} {
			if got := w.names(doc); !slices.Equal(got, strings.Fields(want)) {
				t.Errorf("%s: names %q, want %q", doc, got, want)
			}
		}
	})
}

// Documents may be large, and texts in them, too.
func TestLargeDocuments(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := withPages(t, d, "file")
		document := func(names []string) string {
			blocks := make([]any, len(names))
			for i, name := range names {
				block := map[string]any{"type": "image", "file": name, "x": [][]int{{i}, {}}, "text": strings.Repeat("lorem ", 10)}
				if blocks[i] = block; i%10 == 0 {
					text, err := json.Marshal(block)
					w.must(err)
					blocks[i] = string(text)
				}
			}
			text, err := json.Marshal(blocks)
			w.must(err)
			return string(text)
		}
		pending := func(names ...string) []string {
			for i := range names {
				names[i] = "pending " + names[i]
			}
			slices.Sort(names)
			return names
		}
		names := make([]string, 2000)
		for i := range names {
			names[i] = fmt.Sprintf("pictures/%d.png", i)
		}
		w.exec("INSERT INTO page (id, doc) VALUES (1, ?)", document(names))
		w.wantRows()
		before := names[1230]
		names[1230] = "pictures/other.png"
		w.exec("UPDATE page SET doc = ?", document(names))
		w.wantRows(pending(before)...)
		w.exec("DELETE FROM page")
		w.wantRows(pending(append(names, before)...)...)

		w.exec("DELETE FROM filecleangen_outbox")
		long := []string{strings.Repeat("a", 200), strings.Repeat("b", 300), strings.Repeat("c", 2048)}
		for n := range long {
			text, err := json.Marshal(map[string]any{"file": []string{"A", "B", "C", long[n]}})
			w.must(err)
			if got, want := w.names(string(text)), []string{"A", "B", "C", long[n]}; !slices.Equal(got, want) {
				t.Errorf("names %q, want %q", got, want)
			}
		}
		for text, want := range map[string]string{
			strings.Repeat("a/", 3000) + "/b":                              "",
			strings.Repeat("a/", 3000) + strings.Repeat("../", 3000) + "b": "b",
			strings.Repeat("a/../", 3000) + "b":                            "b",
			strings.Repeat("/", 3000) + "b":                                "b",
		} {
			if got := w.names(`{"file":"` + text + `"}`); !slices.Equal(got, strings.Fields(want)) {
				t.Errorf("%.20s…: names %.20q, want %q", text, got, want)
			}
		}
	})
}

// A string that is no name locks nothing, is no reason to refuse a row, and no file goes
// because of it.
func TestOtherStrings(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := withPages(t, d, "cover")
		w.write("image", "a", "b")
		w.exec(`INSERT INTO page (id, doc) VALUES (1, '{"type":"image","cover":"a"}')`)
		w.exec("INSERT INTO filecleangen_outbox (storage, name, state, gone_at) VALUES ('media', 'text', 'gone', 1), ('media', 'b', 'gone', 1)")
		w.exec(`UPDATE page SET doc = '{"type":"text","cover":"a"}'`)
		w.exec(`INSERT INTO page (id, doc) VALUES (2, '[{"status":{"is":["text"]}}]')`)
		for _, s := range []string{`UPDATE page SET doc = '{"type":"image","Cover":{"x":["b"]}}'`, `INSERT INTO page (id, doc) VALUES (3, '{"COVER":"b"}')`} {
			if err := w.try(s); !outbox.IsGone(err) {
				t.Errorf("%s: %v", s, err)
			}
		}
		w.exec("DELETE FROM filecleangen_outbox")
		w.wantRows()
		w.exec(`UPDATE page SET doc = '{"type":"a","cover":"b"}' WHERE id = 1`)
		w.wantRows("pending a")
		w.want("a b image") // a row has the string, whatever it means
		w.exec("DELETE FROM page")
		w.wantRows("pending b")
		w.want("a image")
	})
}

// Where the key of one field is not known, each string may be one of its names.
func TestSomeKeys(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		for _, keys := range [][]string{{""}, {"file", ""}, {"datei_ä"}, {"_"}, {"a,b"}} {
			w := withPages(t, d, keys...)
			if got := strings.Join(w.names(`{"type":"a","x":["b"],"file":"c"}`), " "); got != "a b c" {
				t.Errorf("%q: %q", keys, got)
			}
		}
	})
}

// below calls found for each string in a document that is below a key that is one of some.
func below(v any, named bool, keys []string, found func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			folded := strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(key))
			below(value, named || slices.Contains(keys, folded) || strings.ContainsFunc(key, func(r rune) bool { return r > '~' }), keys, found)
		}
	case []any:
		for _, value := range v {
			below(value, named, keys, found)
		}
	case string:
		name := v
		if storage.CheckName(v) != nil {
			name = storage.OtherSpelling(v)
		}
		if named && name != "" {
			found(name)
		}
		var inner any
		if (strings.HasPrefix(v, "[") || strings.HasPrefix(v, "{")) && json.Unmarshal([]byte(v), &inner) == nil {
			below(inner, named, keys, found)
		}
	}
}

// someDocument makes a document of some depth.
func someDocument(random *rand.Rand, depth int) any {
	strings := []string{"a", "b", "c d", `q"`, "}", "{", "[", "ä"}
	switch n := random.IntN(6); {
	case n == 0 || depth == 0:
		return strings[random.IntN(len(strings))]
	case n == 1:
		text, _ := json.Marshal(someDocument(random, depth-1))
		return string(text)
	case n < 4:
		list := []any{true, 1.5}[:random.IntN(3)]
		for range random.IntN(3) + 1 {
			list = append(list, someDocument(random, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range random.IntN(3) + 1 {
		object[[]string{"file", "FI_LE", "files", "x", "y", "z", "ä", "fil", `"`}[random.IntN(9)]] = someDocument(random, depth-1)
	}
	return object
}

// TestRandomDocuments: databases find what encoding/json finds.
func TestRandomDocuments(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := withPages(t, d, "file", "y")
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 1))
		for range 150 {
			text, err := json.Marshal(someDocument(random, 4))
			w.must(err)
			var doc any
			w.must(json.Unmarshal(text, &doc))
			want := []string{}
			below(doc, false, []string{"file", "y"}, func(s string) { want = append(want, s) })
			slices.Sort(want)
			got := w.names(string(text))
			slices.Sort(got)
			if want = slices.Compact(want); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s: names %q, want %q", seed, text, got, want)
			}
		}
	})
}
