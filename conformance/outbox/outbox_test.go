package outbox_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestLife(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.write("a", "b", "p1", "p2", "x", "blank.png")
		a := &models.Album{ID: 1, Cover: "a", Banner: null("b"), Pages: []string{"p1", "p2"}, Photos: []models.Photo{{File: "x"}}}
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.drain()
		w.want("a b blank.png p1 p2 x")

		old := a.FileSnapshot()
		a.Cover, a.Banner, a.Pages, a.Photos = "blank.png", null("a"), []string{"p2"}, nil
		report := w.commit(func(tx *transaction) { tx.update(a, old) })
		if report.Outcome != runtime.Committed || report.Count(runtime.Pending) != 3 {
			t.Errorf("%v", report)
		}
		w.want("a b blank.png p1 p2 x")
		w.wantStats(3, 0)
		if done := w.drain(); done.Removed != 3 {
			t.Errorf("%+v", done)
		}
		w.want("a blank.png p2")

		w.commit(func(tx *transaction) { tx.remove(a) })
		w.drain()
		w.want("blank.png")
		w.wantStats(0, 0)
	})
}

// A batch says the same of each of its files, however many they are, and whichever of them has
// a row already.
func TestFewFilesAndMany(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		for n := 1; n <= 6; n++ {
			names := numbered("n", n)
			for i, there := range names {
				w.exec("DELETE FROM filecleangen_outbox")
				w.putRows("pending", there)
				a := &models.Album{ID: 1, Pages: names}
				w.commit(func(tx *transaction) { tx.insert(a) })
				if got := w.states(); len(got) != 1 || got[there] != "pending" {
					t.Errorf("%d taken, with a row of number %d: %v", n, i, got)
				}
				w.commit(func(tx *transaction) { tx.remove(a) })
				if got := w.counts(); got != fmt.Sprintf("%d pending", n) {
					t.Errorf("%d released, with a row of number %d: %v", n, i, got)
				}
				w.exec("DELETE FROM filecleangen_outbox")
				w.putRows("gone", there)
				if err := w.lists(2, names); !errors.Is(err, runtime.ErrGone) || d == references.PostgreSQL && !strings.Contains(err.Error(), there) {
					t.Errorf("%d taken, of which number %d is gone: %v", n, i, err)
				}
				if got := w.counts(); got != "1 gone" {
					t.Errorf("%d taken, of which number %d is gone: %v", n, i, got)
				}
			}
		}
	})
}

// A batch of one cleaner can't be committed by the outbox of another.
func TestForeignBatch(t *testing.T) {
	w := newWorld(t, references.SQLite, settings{})
	other := w.another()
	tx := w.begin()
	if _, err := other.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, runtime.ErrEnded) || !strings.Contains(err.Error(), "begun by another keeper") {
		t.Errorf("%v", err)
	}
	_, err := w.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit)
	w.must(err)
}

// What rows name in any form is kept, although a batch let go of it.
func TestStillNamed(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		names := []string{"a", "b", "p", "x", "s", "A", "a ", `q"ü`}
		w.write(names...)
		w.commit(func(tx *transaction) {
			tx.insert(&models.Album{ID: 1, Cover: "a", Banner: null("b"), Pages: []string{"p"}, Photos: []models.Photo{{File: "x"}, {File: `q"ü`}}})
			tx.insert(&models.Album{ID: 2, Cover: "A"})
		})
		w.exec("INSERT INTO scan (id, file) VALUES (1, 's')")
		w.commit(func(tx *transaction) {
			all := models.AlbumFiles{Pages: names}
			tx.w.must(tx.try(func(b *runtime.Batch) { all.LogDelete(b, runtime.IntKey(9)) }, "DELETE FROM album WHERE id = 2"))
		})
		if done := w.drain(); done.Named != 6 || done.Removed != 2 {
			t.Errorf("%+v", done)
		}
		w.want(`a b p q"ü s x`)
	})
}
