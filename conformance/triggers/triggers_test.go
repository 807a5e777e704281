package triggers_test

import (
	"context"
	"errors"
	"testing"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestLife(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("a", "b", "c", "x")
		w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
		w.want("a b c x")
		w.exec("UPDATE article SET title = 'new' WHERE id = 1")
		w.wantRows()
		w.exec("UPDATE article SET cover = 'c' WHERE id = 1")
		w.wantRows("pending a")
		w.want("b c x")
		swap := "UPDATE article SET cover = banner, banner = cover WHERE id = 1"
		if d == references.MySQL { // which assigns one after the other
			swap = "UPDATE article a JOIN article b USING (id) SET a.cover = b.banner, a.banner = b.cover"
		}
		w.exec(swap) // names move
		w.wantRows()
		w.exec("DELETE FROM article")
		w.wantRows("pending b", "pending c")
		w.want("x")
	})
}

// A transaction that is rolled back has done nothing, and neither has a savepoint.
func TestRollback(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("a", "b")
		w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
		w.in(false, "DELETE FROM article")
		w.wantRows()
		w.in(true, "SAVEPOINT s", "UPDATE article SET cover = NULL", "ROLLBACK TO SAVEPOINT s", "UPDATE article SET banner = NULL")
		w.wantRows("pending b")
		w.want("a")
	})
}

func TestCascade(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("a", "s1", "s2", "s3")
		w.exec("INSERT INTO article (id, cover) VALUES (1, 'a'), (2, 'a')")
		w.exec("INSERT INTO scan (id, article_id, file) VALUES (1, 1, 's1'), (2, 2, 's2'), (3, 2, 's3')")
		w.exec("DELETE FROM article WHERE id = 2")
		w.want("a s1")
		w.exec("DELETE FROM article")
		w.want("")
	})
}

// A name that is being deleted, or was lately, is refused, and so is an upload that is not
// complete. Whoever wraps the error, it is known.
func TestGone(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("a", "b")
		w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
		w.exec("UPDATE article SET cover = NULL")
		w.want("b")
		for _, s := range []string{
			"INSERT INTO article (id, cover) VALUES (2, 'a')",
			"UPDATE article SET cover = 'a'",
			"INSERT INTO scan (id, file) VALUES (2, '/a')",
			"INSERT INTO article (id, original) VALUES (2, 'a')",
		} {
			err := w.try(s)
			if !outbox.IsGone(err) || !outbox.IsGone(hidden{err}) || !outbox.IsGone(errors.Join(errors.New("x"), hidden{err})) {
				t.Errorf("%s: %v", s, err)
			}
			t.Log(err)
		}
		if err := w.try("INSERT INTO article (id) VALUES (1)"); err == nil || outbox.IsGone(err) || outbox.IsGone(nil) || !outbox.IsGone(runtime.ErrGone) {
			t.Error(err)
		}
		up, err := w.box.Create(t.Context(), "media", "up")
		w.must(err)
		if err := w.try("UPDATE article SET cover = 'up'"); !outbox.IsGone(err) {
			t.Error(err)
		}
		w.must(up.Close())
		w.exec("UPDATE article SET cover = 'up'")
		w.wantRows("pending up")
		w.want("b up")
		w.wantRows()
	})
}

// hidden is an error that does not say what it wraps.
type hidden struct{ err error }

func (hidden) Error() string   { return "hidden" }
func (h hidden) Unwrap() error { return h.err }

func TestDefaultsAndKeep(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("blank.png", "o", "a")
		w.exec("INSERT INTO article (id, cover, banner, original) VALUES (1, 'blank.png', 'blank.png', 'o'), (2, '', NULL, 'a')")
		w.exec("UPDATE article SET original = NULL, banner = 'a' WHERE id = 1")
		w.exec("DELETE FROM article")
		w.wantRows("pending a")
		w.want("blank.png o")
	})
}

