package suite

import "github.com/filecleangen/filecleangen/conformance/suite/models"

// Statements that write many rows, or rows of which it is not known whether they are
// there.
var bulkStories = []story{
	{name: "E9 E10 F8 bulk update", needs: []Ability{BulkStatements}, tell: func(w *World) {
		w.given(
			&models.Article{ID: 1, Title: "old", Cover: "p", Base: banner("u")},
			&models.Article{ID: 2, Title: "old", Cover: "q", Pages: []string{"x"}},
			&models.Article{ID: 3, Title: "new", Cover: "r"},
		)
		w.commit(func(tx Tx) error { return tx.UpdateWhere("old", &models.Article{Cover: "n"}, models.Cover) }, "n")
		w.want("1 title=old cover=n banner=u", "2 title=old cover=n pages=x", "3 title=new cover=r")
	}},
	{name: "bulk update of the condition", needs: []Ability{BulkStatements}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "old", Cover: "p", Pages: []string{"x"}}, &models.Article{ID: 2, Title: "old", Base: banner("q")})
		w.commit(func(tx Tx) error {
			return tx.UpdateWhere("old", &models.Article{Title: "new", Pages: []string{"y"}}, models.Title, models.Cover, models.Banner, models.Pages)
		}, "y")
		w.want("1 title=new pages=y", "2 title=new pages=y")
	}},
	{name: "bulk update of no row", needs: []Ability{BulkStatements}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "new", Cover: "p"})
		w.commit(func(tx Tx) error { return tx.UpdateWhere("old", &models.Article{}, models.Cover) })
		w.want("1 title=new cover=p")
	}},
	{name: "bulk update of rows that share a file", needs: []Ability{BulkStatements}, tell: func(w *World) {
		w.rowsShare()
		w.given(
			&models.Article{ID: 1, Title: "old", Cover: "p"},
			&models.Article{ID: 2, Title: "old", Cover: "p", Base: banner("q")},
			&models.Article{ID: 3, Title: "new", Cover: "q"},
		)
		w.commit(func(tx Tx) error { return tx.UpdateWhere("old", &models.Article{}, models.Cover, models.Banner) })
		w.want("1 title=old", "2 title=old", "3 title=new cover=q")
	}},
	{name: "F9 bulk delete", needs: []Ability{BulkStatements}, tell: func(w *World) {
		w.given(
			&models.Article{ID: 1, Title: "old", Cover: "p", Base: banner("u")},
			&models.Article{ID: 2, Title: "old", Cover: "q", Pages: []string{"x"}},
			&models.Article{ID: 3, Title: "new", Cover: "r"},
		)
		w.commit(func(tx Tx) error { return tx.DeleteWhere("old") })
		w.want("3 title=new cover=r")
	}},
	{name: "bulk delete of no row", needs: []Ability{BulkStatements}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "new", Cover: "p"})
		w.commit(func(tx Tx) error { return tx.DeleteWhere("old") })
		w.want("1 title=new cover=p")
	}},
	{name: "E25 upsert over a key", needs: []Ability{Upserts}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "old", Cover: "p", Base: banner("q"), Pages: []string{"x", "y"}})
		w.commit(func(tx Tx) error {
			return tx.Upsert(&models.Article{ID: 1, Title: "new", Cover: "n", Pages: []string{"y"}})
		}, "n")
		w.want("1 title=new cover=n pages=y")
	}},
	{name: "upsert of a new row", needs: []Ability{Upserts}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"})
		w.commit(func(tx Tx) error { return tx.Upsert(&models.Article{ID: 2, Cover: "n"}) }, "n")
		w.want("1 cover=p", "2 cover=n")
	}},
	{name: "upsert of what is there", needs: []Ability{Upserts}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "t", Cover: "p", Pages: []string{"x"}})
		w.commit(func(tx Tx) error {
			return tx.Upsert(&models.Article{ID: 1, Title: "t", Cover: "p", Pages: []string{"x"}})
		})
		w.want("1 title=t cover=p pages=x")
	}},
}
