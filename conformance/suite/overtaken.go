package suite

import (
	"context"
	"time"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Writes that wait for another transaction to end, and find that rows are not as
// they were when they began.
var overtakenStories = []story{
	overtaken("the row was changed", nil,
		func(tx Tx) error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "m" }) },
		func(tx Tx) error { return tx.Save(&models.Article{ID: 1, Title: "old", Cover: "n"}) }),
	overtaken("the row was deleted", nil,
		func(tx Tx) error { return deleteIn(tx, 1) },
		func(tx Tx) error { return tx.Delete(&models.Article{ID: 1}) }),
	overtaken("the row was made anew, save", nil, anew,
		func(tx Tx) error { return tx.Save(&models.Article{ID: 1, Title: "old", Cover: "n"}) }),
	overtaken("the row was made anew, delete", nil, anew,
		func(tx Tx) error { return tx.Delete(&models.Article{ID: 1}) }),
	overtaken("the row was made anew, upsert", []Ability{Upserts}, anew,
		func(tx Tx) error { return tx.Upsert(&models.Article{ID: 1, Title: "old", Cover: "n"}) }),
	overtaken("another row matches, update", []Ability{BulkStatements}, another,
		func(tx Tx) error { return tx.UpdateWhere("old", &models.Article{Cover: "n"}, models.Cover) }),
	overtaken("another row matches, delete", []Ability{BulkStatements}, another,
		func(tx Tx) error { return tx.DeleteWhere("old") }),
}

func anew(tx Tx) error {
	return first(
		func() error { return deleteIn(tx, 1) },
		func() error { return tx.Insert(&models.Article{ID: 1, Title: "old", Cover: "m"}) },
	)
}

func another(tx Tx) error {
	return first(
		func() error { _, err := tx.Load(1); return err },
		func() error { return tx.Insert(&models.Article{ID: 2, Title: "old", Cover: "m"}) },
	)
}

// overtaken is a story of a write that waits until another transaction, which locks
// the row of article 1, is committed. There are uploads: m for that one, n for the
// one that waits.
func overtaken(name string, needs []Ability, winner, waits func(tx Tx) error) story {
	return story{name: "overtaken: " + name, needs: needs, servers: true, tell: func(w *World) {
		w.reported = append([]runtime.Cause{runtime.UsedElsewhere}, unknown...)
		w.given(&models.Article{ID: 1, Title: "old", Cover: "p"})
		over := make(chan error, 1)
		w.commit(func(tx Tx) error {
			if err := winner(tx); err != nil {
				return err
			}
			go func() { over <- w.inTx(waits, "n") }()
			w.untilWaiting(over)
			return nil
		}, "m")
		if err := <-over; err != nil && !w.harmless(err) {
			w.T.Error(err)
		}
	}}
}

// untilWaiting returns when a transaction waits for the rows of articles, or when it
// is over. On MariaDB it returns when a statement about articles is under way, which
// is the one that waits: the table that says who waits is 100 ms old there, and older
// if it is read often.
func (w *World) untilWaiting(over chan error) {
	w.T.Helper()
	query := map[references.Dialect]string{
		references.PostgreSQL: "SELECT count(*) FROM pg_locks waits JOIN pg_locks has USING (pid) WHERE NOT waits.granted AND has.relation = 'article'::regclass",
		references.MySQL:      "SELECT count(*) FROM information_schema.PROCESSLIST WHERE db = database() AND id <> connection_id() AND command <> 'Sleep' AND info LIKE '%article%'",
	}[w.Dialect]
	ctx, cancel := context.WithTimeout(w.T.Context(), 10*time.Second)
	defer cancel()
	for len(over) == 0 {
		var n int
		w.Must(w.DB.QueryRowContext(ctx, query).Scan(&n))
		if n > 0 {
			return
		}
	}
}
