package suite

import (
	"errors"
	"fmt"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/runtime"
)

// Observers, and what they do.
var observerStories = []story{
	{name: "C24 told of", tell: func(w *World) {
		w.given(&models.Article{ID: 1, Cover: "p"})
		w.change(1, func(a *models.Article) { a.Cover = "n" }) // n never existed
		w.dangling["n"] = true
		w.settle()
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.settle()
		w.told("p updated removed", "n deleted missing")
	}},
	{name: "F4 fails", tell: func(w *World) {
		w.events.onAfter = func(runtime.Result) { panic(errors.New("observer")) }
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.change(1, func(a *models.Article) { a.Cover, a.Banner = "n", nil }, "n")
		w.want("1 cover=n")
	}},
	{name: "vetoes", tell: func(w *World) {
		w.events.onBefore = func(e runtime.Result) error {
			if e.Ref.Name == "p" {
				return errors.New("not this one")
			}
			return nil
		}
		w.stay("p")
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.want()
	}},
	{name: "C27 C28 removes a thumbnail", tell: func(w *World) {
		w.events.onAfter = func(e runtime.Result) { w.remove("thumb-" + e.Ref.Name) }
		w.given(&models.Article{ID: 1, Cover: "p"})
		w.write("thumb-p")
		w.change(1, func(a *models.Article) { a.Cover = "n" }, "n")
		w.check()
		w.write("thumb-n")
		w.commit(func(tx Tx) error { return deleteIn(tx, 1) })
		w.want()
	}},
}

// told checks what observers were told: names, reasons and what became of them.
func (w *World) told(want ...string) {
	w.T.Helper()
	e := w.events
	if len(e.before) != len(want) || len(e.after) != len(want) {
		w.T.Fatalf("told before %+v\nand after %+v", e.before, e.after)
	}
	for i, before := range e.before {
		after := e.after[i]
		if got := fmt.Sprintf("%s %s %s", after.Ref.Name, after.Reason, after.Status); got != want[i] {
			w.T.Errorf("told of %s, not %s", got, want[i])
		}
		if before.Ref != after.Ref || before.Reason != after.Reason || after.Err != nil {
			w.T.Errorf("told before %+v\nand after %+v", before, after)
		}
		if before.Type == nil || before.Field == nil || before.Field.Path != "Cover" {
			w.T.Errorf("which field? %+v", before)
		}
	}
}
