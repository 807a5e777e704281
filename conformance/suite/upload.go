package suite

import (
	"strings"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
)

// Files that are uploaded for a transaction.
var uploadStories = []story{
	{name: "C23 names that are taken", tell: func(w *World) {
		w.stay("f1.png", "f2.png")
		cover := w.uploadNear("f1.png", func(tx Tx, name string) error { return tx.Insert(&models.Article{ID: 1, Cover: name}) })
		w.check()
		w.want("1 cover=" + cover)
		cover = w.uploadNear("f2.png", func(tx Tx, name string) error {
			return changeIn(tx, 1, func(a *models.Article) { a.Cover = name })
		})
		w.check()
		w.want("1 cover=" + cover)
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.want()
	}},
	{name: "C23 the name of the file that is replaced", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "f1.png"})
		cover := w.uploadNear("f1.png", func(tx Tx, name string) error {
			return changeIn(tx, 1, func(a *models.Article) { a.Cover = name })
		})
		w.want("1 cover=" + cover)
	}},
	{name: "one that no row names", tell: func(w *World) {
		w.commit(func(tx Tx) error { return tx.Insert(&models.Article{ID: 1, Cover: "n"}) }, "n", "unused")
		w.want("1 cover=n")
	}},
	{name: "in a directory", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "covers/1/p"})
		w.change(1, func(a *models.Article) { a.Cover = "covers/2/n" }, "covers/2/n")
		w.want("1 cover=covers/2/n")
	}},
}

// uploadNear uploads a file under a name that is taken, in a transaction that is
// committed, and returns the name that it got.
func (w *World) uploadNear(taken string, f func(tx Tx, name string) error) (name string) {
	w.T.Helper()
	w.Must(w.layer.InTx(w.T.Context(), []string{taken}, func(tx Tx, names []string) error {
		name = names[0]
		return f(tx, name)
	}))
	stem, _, _ := strings.Cut(taken, ".")
	if !strings.HasPrefix(name, stem+"_") || !strings.HasSuffix(name, ".png") {
		w.T.Errorf("the upload is called %s", name)
	}
	return name
}
