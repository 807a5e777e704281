package rawsql_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// What REPLACE removes is seen where recursive_triggers is on, and not elsewhere: the file
// stays.
func TestReplace(t *testing.T) {
	suite.RunWith(t, func(w *suite.World, _ *outbox.Outbox) {
		w.Given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.Stay("p")
		conn, err := w.DB.Conn(w.T.Context())
		w.Must(err)
		defer func() { w.Must(conn.Close()) }()
		for _, statement := range []string{
			"PRAGMA recursive_triggers = off", "REPLACE INTO article (id, title, img_path) VALUES (1, '', '')",
			"PRAGMA recursive_triggers = on", "REPLACE INTO article (id, title, img_path) VALUES (2, '', '')",
		} {
			_, err := conn.ExecContext(w.T.Context(), statement)
			w.Must(err)
		}
	}, references.SQLite)
}
