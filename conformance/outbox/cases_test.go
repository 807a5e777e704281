package outbox_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// The cases that plain hooks don't meet, by their ids. Here the transaction that
// writes reads before what the rows name, and tells the batch: whether that is all
// that there is to know, and whether a file that was let go of is still named, is
// for the outbox to find out.

// current reads what rows name, and locks them.
func (tx *transaction) current(where string) (all []*models.Album) {
	tx.w.t.Helper()
	if tx.w.d != references.SQLite {
		where += " FOR UPDATE"
	}
	all, err := albums(tx.w.t.Context(), tx.w.d, tx.Tx, " WHERE "+where)
	tx.w.must(err)
	return all
}

// save writes a record over the row that has its key, if there is one.
func (tx *transaction) save(a *models.Album) {
	tx.w.t.Helper()
	rows := tx.current(fmt.Sprintf("id = %d", a.ID))
	if len(rows) == 0 {
		tx.insert(a)
		return
	}
	tx.update(a, rows[0].FileSnapshot())
}

// bulk runs a statement that writes rows past their records.
func (tx *transaction) bulk(where, statement string) {
	tx.w.t.Helper()
	rows := tx.current(where)
	tx.w.must(tx.try(func(b *runtime.Batch) {
		for _, a := range rows {
			a.AfterDelete(b, a.FileSnapshot()) // if rows still name it, it stays
		}
	}, statement+" WHERE "+where))
}

func withAlbum(t *testing.T, d references.Dialect, cover string, files ...string) *world {
	t.Helper()
	w := newWorld(t, d, settings{})
	w.write(files...)
	w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1, Cover: cover}) })
	return w
}

// wantCover checks what the row names.
func (w *world) wantCover(want string) {
	w.t.Helper()
	var got string
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT cover FROM album WHERE id = 1").Scan(&got))
	if got != want {
		w.t.Errorf("the row names %q, want %q", got, want)
	}
}

// The record was made by hand, or its field was not read.
func TestC2E8OldNotRead(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := withAlbum(t, d, "p", "p", "n")
		w.commit(func(tx *transaction) { tx.save(&models.Album{ID: 1, Cover: "n"}) })
		w.drain()
		w.want("n")
	})
}

func TestE6CopiedRow(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := withAlbum(t, d, "p", "p")
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 2, Cover: "p"}) })
		w.commit(func(tx *transaction) { tx.bulk("id = 1", "DELETE FROM album") })
		w.drain()
		w.want("p")
		w.commit(func(tx *transaction) { tx.bulk("id = 2", "DELETE FROM album") })
		w.drain()
		w.want("")
	})
}

func TestE9E10F8BulkUpdate(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := withAlbum(t, d, "p", "p", "q", "r", "n")
		w.commit(func(tx *transaction) {
			tx.insert(&models.Album{ID: 2, Cover: "q", Banner: null("r")})
			tx.insert(&models.Album{ID: 3, Cover: "r"})
		})
		w.commit(func(tx *transaction) { tx.bulk("id < 3", "UPDATE album SET cover = 'n'") })
		w.drain()
		w.want("n r")
	})
}

func TestF9E23F10BulkDelete(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := withAlbum(t, d, "p", "p", "q", "r")
		w.commit(func(tx *transaction) {
			tx.insert(&models.Album{ID: 2, Cover: "q", Banner: null("r")})
			tx.insert(&models.Album{ID: 3, Cover: "r"})
		})
		w.commit(func(tx *transaction) { tx.bulk("id < 3", "DELETE FROM album") })
		w.drain()
		w.want("r")
	})
}

func TestE19OnlyTheKeyRead(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := withAlbum(t, d, "p", "p")
		w.commit(func(tx *transaction) { tx.bulk("id = 1", "DELETE FROM album") })
		w.drain()
		w.want("")
	})
}

// A stale record is saved: what the row named meanwhile goes, and what it names
// again stays if it is still there; if it is about to go, the save is refused.
func TestE22StaleRecord(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := withAlbum(t, d, "a", "a", "b")
		stale := &models.Album{ID: 1, Cover: "a"}
		w.commit(func(tx *transaction) { tx.save(&models.Album{ID: 1, Cover: "b"}) })
		w.commit(func(tx *transaction) { tx.save(stale) })
		w.drain()
		w.want("a")
		w.wantCover("a")

		w.write("c")
		w.commit(func(tx *transaction) { tx.save(&models.Album{ID: 1, Cover: "c"}) })
		w.exec("UPDATE filecleangen_outbox SET state = 'deleting', not_before = not_before + 100000 WHERE state = 'pending'")
		tx := w.begin()
		tx.save(stale)
		if _, err := w.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, runtime.ErrGone) {
			t.Errorf("%v", err)
		}
		w.must(tx.Rollback())
		tx.b.Rollback()
		w.due()
		w.drain()
		w.want("c")
		w.wantCover("c")
	})
}

func TestE25SaveOverExistingKey(t *testing.T) {
	replace := map[references.Dialect]string{
		references.SQLite:     "INSERT OR REPLACE INTO album (id, title, cover) VALUES (1, '', 'b')",
		references.PostgreSQL: "INSERT INTO album (id, title, cover) VALUES (1, '', 'b') ON CONFLICT (id) DO UPDATE SET cover = 'b'",
		references.MySQL:      "REPLACE INTO album (id, title, cover) VALUES (1, '', 'b')",
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := withAlbum(t, d, "a", "a", "b")
		w.commit(func(tx *transaction) {
			a := &models.Album{ID: 1, Cover: "b"}
			old := tx.current("id = 1")[0].FileSnapshot()
			w.must(tx.try(func(b *runtime.Batch) { a.BeforeUpdate(b, old) }, replace[d]))
		})
		w.drain()
		w.want("b")
		w.wantCover("b")
	})
}
