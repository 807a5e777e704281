package suite

import (
	"github.com/filecleangen/filecleangen/conformance/suite/models"
)

// Rows that others have changed since they were read.
var staleStories = []story{
	{name: "E21 another process", tell: func(w *World) {
		if !w.triggers {
			w.stay("a") // which is that process's business
		}
		w.given(&models.Article{ID: 1, Cover: "a"})
		w.exec("UPDATE article SET img_path = 'b' WHERE id = 1")
		w.write("b")
		w.change(1, func(a *models.Article) { a.Cover = "c" }, "c")
		w.want("1 cover=c")
	}},
	{name: "E22 a stale record", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a", Base: banner("q")})
		var stale *models.Article
		w.commit(func(tx Tx) (err error) {
			stale, err = tx.Load(1)
			return err
		})
		w.change(1, func(a *models.Article) { a.Cover = "b" }, "b")
		w.commit(func(tx Tx) error { return tx.Save(stale) })
		w.want("1 cover=a banner=q")
		if w.inMemory() {
			w.dangling["a"] = true
		}
	}},
	{name: "no row", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"})
		w.commit(func(tx Tx) error { return tx.Delete(&models.Article{ID: 99, Cover: "p"}) })
		w.want("1 cover=p")
	}},
	{name: "no row to update", tell: func(w *World) {
		w.unsure = true
		w.given(&models.Article{ID: 1, Cover: "p"})
		w.commit(func(tx Tx) error { return tx.Update(&models.Article{ID: 99, Cover: "n"}, models.Cover) }, "n")
		w.want("1 cover=p")
	}},
	{name: "no row that is as it was", tell: func(w *World) {
		w.unsure = true
		w.given(&models.Article{ID: 1, Title: "new", Cover: "p", Base: banner("q"), Pages: []string{"x"}})
		w.commit(func(tx Tx) error { return tx.SaveIf("old", &models.Article{ID: 1, Cover: "n"}) }, "n")
		w.want("1 title=new cover=p banner=q pages=x")
		w.commit(func(tx Tx) error { return tx.SaveIf("new", &models.Article{ID: 1, Cover: "m"}) }, "m")
		w.want("1 cover=m")
	}},
}
