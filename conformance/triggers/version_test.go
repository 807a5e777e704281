package triggers_test

import (
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/references"
)

// Triggers that were made for another version of the tables write nothing to them.
func TestOtherVersion(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("INSERT INTO article (id, cover) VALUES (1, 'a')")
		w.exec("UPDATE filecleangen_outbox_version SET version = version + 1")
		statements := []string{"INSERT INTO article (id, cover) VALUES (2, 'b')", "UPDATE article SET cover = 'c'", "UPDATE article SET cover = NULL", "DELETE FROM article"}
		if d == references.PostgreSQL {
			statements = append(statements, "TRUNCATE article CASCADE")
		}
		for _, s := range statements {
			if err := w.try(s); err == nil || !strings.Contains(err.Error(), "another version than the triggers") {
				t.Errorf("%s: %v", s, err)
			}
		}
		w.wantRows()
		w.exec("INSERT INTO article (id, title) VALUES (2, 'names no file')")
		w.exec("UPDATE article SET title = 'x'")
	})
}
