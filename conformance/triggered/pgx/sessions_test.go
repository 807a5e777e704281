package pgx_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// COPY fires triggers, and a batch of pgx is statements as any.
func TestCopy(t *testing.T) {
	suite.RunWith(t, func(w *suite.World, box *outbox.Outbox) {
		ctx, pool := w.T.Context(), open(w)
		names, discard, err := suite.Upload(ctx, box, []string{"a", "b", "c", "d"})
		w.Must(err)
		_, err = pool.CopyFrom(ctx, pgx.Identifier{"article"}, []string{"id", "title", "img_path"}, pgx.CopyFromRows([][]any{{1, "", names[0]}, {2, "", names[1]}}))
		w.Must(err)
		var batch pgx.Batch
		batch.Queue("UPDATE article SET img_path = $1 WHERE id = 1", names[2])
		batch.Queue("DELETE FROM article WHERE id = 2")
		w.Must(pool.SendBatch(ctx, &batch).Close())
		discard()
		_, err = pool.CopyFrom(ctx, pgx.Identifier{"article"}, []string{"id", "title", "img_path"}, pgx.CopyFromRows([][]any{{3, "", "a"}}))
		w.Must(err) // a waits for the relay, and is taken again
	}, references.PostgreSQL)
}

// A session that fires no triggers tells nobody what it does. Files that its rows named
// stay; files that its rows have come to name stay, too, since the relay asks the rows.
func TestReplicaRole(t *testing.T) {
	suite.RunWith(t, func(w *suite.World, _ *outbox.Outbox) {
		w.Given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"}, &models.Article{ID: 3})
		w.Stay("p")
		_, err := w.DB.ExecContext(w.T.Context(), "DELETE FROM article WHERE id = 2") // q waits for the relay
		w.Must(err)
		tx, err := w.DB.BeginTx(w.T.Context(), nil)
		w.Must(err)
		defer tx.Rollback()
		for _, statement := range []string{"SET LOCAL session_replication_role = replica", "DELETE FROM article WHERE id = 1", "UPDATE article SET img_path = 'q' WHERE id = 3"} {
			_, err := tx.ExecContext(w.T.Context(), statement)
			w.Must(err)
		}
		w.Must(tx.Commit())
	}, references.PostgreSQL)
}
