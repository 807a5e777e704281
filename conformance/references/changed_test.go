package references_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// TestChangedColumn: a column that comes to be of another type, character set or
// collation is asked as what it is.
func TestChangedColumn(t *testing.T) {
	types := map[references.Dialect][]string{
		references.SQLite:     {"text"},
		references.PostgreSQL: {"text", "varchar(100)", `varchar(100) COLLATE "und-x-icu"`, "char(100)", "text"},
		references.MySQL: {
			"varchar(100)", "varchar(100) CHARACTER SET ucs2", "varchar(100) CHARACTER SET latin1", "char(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
			"text CHARACTER SET utf16", "varchar(100) CHARACTER SET utf8mb3", "varchar(100) CHARACTER SET utf8mb4", "varbinary(100)", "blob",
		},
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		var refs *references.References
		for i, typ := range types[d] {
			switch {
			case i == 0:
				w.exec("CREATE TABLE one (id bigint PRIMARY KEY, file " + typ + ")")
				w.exec("INSERT INTO one (id, file) VALUES (1, 'é.png'), (2, 'x')")
				refs = w.references(references.Table(one, "one"))
			case d == references.PostgreSQL:
				w.exec("ALTER TABLE one ALTER COLUMN file TYPE " + typ)
			default:
				w.exec("ALTER TABLE one MODIFY file " + typ)
			}
			w.wantNamed(refs, "x é.png", "É.png", "é.png", "x", "gone")
		}
		w.exec("DROP TABLE one")
		w.wantError(refs, "one")
	})
}

// TestChangedIndex: an index that comes or goes changes no answer.
func TestChangedIndex(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		two := &runtime.Type{Name: "shop.Two", Fields: []runtime.Field{{Path: "Pages", Storage: "media", Column: "pages", Shape: runtime.List}}}
		w.exec("CREATE TABLE many (id bigint PRIMARY KEY, files jsonb, pages text[])")
		w.exec(`INSERT INTO many (id, files, pages) VALUES (1, '{"a": ["é.png", {"b": "x"}]}', ARRAY['p', 'ü'])`)
		refs := w.references(references.Table(many, "many"), references.Table(two, "many"))
		want := func() {
			t.Helper()
			w.wantNamed(refs, "p x é.png ü", "é.png", "x", "p", "ü", "a", "b", "gone")
		}
		want()
		w.exec(`CREATE INDEX doc ON many USING gin (jsonb_path_query_array(files, 'strict $.** ? (@.type() == "string")'))`)
		w.exec("CREATE INDEX arr ON many USING gin (pages)")
		want()
		refs = w.references(references.Table(many, "many"), references.Table(two, "many"))
		want()
		w.exec("DROP INDEX doc")
		w.exec("DROP INDEX arr")
		want()
		want()
	}, references.PostgreSQL)
}
