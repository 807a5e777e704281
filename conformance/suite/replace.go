package suite

import (
	"encoding/json"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
)

// Rows that come to name other files. C8 is every story: the table and a column have
// names that were given by hand.
var replaceStories = []story{
	{name: "C1 C31 read again in place", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"})
		w.change(1, func(a *models.Article) { a.Cover = "n" }, "n")
		w.change(1, func(a *models.Article) { a.Cover, a.Pages = "m", []string{"x"} }, "m", "x")
		w.commit(func(tx Tx) error {
			a, err := tx.Load(1)
			if err != nil {
				return err
			}
			a.Cover, a.Pages[0] = "edited", "edited"
			again, err := tx.Load(1)
			if err != nil {
				return err
			}
			*a = *again
			a.Pages[0] = "y"
			return tx.Save(a)
		}, "y")
		w.want("1 cover=m pages=y")
	}},
	{name: "C2 E25 made by hand, over a key", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "t", Cover: "p", Base: banner("q"), Pages: []string{"x"}})
		w.commit(func(tx Tx) error { return tx.Save(&models.Article{ID: 1, Cover: "n"}) }, "n")
		w.want("1 cover=n")
	}},
	{name: "C3 stored between load and save", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Pages: []string{"x"}})
		var text []byte
		w.commit(func(tx Tx) error {
			a, err := tx.Load(1)
			if err == nil {
				text, err = json.Marshal(a)
			}
			return err
		})
		a := &models.Article{}
		w.Must(json.Unmarshal(text, a))
		a.Cover = "n"
		w.commit(func(tx Tx) error { return tx.Save(a) }, "n")
		w.want("1 cover=n pages=x")
	}},
	{name: "C4 another", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.change(1, func(a *models.Article) { a.Cover, a.Banner = "n", new("m") }, "n", "m")
		w.want("1 cover=n banner=m")
	}},
	{name: "C5 emptied", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Pages: []string{"x"}})
		w.change(1, func(a *models.Article) { a.Cover, a.Pages = "", []string{} })
		w.want("1")
	}},
	{name: "C6 nil", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q"), Pages: []string{"x"}})
		w.change(1, func(a *models.Article) { a.Banner, a.Pages = nil, nil })
		w.want("1 cover=p")
	}},
	{name: "C7 by a second type", needs: []Ability{SecondTypes}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.commit(func(tx Tx) error { return tx.SaveShort(&models.Short{ID: 1, Cover: "n"}) }, "n")
		w.want("1 cover=n banner=q")
	}},
	{name: "C9 E8 not read, then set", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "t", Cover: "p", Base: banner("q"), Pages: []string{"x", "y"}})
		w.commit(func(tx Tx) error { return tx.Update(&models.Article{ID: 1, Cover: "n"}, models.Cover) }, "n")
		w.want("1 title=t cover=n banner=q pages=x,y")
		w.commit(func(tx Tx) error {
			return tx.Update(&models.Article{ID: 1, Pages: []string{"y", "z"}, Base: banner("m")}, models.Pages, models.Banner)
		}, "z", "m")
		w.want("1 title=t cover=n banner=m pages=y,z")
	}},
	{name: "made by hand, for one column", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "t", Cover: "p", Base: banner("q"), Pages: []string{"x"}})
		w.commit(func(tx Tx) error { return tx.Update(&models.Article{ID: 1, Title: "new"}, models.Title) })
		w.want("1 title=new cover=p banner=q pages=x")
	}},
	{name: "C12 defaults", tell: func(w *World) {
		w.stay(defaultCover, computedDefault)
		w.given(&models.Article{ID: 1, Cover: defaultCover, Base: banner(computedDefault)})
		w.change(1, func(a *models.Article) { a.Cover, a.Banner = "n", new("m") }, "n", "m")
		w.want("1 cover=n banner=m")
		w.change(1, func(a *models.Article) { a.Cover, a.Banner = defaultCover, new(computedDefault) })
		w.want("1 cover=blank.png banner=computed.png")
	}},
	{name: "E1 another column first", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a"})
		w.commit(func(tx Tx) error {
			a, err := tx.Load(1)
			if err != nil {
				return err
			}
			a.Title, a.Cover = "t", "b"
			return first(
				func() error { return tx.Update(a, models.Title) },
				func() error { return tx.Save(a) },
			)
		}, "b")
		w.want("1 title=t cover=b")
	}},
	{name: "E8b saved unchanged", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "t", Cover: "p", Base: banner("q"), Pages: []string{"x", "y"}})
		w.change(1, func(*models.Article) {})
		w.want("1 title=t cover=p banner=q pages=x,y")
	}},
	{name: "a list that changes", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Pages: []string{"x", "y", "z"}})
		w.change(1, func(a *models.Article) { a.Pages = []string{"z", "n", "x"} }, "n")
		w.want("1 pages=z,n,x")
	}},
	{name: "A to B to A", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a"})
		w.commit(func(tx Tx) error {
			return first(
				func() error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "b" }) },
				func() error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "a" }) },
			)
		}, "b")
		w.want("1 cover=a")
	}},
	{name: "A to B to C", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a"})
		w.commit(func(tx Tx) error {
			return first(
				func() error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "b" }) },
				func() error { return changeIn(tx, 1, func(a *models.Article) { a.Cover = "c" }) },
			)
		}, "b", "c")
		w.want("1 cover=c")
	}},
	{name: "created", tell: func(w *World) {
		w.commit(func(tx Tx) error {
			return tx.Insert(&models.Article{ID: 1, Cover: "n", Base: banner("m"), Pages: []string{"x", "y"}})
		}, "n", "m", "x", "y")
		w.want("1 cover=n banner=m pages=x,y")
	}},
}

// defaultCover is the default in a tag, and computedDefault one that policy computes.
const (
	defaultCover    = "blank.png"
	computedDefault = "computed.png"
)

func banner(name string) models.Base { return models.Base{Banner: &name} }