// Values that mean no file, and spellings of names.
func TestNames(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("d/a", "b")
		for _, name := range []string{"", ".", "..", "/", "../../", "C:/a", ".filecleangen", "./.filecleangen", `C:\a`} {
			w.exec("INSERT INTO scan (id, file) VALUES (1, ?)", name)
			w.exec("DELETE FROM scan")
			w.wantRows()
		}
		for _, name := range []string{"d/a", "/d/a", "./d/a", "d//a", `d\a`, "d/./a", "x/../d/a", "../d/a", `\d\a`, "d/a/", "d/x/y/../../a", "d/a/."} {
			w.exec("INSERT INTO scan (id, file) VALUES (1, 'b')")
			w.exec("UPDATE scan SET file = ?", name)
			w.exec("UPDATE scan SET file = 'd/a'") // the same
			w.exec("UPDATE scan SET file = ?", name)
			w.exec("DELETE FROM scan")
			w.wantRows("pending b", "pending d/a")
			w.exec("DELETE FROM filecleangen_outbox")
		}
		for _, value := range []string{"d/a", "/d/a", "d/a?v=1", "d/a#top?", "d%2fa", "%64/%61", "%64%2f%61", "d%2Fa#x?y"} {
			w.exec("INSERT INTO article (id, link) VALUES (1, ?)", "https://cdn.example/"+value)
			w.exec("DELETE FROM article")
			w.wantRows("pending d/a")
			w.exec("DELETE FROM filecleangen_outbox")
		}
		for value, want := range map[string]string{"100%": "pending 100%", "a%zz": "pending a%zz", "%4": "pending %4", "%C3%A4ö": "pending äö", "a%41%4": "pending a%41%4"} {
			w.exec("INSERT INTO article (id, link) VALUES (1, ?)", "https://cdn.example/"+value)
			w.exec("DELETE FROM article")
			w.wantRows(want)
			w.exec("DELETE FROM filecleangen_outbox")
		}
		for _, value := range []string{"d/a", "http://cdn.example/d/a", "", "https://cdn.example/", "https://cdn.example/?"} {
			w.exec("INSERT INTO article (id, link) VALUES (1, ?)", value)
			w.exec("DELETE FROM article")
			w.wantRows()
		}
	})
}

// Collations don't matter: names that differ in case are two.
func TestCase(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("A", "a")
		w.exec("INSERT INTO article (id, cover) VALUES (1, 'a')")
		w.exec("UPDATE article SET cover = 'A'")
		w.wantRows("pending a")
		w.want("A")
	})
}

func TestDocuments(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		list := func(sqlite, postgres string) string {
			return map[references.Dialect]string{references.SQLite: sqlite, references.PostgreSQL: postgres, references.MySQL: sqlite}[d]
		}
		w.write("p1", "p2", "key", "x", "y", `q"ü`, "in")
		w.exec("INSERT INTO article (id, pages, photos) VALUES (1, ?, ?)", list(`["p1","p2"]`, "{p1,p2}"), `[{"key":"x"},{"key":{"deep":["y",{"z":"q\"\u00fc"}]}},"[\"in\"]", 7, null]`)
		w.want(`in key p1 p2 q"ü x y`)
		w.exec("UPDATE article SET pages = ?", list(`["p2"]`, "{p2}"))
		w.wantRows("pending p1")
		w.exec("UPDATE article SET photos = ?", `{"a":"y","b":"in"}`)
		w.want("in key p2 y")
		w.exec("DELETE FROM article")
		w.want("key")
	})
}

// A document that can't be parsed fails nobody's statement, and what it names is taken.
func TestBadDocument(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		w.exec("CREATE TABLE article (id bigint PRIMARY KEY, photos text)")
		photos := &runtime.Type{Name: "models.Article", Package: "example.com/shop/models", Fields: article.Fields[4:5]}
		w.open(references.Table(photos, "article", references.Columns{"Photos[].File": {Form: references.JSON}}), references.NotStored(article, scan),
			references.Func("media", nobody), references.Func("cdn", nobody))
		w.must(w.box.InstallTriggers(t.Context()))
		w.upload("media", "a")
		w.exec(`INSERT INTO article (id, photos) VALUES (1, '{"a": "a", "b": tru')`)
		w.wantRows("pending a")
		w.exec("UPDATE article SET photos = '[\"a\"]'")
		w.exec("UPDATE article SET photos = '[\"a\" 1]'")
		w.want("a")
		w.exec("DELETE FROM article")
		w.wantRows()
		w.exec(`INSERT INTO article (id, photos) VALUES (1, '["a"]'), (2, ''), (3, NULL), (4, 'x')`)
		w.exec("DELETE FROM article")
		w.want("")
		if err := w.try(`INSERT INTO article (id, photos) VALUES (1, '["a" 1]')`); !outbox.IsGone(err) {
			t.Error(err)
		}
	})
}

// nobody is a function that knows of no row.
func nobody(context.Context, references.Queryer, string, []string) ([]string, error) { return nil, nil }
