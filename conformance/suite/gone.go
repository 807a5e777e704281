package suite

import (
	"errors"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Transactions that come to name a file which is being deleted: the layer refuses.
var goneStories = []story{
	gone("insert", nil, func(tx Tx) error { return tx.Insert(&models.Article{ID: 3, Cover: "p"}) }),
	gone("save", nil, func(tx Tx) error { return tx.Save(&models.Article{ID: 2, Pages: []string{"p"}}) }),
	gone("update", nil, func(tx Tx) error {
		return tx.Update(&models.Article{ID: 2, Cover: "p"}, models.Cover)
	}),
	gone("bulk update", []Ability{BulkStatements}, func(tx Tx) error {
		return tx.UpdateWhere("t", &models.Article{Base: banner("p")}, models.Banner)
	}),
	gone("upsert over a key", []Ability{Upserts}, func(tx Tx) error { return tx.Upsert(&models.Article{ID: 2, Cover: "p"}) }),
	gone("upsert of a new row", []Ability{Upserts}, func(tx Tx) error { return tx.Upsert(&models.Article{ID: 3, Cover: "p"}) }),
}

// gone is a story of a write that names the file p.
func gone(name string, needs []Ability, write func(tx Tx) error) story {
	return story{name: "gone, " + name, needs: needs, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Title: "t", Cover: "q"})
		if err := w.whileDeleted(1, write); !w.isGone(err) {
			w.T.Errorf("the error is %v", err)
		}
		w.want("1", "2 title=t cover=q")
	}}
}

// isGone reports whether an error says that a file is being deleted. Where nobody calls
// the outbox, it is the database that says so.
func (w *World) isGone(err error) bool {
	if w.triggers {
		return outbox.IsGone(err)
	}
	return errors.Is(err, runtime.ErrGone)
}

// whileDeleted runs a transaction when the cover of an article is being deleted, or
// has been since the transaction began.
func (w *World) whileDeleted(id int64, do func(tx Tx) error) error {
	w.T.Helper()
	letGo := func() { w.change(id, func(a *models.Article) { a.Cover = "" }) }
	if w.inMemory() {
		if w.Dialect == references.SQLite {
			w.T.Skip("a transaction waits for the other there")
		}
		return w.inTx(func(tx Tx) error {
			letGo()
			return do(tx)
		})
	}
	letGo()
	w.exec("UPDATE filecleangen_outbox SET state = 'deleting', not_before = not_before + 100000 WHERE state = 'pending'")
	defer w.exec("UPDATE filecleangen_outbox SET not_before = 0 WHERE state = 'deleting'")
	return w.inTx(do)
}
