package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestUpload(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		up := w.upload("dir/a.png")
		w.wantStats(1, 0)
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1, Cover: up.Name()}) })
		up.Discard()
		if done := w.drain(); done.Named != 1 {
			t.Errorf("%+v", done)
		}
		w.want("dir/a.png")
		w.wantStats(0, 0)
	})
}

// The process dies after it wrote the file: nobody comes to name it.
func TestUploadForgotten(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.upload("a")
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
		up := w.upload("a")
		w.due()
		w.another().drain()
		w.want("")
		tx := w.begin()
		tx.insert(&models.Album{ID: 1, Cover: up.Name()})
		if _, err := w.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, runtime.ErrGone) || !strings.Contains(err.Error(), "WithUploadTime") {
			t.Errorf("%v", err)
		}
		w.must(tx.Rollback())
		tx.b.Rollback()
		up.Discard()
	})
}

// The upload's time is over and its file is gone: nobody gets its name, so that a
// batch which comes late can't take another file for it.
func TestUploadNameNotGivenAgain(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		other := w.another()
		other.upload("a")
		w.due()
		w.drain()
		if up := w.upload("a"); up.Name() == "a" {
			t.Error("the name of a file that went lately was given out")
		}
		tx := other.begin()
		tx.insert(&models.Album{ID: 1, Cover: "a"})
		if _, err := other.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, runtime.ErrGone) {
			t.Errorf("%v", err)
		}
		w.must(tx.Rollback())
		tx.b.Rollback()
	})
}

// A row that names the file already, for whatever reason, lets go of it: that is no
// reason for the intent to be due, or to be another's.
func TestReleaseLeavesIntent(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1, Cover: "a"}) })
		up := w.upload("a")
		other := w.another()
		other.commit(func(tx *transaction) { tx.remove(&models.Album{ID: 1, Cover: "a"}) })
		other.drain()
		w.want("a")
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 2, Cover: "a"}) })
		up.Discard()
		w.drain()
		w.want("a")
	})
}

// A record that was kept in memory names a file by a name that an upload has got
// meanwhile; the upload is discarded.
func TestUploadNamedByAnother(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		up := w.upload("a")
		w.nameDiscarded(up, w.another().begin())
	})
}

// It names it in a transaction whose snapshot is older than the upload: PostgreSQL
// refuses that, and the error says what to do.
func TestUploadTakenBySnapshot(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		b := w.clean.Begin()
		tx, err := w.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		w.must(err)
		defer tx.Rollback()
		var n int
		w.must(tx.QueryRowContext(t.Context(), "SELECT count(*) FROM album").Scan(&n))
		up := w.upload("a")
		name := up.Name()
		in := &transaction{Tx: tx, b: b, w: w}
		in.insert(&models.Album{ID: 1, Cover: name})
		_, err = w.box.Commit(t.Context(), b, tx, tx.Commit)
		if d == references.PostgreSQL {
			if !databases.Refused(err) || !strings.Contains(err.Error(), "create uploads before it begins") {
				t.Errorf("%v", err)
			}
			w.must(tx.Rollback())
			b.Rollback()
			name = ""
		} else {
			w.must(err)
		}
		up.Discard()
		w.drain()
		w.want(name)
	})
}

// An upload that comes before the transaction is taken at every level.
func TestUploadBeforeTransaction(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		levels := []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
		if d == references.SQLite {
			levels = []sql.IsolationLevel{sql.LevelDefault}
		}
		w := newWorld(t, d, settings{})
		for i, level := range levels {
			up, err := w.box.Create(t.Context(), "media", "a")
			w.must(err)
			w.must(up.Close())
			tx := w.beginAt(level)
			var n int
			w.must(tx.QueryRowContext(t.Context(), "SELECT count(*) FROM album").Scan(&n))
			tx.insert(&models.Album{ID: int64(i), Cover: up.Name()})
			_, err = w.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit)
			w.must(err)
			up.Discard()
			if done := w.drain(); done.Named != 1 || done.Removed != 0 {
				t.Errorf("%+v", done)
			}
			if _, err := w.dir.Stat(up.Name()); err != nil {
				t.Error(err)
			}
		}
	})
}

// What is discarded goes, also where the file was not complete, unless a row names it:
// the rows decide, not what the program believes.
func TestUploadDiscarded(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		for i, closed := range []bool{true, false} {
			up, err := w.box.Create(t.Context(), "media", "a")
			w.must(err)
			if closed {
				w.must(up.Close())
			}
			up.Discard()
			up.Discard()
			if done := w.drain(); done.Removed != 1 {
				t.Errorf("%d: %+v", i, done)
			}
		}
		up, err := w.box.Create(t.Context(), "media", "b")
		w.must(err)
		w.must(up.Close())
		w.exec("INSERT INTO album (id, title, cover) VALUES (1, '', 'b')") // which nobody told us of
		up.Discard()
		if done := w.drain(); done.Named != 1 {
			t.Errorf("%+v", done)
		}
		w.want("b")
	})
}

// Nobody can take a file that is still being written.
func TestUploadNotClosed(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		up, err := w.box.Create(t.Context(), "media", "a")
		w.must(err)
		for who, want := range map[*world]error{w: runtime.ErrUpload, w.another(): runtime.ErrGone} {
			tx := who.begin()
			tx.insert(&models.Album{ID: 1, Cover: "a"})
			if _, err := who.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			_ = tx.Rollback()
			tx.b.Rollback()
		}
		w.must(up.Close())
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1, Cover: "a"}) })
		w.drain()
		w.want("a")
	})
}

