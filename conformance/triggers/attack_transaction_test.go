package triggers_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/references"
)

// Statements of one transaction.
func TestOneTransaction(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		ignore := map[references.Dialect]string{references.SQLite: "INSERT INTO scan (id, file) VALUES (1, 'gone') ON CONFLICT DO NOTHING", references.PostgreSQL: "INSERT INTO scan (id, file) VALUES (1, 'gone') ON CONFLICT DO NOTHING", references.MySQL: "INSERT IGNORE INTO scan (id, file) VALUES (1, 'gone')"}[d]
		whole := newWorld(t, d)
		for name, c := range map[string]struct {
			want       string
			statements []string
		}{
			"released and taken":      {"a b", []string{"DELETE FROM scan", "INSERT INTO scan (id, file) VALUES (2, 'a')"}},
			"taken and released":      {"a", []string{"INSERT INTO scan (id, file) VALUES (2, 'b')", "DELETE FROM scan WHERE id = 2"}},
			"there and back":          {"a", []string{"UPDATE scan SET file = 'b'", "UPDATE scan SET file = 'a'"}},
			"savepoint":               {"b", []string{"SAVEPOINT s", "UPDATE scan SET file = 'b'", "ROLLBACK TO SAVEPOINT s", "DELETE FROM scan"}},
			"savepoint of a release":  {"a b", []string{"SAVEPOINT s", "DELETE FROM scan", "ROLLBACK TO SAVEPOINT s", "UPDATE scan SET id = 3"}},
			"savepoint in between":    {"b", []string{"UPDATE scan SET file = 'b'", "SAVEPOINT s", "UPDATE scan SET file = 'a'", "ROLLBACK TO SAVEPOINT s"}},
			"between tables":          {"a b", []string{"INSERT INTO article (id, cover) VALUES (1, 'a')", "DELETE FROM scan"}},
			"between tables, late":    {"a b", []string{"DELETE FROM scan", "INSERT INTO article (id, banner) VALUES (1, 'a')"}},
			"no row":                  {"a b", []string{"UPDATE scan SET file = 'gone' WHERE false", "DELETE FROM scan WHERE id = 9"}},
			"an insert that does not": {"a b", []string{ignore}},
			"another row":             {"a", []string{"INSERT INTO scan (id, file) VALUES (2, 'b'), (3, 'a')", "DELETE FROM scan WHERE id = 1", "UPDATE scan SET file = 'a'"}},
			"NULL and back":           {"a b", []string{"UPDATE scan SET file = NULL", "UPDATE scan SET file = ''", "UPDATE scan SET file = 'a'"}},
			"all":                     {"b", []string{"UPDATE scan SET file = 'b'", "INSERT INTO scan (id, file) VALUES (2, 'a')", "UPDATE scan SET file = 'b' WHERE id = 2"}},
		} {
			t.Run(name, func(t *testing.T) {
				w := *whole
				w.t = t
				for _, table := range []string{"scan", "article", "filecleangen_outbox"} {
					w.exec("DELETE FROM " + table)
				}
				w.write("a", "b")
				w.exec("INSERT INTO scan (id, file) VALUES (1, 'a')")
				w.exec("INSERT INTO filecleangen_outbox (storage, name, state, gone_at) VALUES ('media', 'gone', 'gone', 1)")
				w.in(false, c.statements...)
				w.want("a b")
				w.wantRows()
				w.in(true, c.statements...)
				w.want(c.want)
				w.wantRows()
			})
		}
	})
}
