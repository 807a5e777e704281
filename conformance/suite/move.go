package suite

import "github.com/filecleangen/filecleangen/conformance/suite/models"

// Files that fields and rows share, or hand on to each other.
var moveStories = []story{
	{name: "E4 swapped", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a", Base: banner("b")})
		w.change(1, func(a *models.Article) { a.Cover, a.Banner = *a.Banner, new(a.Cover) })
		w.want("1 cover=b banner=a")
	}},
	{name: "moved to a list", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a", Pages: []string{"x"}})
		w.change(1, func(a *models.Article) { a.Cover, a.Pages = "", append(a.Pages, a.Cover) })
		w.want("1 pages=x,a")
	}},
	{name: "two fields share a file", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("p"), Pages: []string{"p", "p"}})
		w.change(1, func(a *models.Article) { a.Banner, a.Pages = nil, []string{"p"} })
		w.want("1 cover=p pages=p")
		w.change(1, func(a *models.Article) { a.Cover = "" })
		w.want("1 pages=p")
		w.change(1, func(a *models.Article) { a.Pages = nil })
		w.want("1")
	}},
	{name: "E5 handed over, then deleted", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			return first(
				func() error { return changeIn(tx, 2, func(a *models.Article) { a.Cover = "p" }) },
				func() error { return deleteIn(tx, 1) },
			)
		})
		w.want("2 cover=p")
	}},
	{name: "deleted, then handed over", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			return first(
				func() error { return deleteIn(tx, 1) },
				func() error { return changeIn(tx, 2, func(a *models.Article) { a.Cover = "p" }) },
			)
		})
		w.want("2 cover=p")
	}},
	{name: "two rows swap", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.commit(func(tx Tx) error {
			return first(
				func() error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "q" }) },
				func() error { return changeIn(tx, 2, func(a *models.Article) { a.Cover = "p" }) },
			)
		})
		w.want("1 cover=q", "2 cover=p")
	}},
	{name: "E6 copied, and the original deleted", tell: func(w *World) {
		w.rowsShare()
		w.given(&models.Article{ID: 1, Cover: "p", Pages: []string{"x"}})
		w.commit(func(tx Tx) error {
			a, err := tx.Load(1)
			if err != nil {
				return err
			}
			a.ID = 2
			return tx.Insert(a)
		})
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.check()
		w.want("2 cover=p pages=x")
		w.commit(func(tx Tx) error { return deleteIn(tx, 2) })
		w.want()
	}},
	{name: "copied, and the original changed", tell: func(w *World) {
		w.rowsShare()
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Base: banner("p")})
		w.change(1, func(a *models.Article) { a.Cover = "n" }, "n")
		w.want("1 cover=n", "2 banner=p")
		w.check()
		w.change(2, func(a *models.Article) { a.Banner = nil })
		w.want("1 cover=n", "2")
	}},
}
