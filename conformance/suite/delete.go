package suite

import (
	"strings"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/runtime"
)

// Rows that are deleted. C16 is every story: the table and a column have names that
// were given by hand.
var deleteStories = []story{
	{name: "C10 deleted", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q"), Pages: []string{"x", "y"}}, &models.Article{ID: 2, Cover: "r"})
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.want("2 cover=r")
	}},
	{name: "C11 defaults", tell: func(w *World) {
		w.stay(defaultCover, computedDefault)
		w.given(&models.Article{ID: 1, Cover: defaultCover, Base: banner(computedDefault), Pages: []string{"x"}})
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.want()
	}},
	{name: "C15 by a second type", needs: []Ability{SecondTypes}, tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"})
		w.commit(func(tx Tx) error { return tx.DeleteShort(&models.Short{ID: 1, Cover: "p"}) })
		w.want()
	}},
	{name: "C17 read in part", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q"), Pages: []string{"x", "y"}})
		w.commit(func(tx Tx) error { return tx.Delete(&models.Article{ID: 1, Cover: "p"}) })
		w.want()
	}},
	{name: "C18 C20 without a file", tell: func(w *World) {
		w.given(&models.Article{ID: 1}, &models.Article{ID: 2, Base: banner("")})
		w.commit(func(tx Tx) error {
			return first(
				func() error { return deleteIn(tx, 1) },
				func() error { return deleteIn(tx, 2) },
			)
		})
		w.settle()
		if n := w.media.calls.Load(); n > 0 {
			w.T.Errorf("the storage was asked %d times", n)
		}
		w.want()
	}},
	{name: "C19 a file that is missing", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.remove("p")
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.settle()
		if told := w.events.of("p"); len(told) != 1 || told[0].Status != runtime.Missing || told[0].Err != nil {
			w.T.Errorf("%+v", told)
		}
		if log := w.logs.String(); strings.Contains(log, "level=ERROR") {
			w.T.Errorf("an error was logged:\n%s", log)
		}
		w.want()
	}},
	{name: "C22 with its parts", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.exec("INSERT INTO part (id, article_id, file) VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'z')")
		w.write("x", "y", "z")
		w.commit(func(tx Tx) error { return tx.DeleteWithParts(1) })
		w.want("2 cover=q")
	}},
	{name: "E2 with the name of another row, unsaved", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "a"}, &models.Article{ID: 2, Cover: "b"})
		w.commit(func(tx Tx) error {
			a, err := tx.Load(1)
			if err != nil {
				return err
			}
			a.Cover = "b"
			return tx.Delete(a)
		})
		w.want("2 cover=b")
	}},
	{name: "E13 a field of a parent", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.settle()
		for _, name := range []string{"p", "q"} {
			if told := w.events.of(name); len(told) != 1 {
				w.T.Errorf("%s: %+v", name, told)
			}
		}
		w.want()
	}},
	{name: "E19 E19b by key only", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Title: "t", Cover: "p", Base: banner("q"), Pages: []string{"x"}})
		w.commit(func(tx Tx) error { return tx.Delete(&models.Article{ID: 1}) })
		w.want()
	}},
	{name: "deleted and created again", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.commit(func(tx Tx) error {
			return first(
				func() error { return deleteIn(tx, 1) },
				func() error { return tx.Insert(&models.Article{ID: 1, Cover: "p"}) },
			)
		})
		w.want("1 cover=p")
	}},
	{name: "created and deleted", tell: func(w *World) {
		w.commit(func(tx Tx) error {
			return first(
				func() error { return tx.Insert(&models.Article{ID: 1, Cover: "n"}) },
				func() error { return deleteIn(tx, 1) },
			)
		}, "n")
		w.want()
	}},
}

// deleteIn loads an article and deletes it.
func deleteIn(tx Tx, id int64) error {
	a, err := tx.Load(id)
	if err != nil {
		return err
	}
	return tx.Delete(a)
}
