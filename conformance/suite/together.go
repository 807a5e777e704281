package suite

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/runtime"
)

// Transactions that run at the same time and write the same rows.
var togetherStories = []story{
	{name: "together", tell: func(w *World) {
		w.reported = append([]runtime.Cause{runtime.UsedElsewhere}, unknown...)
		for id := range int64(rowsTogether) {
			w.given(&models.Article{ID: 1 + id, Cover: fmt.Sprint("cover", id), Base: banner(fmt.Sprint("banner", id))})
		}
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for turn := range 2 * len(together) {
					w.insist(fmt.Sprintf("n%d-%d", worker, turn), together[(worker+turn)%len(together)], int64(1+(worker+turn*turn)%rowsTogether))
				}
			})
		}
		wg.Wait()
		if n := len(w.articles()); n != rowsTogether {
			w.T.Errorf("%d rows", n)
		}
	}},
}

const rowsTogether = 3

// together is what is done to rows at the same time. An upload is there to be named.
var together = []func(tx Tx, id int64, upload string) error{
	func(tx Tx, id int64, upload string) error {
		return changeIn(tx, id, func(a *models.Article) { a.Cover = upload })
	},
	func(tx Tx, id int64, upload string) error {
		return changeIn(tx, id, func(a *models.Article) { a.Cover, a.Banner = upload, new(a.Cover) })
	},
	func(tx Tx, id int64, upload string) error { // without having been read
		return tx.Save(&models.Article{ID: id, Cover: upload})
	},
	func(tx Tx, id int64, upload string) error { // deleted and created again
		a, err := tx.Load(id)
		if err != nil {
			return err
		}
		a.Pages = append(a.Pages, upload)
		return first(
			func() error { return tx.Delete(a) },
			func() error { return tx.Insert(a) },
		)
	},
	func(tx Tx, id int64, upload string) error { // handed over to the next row
		a, err := tx.Load(id)
		if err != nil {
			return err
		}
		return first(
			func() error {
				return changeIn(tx, 1+id%rowsTogether, func(next *models.Article) { next.Cover = a.Cover })
			},
			func() error {
				a.Cover = upload
				return tx.Save(a)
			},
		)
	},
}

// insist runs a transaction until others let it, with a new upload each time.
func (w *World) insist(upload string, do func(tx Tx, id int64, upload string) error, id int64) {
	for try := range 100 {
		name := fmt.Sprintf("%s-%d", upload, try)
		err := w.inTx(func(tx Tx) error { return do(tx, id, name) }, name)
		if err == nil {
			return
		}
		if !w.harmless(err) {
			w.T.Error(err)
			return
		}
	}
	w.T.Errorf("%s: others never let it", upload)
}

// harmless reports whether an error says that transactions were in each other's
// way.
func (w *World) harmless(err error) bool {
	return databases.Refused(err) || errors.Is(err, sql.ErrNoRows) || w.isGone(err)
}
