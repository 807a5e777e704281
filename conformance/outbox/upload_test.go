package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// upload creates a file and returns the name that it got.
func (w *world) upload(b *runtime.Batch, name string) string {
	w.t.Helper()
	u, err := b.Create(w.t.Context(), "media", name)
	w.must(err)
	_, err = u.Write([]byte(name))
	w.must(err)
	w.must(u.Close())
	return u.Name()
}

// begun begins the transaction of a batch that was opened before.
func (w *world) begun(b *runtime.Batch) *transaction {
	w.t.Helper()
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	w.must(err)
	return &transaction{Tx: tx, b: b, w: w}
}

func TestUpload(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b := w.clean.Begin()
		name := w.upload(b, "dir/a.png")
		w.wantStats(1, 0)
		tx := w.begun(b)
		tx.insert(&models.Album{ID: 1, Cover: name})
		_, err := w.box.Commit(t.Context(), b, tx.Tx)
		w.must(err)
		w.wantStats(0, 0)
		w.due()
		w.drain()
		w.want("dir/a.png")
	})
}

// The process dies after it wrote the file: nobody comes to name it.
func TestUploadForgotten(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.upload(w.clean.Begin(), "a")
		w.drain()
		w.want("a")
		w.due()
		w.drain()
		w.want("")
		w.wantStats(0, 0)
	})
}

// The transaction that names the file comes too late.
func TestUploadLate(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b := w.clean.Begin()
		name := w.upload(b, "a")
		w.due()
		w.another().drain()
		w.want("")
		tx := w.begun(b)
		tx.insert(&models.Album{ID: 1, Cover: name})
		if _, err := w.box.Commit(t.Context(), b, tx.Tx); !errors.Is(err, runtime.ErrGone) || !strings.Contains(err.Error(), "WithUploadTime") {
			t.Errorf("%v", err)
		}
		w.must(tx.Rollback())
		b.Rollback()
	})
}

// The upload's time is over, its file is gone, and another upload has its name.
func TestUploadNameGivenAgain(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		late, other := w.clean.Begin(), w.another()
		w.upload(late, "a")
		w.due()
		w.drain()
		second := other.clean.Begin()
		if name := other.upload(second, "a"); name != "a" {
			t.Errorf("the name was not free: %s", name)
		}
		tx := w.begun(late)
		tx.insert(&models.Album{ID: 1, Cover: "a"})
		if _, err := w.box.Commit(t.Context(), late, tx.Tx); !errors.Is(err, runtime.ErrGone) {
			t.Errorf("%v", err)
		}
		w.must(tx.Rollback())
		late.Rollback()
		tx = other.begun(second)
		tx.insert(&models.Album{ID: 2, Cover: "a"})
		_, err := other.box.Commit(t.Context(), second, tx.Tx)
		w.must(err)
		w.due()
		w.drain()
		w.want("a")
	})
}

// A row that names the file already, for whatever reason, lets go of it: that is no
// reason for the intent to be due, or to be another's.
func TestReleaseLeavesIntent(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1, Cover: "a"}) })
		b := w.clean.Begin()
		w.upload(b, "a")
		other := w.another()
		other.commit(func(tx *transaction) { tx.remove(&models.Album{ID: 1, Cover: "a"}) })
		other.drain()
		w.want("a")
		tx := w.begun(b)
		tx.insert(&models.Album{ID: 2, Cover: "a"})
		_, err := w.box.Commit(t.Context(), b, tx.Tx)
		w.must(err)
		w.drain()
		w.want("a")
	})
}

// A record that was kept in memory names a file by a name that an upload has got
// meanwhile; the upload is rolled back.
func TestUploadNamedByAnother(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b, other := w.clean.Begin(), w.another()
		w.upload(b, "a")
		w.nameRolledBack(b, other.begin())
	})
}

// It names it in a transaction that does not see the intent.
func TestUploadNamedByAnotherSnapshot(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b, other := w.clean.Begin(), w.another()
		tx := other.beginAt(sql.LevelRepeatableRead)
		var n int
		w.must(tx.QueryRowContext(t.Context(), "SELECT count(*) FROM filecleangen_outbox").Scan(&n))
		w.upload(b, "a")
		w.nameRolledBack(b, tx)
	})
}

