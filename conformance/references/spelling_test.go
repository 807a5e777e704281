package references_test

import (
	"encoding/json"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// TestSpelling: a row that spells a name otherwise, which a storage takes for the
// same, names the file.
func TestSpelling(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300))")
		w.exec("CREATE TABLE many (id integer PRIMARY KEY, files " + map[references.Dialect]string{references.PostgreSQL: "jsonb", references.MySQL: "json"}[d] + ")")
		refs := w.references(references.Table(one, "one"), references.Table(many, "many"))
		const name = "covers/2024/a.png"
		for value, is := range map[string]bool{
			"covers/2024/a.png": true, "/covers/2024/a.png": true, "./covers/2024/a.png": true, "covers//2024/a.png": true,
			"covers/2024//a.png": true, `covers\2024\a.png`: true,
			"Covers/2024/a.png": false, "xcovers/2024/a.png": false, "covers/2024/a.pn": false, "a.png": false,
		} {
			want := ""
			if is {
				want = name
			}
			document, err := json.Marshal([]string{"x", value})
			w.must(err)
			w.exec("INSERT INTO one (id, file) VALUES (1, ?)", value)
			w.wantNamed(refs, want, name, "covers/2024/b.png")
			w.exec("DELETE FROM one")
			w.exec("INSERT INTO many (id, files) VALUES (1, ?)", string(document))
			w.wantNamed(refs, want, name, "covers/2024/b.png")
			w.exec("DELETE FROM many")
		}
	})
}

// TestPrefix: values are URLs, with all that URLs may have.
func TestPrefix(t *testing.T) {
	const cdn = "https://cdn.example.com/"
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300))")
		w.exec("CREATE TABLE many (id integer PRIMARY KEY, files " + map[references.Dialect]string{references.PostgreSQL: "text[]", references.MySQL: "json"}[d] + ")")
		refs := w.references(references.Table(one, "one"), references.Table(many, "many"), references.Values("media", references.Prefix(cdn)))
		for value, want := range map[string]string{
			cdn + "a/b c.png": "a/b c.png", cdn + "a/b%20c.png": "a/b c.png", cdn + "a/b%20c.png?v=2": "a/b c.png", cdn + "a/b c.png#top": "a/b c.png",
			cdn + "a%2Fb%20%63.png?x#y": "a/b c.png", cdn + "/a/b%20c.png": "a/b c.png", cdn + "a//b c.png": "a/b c.png",
			"a/b c.png":                             "a/b c.png", // the name itself: in doubt it is meant
			"https://other.example.com/a/b%20c.png": "", "http" + cdn[5:] + "a/b c.png": "", cdn + "a/b%20c.pn?g": "", cdn + "a/b%2520c.png": "",
		} {
			list, err := json.Marshal([]string{"x", value})
			w.must(err)
			if d == references.PostgreSQL {
				list = append(append([]byte{'{'}, list[1:len(list)-1]...), '}')
			}
			w.exec("INSERT INTO one (id, file) VALUES (1, ?)", value)
			w.wantNamed(refs, want, "a/b c.png", "other.png")
			w.exec("DELETE FROM one")
			w.exec("INSERT INTO many (id, files) VALUES (1, ?)", string(list))
			w.wantNamed(refs, want, "a/b c.png", "other.png")
			w.exec("DELETE FROM many")
		}
	})
}

// TestPrefixWithIndex: an index on documents does not hide URLs that it can't find.
func TestPrefixWithIndex(t *testing.T) {
	const cdn = "https://cdn.example.com/"
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE many (id integer PRIMARY KEY, files jsonb)")
		w.exec(`CREATE INDEX ON many USING gin (jsonb_path_query_array(files, 'strict $.** ? (@.type() == "string")'))`)
		refs := w.references(references.Table(many, "many"), references.Values("media", references.Prefix(cdn)))
		for _, value := range []string{cdn + "d/a.png?v=2", cdn + "d/a.png#top", cdn + "d/%61.png", cdn + "d/a.png", cdn + "x/../d/a.png"} {
			document, err := json.Marshal(map[string]string{"file": value})
			w.must(err)
			w.exec("INSERT INTO many (id, files) VALUES (1, ?)", string(document))
			w.wantNamed(refs, "d/a.png", "d/a.png", "d/b.png")
			w.exec("DELETE FROM many")
		}
	}, references.PostgreSQL)
}
