package sweep_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/sweep"
)

// TestSweep: exactly the files go that no row names, and the names without a file are
// told, with their rows.
func TestSweep(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.shop()
		w.article(20, "", `[{"file":"pages/1.png"},{"deep":{"er":["pages/2.png"]}}]`)
		w.article(21, "/covers//odd.png", `["pages/bad.png`) // another spelling; no JSON
		w.article(22, "covers/nowhere.png", "[]")
		w.file("pages/1.png", "pages/2.png", "covers/odd.png", "covers/blank.png", "covers/protected.png", "pages/bad.png")
		w.fileAt(time.Now(), "covers/new.png")
		w.fileAt(time.Unix(0, 0), "covers/old.png")
		w.file("other/archive.zip", "covers/NOWHERE.png", "covers/thumbs/.filecleangen", "covers/thumbs/small/orphan.png")
		w.must(os.Symlink("0.png", filepath.Join(w.root, "covers", "link.png")))
		up, err := w.box.Create(t.Context(), "media", "covers/upload.png")
		w.must(err)
		defer up.Discard()
		w.must(up.Close())
		old := time.Now().Add(-48 * time.Hour)
		w.must(os.Chtimes(filepath.Join(w.root, "covers/upload.png"), old, old))
		w.file("covers/orphan.png", "covers/small/orphan.png", "pages/3.png")

		r := w.scan()
		want := map[sweep.Kept]int64{
			sweep.UnsafeName: 1, // the marker
			sweep.OtherRoot:  2,
			sweep.ByPolicy:   2, sweep.TooYoung: 1, sweep.UnknownAge: 1, sweep.Irregular: 1, sweep.InOutbox: 1, sweep.IsForeign: 1, sweep.OtherForm: 1,
		}
		if !maps.Equal(r.Kept, want) {
			t.Errorf("kept %v, want %v", r.Kept, want)
		}
		if got, want := r.OrphansShown, []string{"covers/orphan.png", "covers/small/orphan.png", "pages/3.png"}; !slices.Equal(got, want) || r.Orphans != 3 {
			t.Errorf("orphans are %q (%d), want %q", got, r.Orphans, want)
		}
		if len(r.DanglingShown) != 1 || r.Dangling != 1 || r.DanglingShown[0].Name != "covers/nowhere.png" {
			t.Errorf("dangling are %v", r.DanglingShown)
		} else if rows := r.DanglingShown[0].Rows; len(rows) != 1 || rows[0].Key != "22" || rows[0].Column != "cover" || !strings.Contains(rows[0].Table, "article") {
			t.Errorf("the rows of a dangling name are %v", rows)
		}
		if g := r.Foreign["other/.zip"]; g.Files != 1 || g.Example != "other/archive.zip" {
			t.Errorf("foreign are %v", r.Foreign)
		}
		w.wantThere(r.OrphansShown...)

		a, err := w.sweeper().Apply(t.Context(), w.plan)
		w.must(err)
		if a.Released != 3 {
			t.Errorf("released %+v", a)
		}
		w.wantThere(r.OrphansShown...)
		w.drain()
		w.wantGone(r.OrphansShown...)
		w.wantThere("pages/1.png", "pages/2.png", "pages/bad.png", "covers/odd.png", "covers/blank.png", "covers/protected.png", "covers/new.png", "covers/old.png",
			"other/archive.zip", "covers/NOWHERE.png", "covers/link.png", "covers/upload.png", "covers/0.png", "covers/small/9.png", "covers/thumbs/small/orphan.png")
		if r := w.scan(); r.Orphans != 0 {
			t.Errorf("after that there are %d orphans", r.Orphans)
		}
	})
}

// TestInclude: who knows that foreign files are his can say so.
func TestInclude(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.file("once/1.png")
	if r := w.scan(); r.Orphans != 0 || r.Foreign["once/.png"].Files != 1 {
		t.Errorf("found %s", r)
	}
	if r := w.scan(sweep.Include("once/")); r.Orphans != 1 || len(r.Foreign) != 0 {
		t.Errorf("found %s", r)
	}
}

// TestNamedMeanwhile: what a row comes to name after the scan stays, at the latest when a
// relay asks.
func TestNamedMeanwhile(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.shop()
		w.file("covers/a.png", "covers/b.png", "covers/c.png", "covers/d.png")
		if r := w.scan(); r.Orphans != 4 {
			t.Fatalf("found %s", r)
		}
		w.article(30, "covers/a.png", "[]")
		w.fileAt(time.Now().Add(-48*time.Hour), "covers/b.png") // written again
		w.must(os.Remove(filepath.Join(w.root, "covers/d.png")))
		a, err := w.sweeper().Apply(t.Context(), w.plan)
		w.must(err)
		if a.Released != 1 || a.Missing != 1 || a.Kept[sweep.NamedNow] != 1 || a.Kept[sweep.Changed] != 1 {
			t.Errorf("applied %+v", a)
		}
		w.article(31, "covers/c.png", "[]")
		w.drain()
		w.wantThere("covers/a.png", "covers/b.png", "covers/c.png")
	})
}

// TestUndo: what no relay has deleted yet can be taken back.
func TestUndo(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.shop()
		w.file("covers/a.png", "covers/b.png")
		w.scan()
		a, err := w.sweeper().Apply(t.Context(), w.plan)
		w.must(err)
		n, err := w.sweeper().Undo(t.Context(), "media", a.Run)
		w.must(err)
		if n != 2 {
			t.Errorf("took back %d", n)
		}
		w.drain()
		w.wantThere("covers/a.png", "covers/b.png")
	})
}

// TestRanges: the ranges of a storage find together what is found in all of it.
func TestRanges(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.file("covers/a.png", "covers/small/a.png", "covers/zz.png")
	var found []string
	for _, r := range [][2]string{{"", "covers/5"}, {"covers/5", "covers/small/a"}, {"covers/small/a", ""}} {
		found = append(found, w.scan(sweep.Range(r[0], r[1]), sweep.Include("covers/"), sweep.Allow(sweep.Restored, 10)).OrphansShown...)
	}
	if want := w.scan().OrphansShown; !slices.Equal(found, want) || len(want) != 3 {
		t.Errorf("ranges found %q, all of it %q", found, want)
	}
}
