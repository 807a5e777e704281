package rawsql_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// A table may get another name. A column may on SQLite, which keeps it from being dropped;
// on PostgreSQL statements fail until the triggers are of the same mind: nothing is done
// unseen.
func TestRename(t *testing.T) {
	suite.RunWith(t, func(w *suite.World, box *outbox.Outbox) {
		w.Given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"}, &models.Article{ID: 3, Cover: "r"})
		try := func(statement string) error {
			_, err := w.DB.ExecContext(w.T.Context(), statement)
			return err
		}
		w.Must(try("ALTER TABLE article RENAME TO posts"))
		w.Must(try("UPDATE posts SET img_path = '' WHERE id = 1"))
		w.Must(try("ALTER TABLE posts RENAME TO article"))

		fails := w.Dialect == references.PostgreSQL
		w.Must(try("ALTER TABLE article RENAME COLUMN banner TO flag"))
		if err := try("UPDATE article SET img_path = '' WHERE id = 2"); (err != nil) != fails {
			w.T.Error(err)
		}
		w.Must(try("ALTER TABLE article RENAME COLUMN flag TO banner"))
		w.Must(try("UPDATE article SET img_path = '' WHERE id = 2"))

		if err := try("ALTER TABLE article DROP COLUMN banner"); (err == nil) != fails {
			w.T.Error(err)
		}
		if !fails {
			return
		}
		if try("DELETE FROM article WHERE id = 3") == nil {
			w.T.Error("deleted")
		}
		w.Must(try("ALTER TABLE article ADD COLUMN banner text"))
		w.Must(box.InstallTriggers(w.T.Context()))
	}, references.SQLite, references.PostgreSQL)
}
