package suite

import (
	"context"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/runtime"
)

// Transactions that don't commit.
var rollbackStories = []story{
	{name: "E3 rolled back, then another", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a"})
		w.rollback(func(tx Tx) error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "b" }) }, "b")
		w.check()
		w.want("1 cover=a")
		w.change(1, func(a *models.Article) { a.Cover = "c" }, "c")
		w.want("1 cover=c")
	}},
	{name: "F5 rolled back, then deleted", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a"})
		w.rollback(func(tx Tx) error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "b" }) }, "b")
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.want()
	}},
	{name: "all kinds of writes, rolled back", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")}, &models.Article{ID: 2, Cover: "r", Pages: []string{"x"}})
		w.rollback(func(tx Tx) error {
			return first(
				func() error { return tx.Insert(&models.Article{ID: 3, Cover: "n"}) },
				func() error { return changeIn(tx, 1, func(a *models.Article) { a.Cover, a.Banner = "m", nil }) },
				func() error { return deleteIn(tx, 2) },
			)
		}, "n", "m")
		w.want("1 cover=p banner=q", "2 cover=r pages=x")
	}},
	{name: "panic", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		func() {
			defer func() {
				if got := recover(); got != "oh" {
					w.T.Errorf("recovered %v", got)
				}
			}()
			_ = w.inTx(func(tx Tx) error {
				w.Must(deleteIn(tx, 1))
				w.Must(changeIn(tx, 2, func(a *models.Article) { a.Cover = "n" }))
				panic("oh")
			}, "n")
		}()
		w.want("1 cover=p", "2 cover=q")
	}},
	{name: "the context ends", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		ctx, cancel := context.WithCancel(w.T.Context())
		defer cancel()
		err := w.layer.InTx(ctx, []string{"n"}, func(tx Tx, _ []string) error {
			w.Must(deleteIn(tx, 1))
			w.Must(changeIn(tx, 2, func(a *models.Article) { a.Cover = "n" }))
			cancel()
			return nil
		})
		if err == nil {
			w.T.Error("committed")
		}
		if w.triggers {
			// The database may have been about to roll back when the file was discarded,
			// which nobody waits for: it goes when its time is over.
			w.exec("UPDATE filecleangen_outbox SET not_before = 0 WHERE state = 'upload'")
		}
		w.want("1 cover=p", "2 cover=q")
	}},
	{name: "a statement fails", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		err := w.inTx(func(tx Tx) error {
			w.Must(deleteIn(tx, 2))
			return tx.Insert(&models.Article{ID: 1, Cover: "n"})
		}, "n")
		if err == nil {
			w.T.Error("inserted twice")
		}
		w.want("1 cover=p", "2 cover=q")
	}},
	{name: "a statement fails, and nobody cares", tell: func(w *World) {
		w.unsure = true
		w.reported = unknown
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		err := w.inTx(func(tx Tx) error {
			w.Must(changeIn(tx, 2, func(a *models.Article) { a.Cover = "m" }))
			if tx.Insert(&models.Article{ID: 1, Cover: "n"}) == nil {
				w.T.Error("inserted twice")
			}
			return nil
		}, "n", "m")
		if err == nil { // the database, or the layer, may have rolled it back
			w.want("1 cover=p", "2 cover=m")
		} else {
			w.want("1 cover=p", "2 cover=q")
		}
	}},
}

// unknown are reasons to keep in memory what a transaction let go of, or was to name,
// whose COMMIT failed: the database may do it yet.
var unknown = []runtime.Cause{runtime.UnknownOutcome, runtime.InDoubt}