// An upload that takes longer than it may is told so, and leaves nothing behind, also
// where the storage makes the file only at the end.
func TestUploadTakesTooLong(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		up, err := w.box.Create(t.Context(), "media", "a")
		w.must(err)
		w.due()
		w.drain()
		w.want("")
		w.write("a") // late
		if err := up.Close(); !errors.Is(err, runtime.ErrGone) || !strings.Contains(err.Error(), "longer than it may") {
			t.Errorf("%v", err)
		}
		w.drain()
		w.want("")
		w.wantStats(0, 0)
	})
}

// There is a file under the name already, which the storage did not show when it was
// looked for: it stays, and what was noted is taken back, unless a row has let go of
// the file meanwhile.
func TestUploadMeetsFile(t *testing.T) {
	for name, letGo := range map[string]bool{"kept": false, "let go of": true} {
		t.Run(name, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				var w *world
				shy := func(fs afero.Fs) afero.Fs {
					return &shyFs{fs, func() {
						w.write("a")
						if letGo {
							w.exec("INSERT INTO album (id, title, cover) VALUES (1, '', 'a')")
							w.commit(func(tx *transaction) { tx.remove(&models.Album{ID: 1, Cover: "a"}) })
						}
					}}
				}
				w = newWorld(t, d, settings{wrap: shy})
				up, err := w.box.Create(t.Context(), "media", "a")
				w.must(err)
				if up.Name() == "a" {
					t.Error("an upload got the name of a file that is there")
				}
				w.must(up.Close())
				w.drain()
				want := "a " + up.Name()
				if letGo {
					want = up.Name()
				}
				w.want(want)
			})
		})
	}
}

// shyFs has a file made right before one is to be opened, the first time.
type shyFs struct {
	afero.Fs
	first func()
}

func (s *shyFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	if first := s.first; first != nil && flag&os.O_CREATE != 0 {
		s.first = nil
		first()
	}
	return s.Fs.OpenFile(name, flag, perm)
}

// nameDiscarded has a transaction name an upload that is discarded.
func (w *world) nameDiscarded(up *runtime.Upload, tx *transaction) {
	w.t.Helper()
	tx.insert(&models.Album{ID: 1, Cover: "a"})
	_, err := tx.w.box.Flush(w.t.Context(), tx.b, tx.Tx)
	w.must(err)
	done := make(chan struct{})
	go func() { // it may have to wait for the other
		up.Discard()
		close(done)
	}()
	w.must(tx.Commit())
	<-done
	w.drain()
	w.want("a")
	w.wantStats(0, 0)
}

// A write that may have hit no row names an upload of another process, which is
// discarded: the relay waits until it can see which it was.
func TestUploadPerhapsNamedByAnother(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1}) })
		up := w.upload("a")
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
		up.Discard()
		w.drain()
		w.want("a")
		w.wantStats(0, 0)
	})
}

// Its transaction is rolled back: nobody gets the name meanwhile.
func TestUploadRolledBack(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		first := w.upload("a")
		w.rollback(func(tx *transaction) { tx.insert(&models.Album{ID: 1, Cover: "a"}) })
		first.Discard()
		second := w.upload("a")
		if second.Name() == "a" {
			t.Error("the name is promised to go, and was given out again")
		}
		w.drain()
		w.want(second.Name())
	})
}

// A file that is replaced in the transaction it was uploaded for goes, as does one whose
// hold a savepoint cut, one that no record names, and one whose write hit no row.
func TestUploadsNotNamed(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		var ups []*runtime.Upload
		for _, name := range []string{"first", "second", "cut", "never", "missed"} {
			ups = append(ups, w.upload(name))
		}
		w.commit(func(tx *transaction) {
			a := &models.Album{ID: 1, Cover: "first"}
			tx.insert(a)
			old := a.FileSnapshot()
			a.Cover = "second"
			tx.update(a, old)
			_, err := tx.ExecContext(t.Context(), "SAVEPOINT s")
			w.must(err)
			s := tx.b.Savepoint()
			tx.insert(&models.Album{ID: 2, Cover: "cut"})
			_, err = tx.ExecContext(t.Context(), "ROLLBACK TO SAVEPOINT s")
			w.must(err)
			w.must(tx.b.RollbackTo(s))
			tx.update(&models.Album{ID: 7, Cover: "missed"}, models.AlbumFiles{})
		})
		for _, up := range ups {
			up.Discard()
		}
		w.drain()
		w.want("second")
		w.wantStats(0, 0)
	})
}

// What a flush that failed did not take stays all the same, if the caller commits: the
// rows are asked.
func TestUploadAfterFailedFlush(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		up := w.upload("a")
		tx := w.begin()
		tx.insert(&models.Album{ID: 1, Cover: up.Name()})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.box.Flush(ended, tx.b, tx); err == nil {
			t.Error("no error")
		}
		w.must(tx.Commit())
		tx.b.Rollback()
		w.want("a")
		up.Discard()
		if done := w.drain(); done.Named != 1 {
			t.Errorf("%+v", done)
		}
		w.want("a")
	})
}

// On SQLite an upload is noted under the lock that the transaction has.
func TestSQLiteUploadInTransaction(t *testing.T) {
	w := newWorld(t, references.SQLite, settings{})
	w.dsn = strings.Replace(w.dsn, "busy_timeout(20000)", "busy_timeout(50)", 1)
	w = w.another()
	tx := w.begin()
	defer tx.Rollback()
	_, err := w.box.Create(t.Context(), "media", "a")
	if err == nil || !strings.Contains(err.Error(), "before the transaction begins") {
		t.Errorf("%v", err)
	}
	w.want("")
}
