package suite

import (
	"errors"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
)

// Savepoints that are released or rolled back.
var savepointStories = []story{
	{name: "E7 rolled back", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			w.undone(tx, func() error {
				return changeIn(tx, 1, func(a *models.Article) { a.Cover = "n" })
			})
			return changeIn(tx, 2, func(a *models.Article) { a.Cover = "m" })
		}, "n", "m")
		w.want("1 cover=p", "2 cover=m")
	}},
	{name: "released", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			return tx.InSavepoint(func() error {
				w.Must(deleteIn(tx, 2))
				return changeIn(tx, 1, func(a *models.Article) { a.Cover = "n" })
			})
		}, "n")
		w.want("1 cover=n")
	}},
	{name: "F2 released, and all rolled back", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.rollback(func(tx Tx) error {
			return tx.InSavepoint(func() error {
				w.Must(deleteIn(tx, 2))
				return changeIn(tx, 1, func(a *models.Article) { a.Cover = "n" })
			})
		}, "n")
		w.want("1 cover=p", "2 cover=q")
	}},
	{name: "released in one that is rolled back", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"}, &models.Article{ID: 3, Cover: "r"})
		w.commit(func(tx Tx) error {
			w.undone(tx, func() error {
				w.Must(tx.InSavepoint(func() error { return deleteIn(tx, 1) }))
				return deleteIn(tx, 2)
			})
			return tx.InSavepoint(func() error { return deleteIn(tx, 3) })
		})
		w.want("1 cover=p", "2 cover=q")
	}},
	{name: "rolled back in one that is released", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"}, &models.Article{ID: 3, Cover: "r"})
		w.commit(func(tx Tx) error {
			return tx.InSavepoint(func() error {
				w.Must(deleteIn(tx, 1))
				w.undone(tx, func() error { return deleteIn(tx, 2) })
				return deleteIn(tx, 3)
			})
		})
		w.want("2 cover=q")
	}},
	{name: "rolled back, then done all the same", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"})
		replace := func(tx Tx) error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "n" }) }
		w.commit(func(tx Tx) error {
			w.undone(tx, func() error { return replace(tx) })
			return replace(tx)
		}, "n")
		w.want("1 cover=n")
	}},
	{name: "a file let go of before, taken up in one that is rolled back", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			w.Must(changeIn(tx, 1, func(a *models.Article) { a.Cover = "" }))
			w.undone(tx, func() error { return changeIn(tx, 2, func(a *models.Article) { a.Banner = new("p") }) })
			return nil
		})
		w.want("1", "2 cover=q")
	}},
	{name: "a file taken up before, let go of in one that is rolled back", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			w.Must(changeIn(tx, 2, func(a *models.Article) { a.Banner = new("p") }))
			w.Must(deleteIn(tx, 1))
			w.undone(tx, func() error { return deleteIn(tx, 2) })
			return nil
		})
		w.want("2 cover=q banner=p")
	}},
	{name: "a statement fails in it", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"}, &models.Article{ID: 3, Cover: "r"})
		w.commit(func(tx Tx) error {
			w.Must(deleteIn(tx, 3))
			err := tx.InSavepoint(func() error {
				w.Must(deleteIn(tx, 2))
				return tx.Insert(&models.Article{ID: 1, Cover: "r"})
			})
			if err == nil {
				w.T.Error("inserted twice")
			}
			return nil
		})
		w.want("1 cover=p", "2 cover=q")
	}},
	{name: "panic in it", needs: []Ability{Savepoints}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			func() {
				defer func() {
					if got := recover(); got != "oh" {
						w.T.Errorf("recovered %v", got)
					}
				}()
				_ = tx.InSavepoint(func() error {
					w.Must(deleteIn(tx, 1))
					panic("oh")
				})
			}()
			return deleteIn(tx, 2)
		})
		w.want("1 cover=p")
	}},
}

// undone does something in a savepoint that is rolled back.
func (w *World) undone(tx Tx, f func() error) {
	w.T.Helper()
	err := tx.InSavepoint(func() error {
		if err := f(); err != nil {
			return err
		}
		return errNo
	})
	if !errors.Is(err, errNo) {
		w.T.Fatalf("the error is %v, not that of the function", err)
	}
}