// nameRolledBack has a transaction name what a batch has uploaded that is rolled
// back.
func (w *world) nameRolledBack(b *runtime.Batch, tx *transaction) {
	w.t.Helper()
	tx.insert(&models.Album{ID: 1, Cover: "a"})
	_, err := tx.w.box.Flush(w.t.Context(), tx.b, tx.Tx)
	w.must(err)
	done := make(chan struct{})
	go func() { // it may have to wait for the other
		b.Rollback()
		close(done)
	}()
	w.must(tx.Commit())
	<-done
	w.drain()
	w.want("a")
	w.wantStats(0, 0)
}

// A write that may have hit no row names an upload of another transaction, which
// is rolled back: the relay waits until it can see which it was.
func TestUploadPerhapsNamedByAnother(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1}) })
		b := w.clean.Begin()
		w.upload(b, "a")
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'b')") // makes the relay look
		w.drain()

		tx := w.another().begin()
		w.must(tx.b.Exec((&models.Album{ID: 1, Cover: "a"}).AfterCreate, func() (int64, error) {
			_, err := tx.ExecContext(t.Context(), "UPDATE album SET cover = 'a' WHERE id = 1")
			return 0, err
		}))
		w.due()
		_, err := tx.w.box.Flush(t.Context(), tx.b, tx.Tx)
		w.must(err)
		w.drain()
		w.must(tx.Commit())
		b.Rollback()
		w.drain()
		w.want("a")
		w.wantStats(0, 0)
	})
}

func TestUploadRolledBack(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b := w.clean.Begin()
		w.upload(b, "a")
		b.Rollback()
		u, err := w.clean.Begin().Create(t.Context(), "media", "a")
		w.must(err)
		if u.Name() == "a" {
			t.Error("the name is promised to go, and was given out again")
		}
		w.must(u.Close())
		w.drain()
		w.want(u.Name())
	})
}

// A file that is replaced in the transaction it was uploaded for goes at once, as
// does one whose hold a savepoint cut; one that a write may have named is asked
// for in the database.
func TestUploadsNotNamed(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b := w.clean.Begin()
		first, second, cut, never, missed := w.upload(b, "first"), w.upload(b, "second"), w.upload(b, "cut"), w.upload(b, "never"), w.upload(b, "missed")
		tx := w.begun(b)
		a := &models.Album{ID: 1, Cover: first}
		tx.insert(a)
		old := a.FileSnapshot()
		a.Cover = second
		tx.update(a, old)
		_, err := tx.ExecContext(t.Context(), "SAVEPOINT s")
		w.must(err)
		s := b.Savepoint()
		tx.insert(&models.Album{ID: 2, Cover: cut})
		_, err = tx.ExecContext(t.Context(), "ROLLBACK TO SAVEPOINT s")
		w.must(err)
		w.must(b.RollbackTo(s))
		tx.update(&models.Album{ID: 7, Cover: missed}, models.AlbumFiles{})
		_, err = w.box.Commit(t.Context(), b, tx.Tx)
		w.must(err)
		w.drain()
		w.want(second)
		w.wantStats(0, 0)
		_, _ = never, first
	})
}

// What a flush that failed leaves to the intents is not deleted by a rollback: the
// caller may commit all the same.
func TestUploadAfterFailedFlush(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b := w.clean.Begin()
		name := w.upload(b, "a")
		tx := w.begun(b)
		tx.insert(&models.Album{ID: 1, Cover: name})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.box.Flush(ended, b, tx); err == nil {
			t.Error("no error")
		}
		w.must(tx.Commit())
		b.Rollback()
		w.want("a")
		w.due()
		if done := w.drain(); done.Named != 1 {
			t.Errorf("%+v", done)
		}
		w.want("a")
	})
}

// On SQLite the intent takes the lock that the transaction has.
func TestSQLiteUploadInTransaction(t *testing.T) {
	w := newWorld(t, references.SQLite, settings{})
	w.dsn = strings.Replace(w.dsn, "busy_timeout(20000)", "busy_timeout(50)", 1)
	w = w.another()
	tx := w.begin()
	defer tx.Rollback()
	_, err := tx.b.Create(t.Context(), "media", "a")
	if err == nil || !strings.Contains(err.Error(), "before the transaction begins") {
		t.Errorf("%v", err)
	}
	w.want("")
}
