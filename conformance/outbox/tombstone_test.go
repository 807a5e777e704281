package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// counts says how many rows of the outbox are in each state.
func (w *world) counts() string {
	w.t.Helper()
	rows, err := w.db.QueryContext(w.t.Context(), "SELECT state, count(*) FROM filecleangen_outbox GROUP BY state ORDER BY state")
	w.must(err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var state string
		var n int
		w.must(rows.Scan(&state, &n))
		all = append(all, fmt.Sprintf("%d %s", n, state))
	}
	w.must(rows.Err())
	return strings.Join(all, ", ")
}

// names tries to have a row name a file.
func (w *world) names(id int64, name string) error {
	w.t.Helper()
	tx := w.begin()
	tx.insert(&models.Album{ID: id, Cover: name})
	_, err := w.box.Commit(w.t.Context(), tx.b, tx.Tx, tx.Commit)
	if err != nil {
		_ = tx.Rollback()
		tx.b.Rollback()
	}
	return err
}

// A name whose file is gone is refused to whoever comes, and not given to an upload,
// until the tombstone is forgotten.
func TestTombstone(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{}, "a")
		w.drain()
		if got := w.counts(); got != "1 gone" {
			t.Errorf("rows: %s", got)
		}
		for _, who := range []*world{w, w.another()} {
			if err := who.names(7, "a"); !errors.Is(err, runtime.ErrGone) || !strings.Contains(err.Error(), "create the file anew") {
				t.Errorf("%v", err)
			}
		}
		if up := w.upload("a"); up.Name() == "a" {
			t.Error("an upload got the name")
		}
		w.exec("UPDATE filecleangen_outbox SET gone_at = gone_at - 100000000 WHERE state = 'gone'") // more than a day
		w.another().drain()
		if got := w.counts(); got != "1 upload" {
			t.Errorf("rows: %s", got)
		}
		w.must(w.names(8, "a"))
	})
}

// many is a storage that removes many files in one call, and does not tell which of them
// there were.
type many struct{ afero.Fs }

func (many) MaxRemove() int { return 100 }

func (m many) RemoveMany(_ context.Context, names []string) error {
	for _, name := range names {
		if err := m.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// What never was the name of a file leaves no tombstone: rows may say it again. Where a
// relay may have deleted a file of that name, or an upload may still make one, it does.
func TestNeverWas(t *testing.T) {
	const claimed = "UPDATE filecleangen_outbox SET state = 'deleting', claim = 'dead', attempts = 1"
	for name, c := range map[string]struct {
		with settings
		how  func(w *world)
		gone bool
	}{
		"no file":                                    {},
		"the rows could not be asked at first":       {how: func(w *world) { w.exec("UPDATE filecleangen_outbox SET attempts = 1") }, gone: true},
		"a relay has died":                           {how: func(w *world) { w.exec(claimed + ", unfinished = 1") }, gone: true},
		"an attempt has failed":                      {how: func(w *world) { w.exec(claimed) }, gone: true},
		"it was parked":                              {how: func(w *world) { w.exec("UPDATE filecleangen_outbox SET state = 'parked', attempts = 30"); w.unpark() }, gone: true},
		"an upload that was not closed":              {how: func(w *world) { w.exec("UPDATE filecleangen_outbox SET state = 'writing', claim = 'x'") }, gone: true},
		"an upload":                                  {how: func(w *world) { w.exec("UPDATE filecleangen_outbox SET state = 'upload', claim = 'x'") }, gone: true},
		"the storage does not tell what there was":   {with: settings{wrap: func(fs afero.Fs) afero.Fs { return many{fs} }}, gone: true},
		"the storage tells that it was there before": {with: settings{wrap: func(fs afero.Fs) afero.Fs { return forgetful{fs} }}, how: func(w *world) { w.write("image") }, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				w := newWorld(t, d, c.with)
				a := &models.Album{ID: 1, Pages: []string{"image"}}
				w.commit(func(tx *transaction) { tx.insert(a) })
				w.commit(func(tx *transaction) { tx.remove(a) })
				if c.how != nil {
					c.how(w)
				}
				w.drain()
				counts, refused := "", error(nil)
				if c.gone {
					counts, refused = "1 gone", runtime.ErrGone
				}
				if got := w.counts(); got != counts {
					t.Errorf("rows: %q, want %q", got, counts)
				}
				if err := w.names(2, "image"); !errors.Is(err, refused) {
					t.Error(err)
				}
			})
		})
	}
}

// forgetful is a storage that asks for a removal twice, and tells of the second answer.
type forgetful struct{ afero.Fs }

func (f forgetful) Remove(name string) error {
	_ = f.Fs.Remove(name)
	return f.Fs.Remove(name)
}

func (w *world) unpark() {
	w.t.Helper()
	_, err := w.box.Unpark(w.t.Context())
	w.must(err)
}

// A tombstone is not forgotten before its time, nor by a clock that is behind.
func TestRetention(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for shift, want := range map[string]string{"- 86400000": "1 gone", "+ 600000": "1 gone", "- 90100000": ""} {
			w := letGo(t, d, settings{}, "a")
			w.drain()
			w.exec("UPDATE filecleangen_outbox SET gone_at = gone_at " + shift)
			w.another().drain()
			if got := w.counts(); got != want {
				t.Errorf("gone_at %s: rows: %q, want %q", shift, got, want)
			}
		}
		w := letGo(t, d, settings{}, "a")
		w.drain()
		w.exec("UPDATE filecleangen_outbox SET gone_at = gone_at - 60000")
		other := w.another(outbox.WithRetention(time.Second))
		other.drain()
		if got := w.counts(); got != "" {
			t.Errorf("rows: %q", got)
		}
	})
}

// A clock that is behind is told of.
func TestClockBehind(t *testing.T) {
	w := letGo(t, references.SQLite, settings{}, "a")
	w.drain()
	w.exec("UPDATE filecleangen_outbox SET gone_at = gone_at + 600000")
	other := w.another()
	other.drain()
	if !strings.Contains(other.logs.String(), "is behind the newest tombstone") {
		t.Error(other.logs)
	}
}

// A file that went, and is let go of by a row that came to name it past us, goes as
// well, and takers are refused all the while.
func TestTombstoneReleased(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{}, "a")
		w.drain()
		w.write("a")
		w.exec("INSERT INTO album (id, title, cover) VALUES (5, '', 'a')")
		w.commit(func(tx *transaction) { tx.remove(&models.Album{ID: 5, Cover: "a"}) })
		if got := w.counts(); got != "1 deleting" {
			t.Errorf("rows: %s", got)
		}
		if err := w.another().names(6, "a"); !errors.Is(err, runtime.ErrGone) {
			t.Errorf("%v", err)
		}
		w.drain()
		w.want("")
		if got := w.counts(); got != "1 gone" {
			t.Errorf("rows: %s", got)
		}
	})
}

// Grace is kept, however a file comes to be promised again.
func TestGraceIsKept(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{box: []outbox.Option{outbox.WithGrace(time.Hour)}})
		hasty := w.another()
		w.write("a", "b", "c")
		a := &models.Album{ID: 1, Cover: "a", Banner: null("b"), Pages: []string{"c"}}
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.commit(func(tx *transaction) { tx.remove(a) })
		hasty.commit(func(tx *transaction) { // takes and lets go of it again
			tx.insert(&models.Album{ID: 2, Cover: "a"})
			tx.remove(&models.Album{ID: 2, Cover: "a"})
		})
		hasty.commit(func(tx *transaction) { tx.update(&models.Album{ID: 7, Cover: "b"}, models.AlbumFiles{}) }) // hits no row
		hasty.rollback(func(tx *transaction) { tx.insert(&models.Album{ID: 3, Cover: "c"}) })
		hasty.drain()
		w.want("a b c")
		w.due()
		w.drain()
		w.want("")
	})
}

// What memory can't decide is promised: a record whose key is not known when it is
// created, one that is created without its column, a statement that inserted nothing.
func TestMemoryIsWrong(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.write("a")
		w.commit(func(tx *transaction) { // the key is 0 when it is created, and 1 when it is deleted
			a := &models.Album{Cover: "a"}
			w.must(tx.try(a.AfterCreate, "INSERT INTO album (title, cover, id) VALUES ('', 'a', 1)"))
			tx.remove(&models.Album{ID: 1, Cover: "a"})
		})
		w.drain()
		w.want("")

		for _, statement := range []string{
			"INSERT INTO album (title, cover, id) VALUES ('', '', 2)",                    // Omit("Cover")
			"INSERT INTO album (title, cover, id) SELECT '', 'x', id FROM album LIMIT 0", // OR IGNORE
		} {
			up, err := w.box.Create(t.Context(), "media", "b")
			w.must(err)
			w.must(up.Close())
			w.commit(func(tx *transaction) {
				w.must(tx.b.Exec((&models.Album{ID: 2, Cover: up.Name()}).AfterCreate, func() (int64, error) {
					_, err := tx.ExecContext(t.Context(), statement)
					return 1, err
				}))
			})
			up.Discard()
			w.drain()
			w.want("")
		}
	})
}

// A row that is locked keeps a file that others share, and nobody waits.
func TestSharedFile(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.write("a")
		w.commit(func(tx *transaction) {
			tx.insert(&models.Album{ID: 1, Cover: "a"})
			tx.insert(&models.Album{ID: 2, Cover: "a"})
		})
		for _, locked := range []bool{true, false} {
			var all []*transaction
			for id := range int64(2) {
				tx := w.begin()
				all = append(all, tx)
				var cover string
				w.must(tx.QueryRowContext(t.Context(), fmt.Sprintf("SELECT cover FROM album WHERE id = %d FOR UPDATE", id+1)).Scan(&cover))
				a := &models.Album{ID: id + 1, Cover: cover}
				hook := func(b *runtime.Batch) { a.BeforeUpdate(b, models.AlbumFiles{Cover: cover}) }
				if locked {
					update := hook
					hook = func(b *runtime.Batch) { b.Locked(update) }
				}
				w.must(tx.try(hook, "UPDATE album SET title = 'new' WHERE id = ?", a.ID))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := w.box.Flush(ctx, tx.b, tx)
				if waits := errors.Is(err, context.DeadlineExceeded); waits != (!locked && id == 1) {
					t.Errorf("locked %t, transaction %d: %v", locked, id, err)
				}
			}
			for _, tx := range all {
				_ = tx.Rollback()
				tx.b.Rollback()
			}
		}
	})
}

// A relay says where commits are not on the disk at once.
func TestMariaDBNotDurable(t *testing.T) {
	w := newWorld(t, references.MySQL, settings{})
	w.exec("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
	defer w.exec("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
	w.makeRelay(settings{})
	if !strings.Contains(w.logs.String(), "innodb_flush_log_at_trx_commit is 2") {
		t.Error(w.logs)
	}
}

// An idle relay reads hardly any row, whatever is parked and gone.
func TestIdle(t *testing.T) {
	const many = 3000
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.own.SetMaxOpenConns(1)
		for _, state := range []string{"gone", "parked"} {
			var rows []string
			for i := range many {
				rows = append(rows, fmt.Sprintf("('media', '%s%d', '%[1]s', 9223372036854775807, %[3]s)", state, i, map[string]string{"gone": "9000000000000", "parked": "NULL"}[state]))
			}
			w.exec("INSERT INTO filecleangen_outbox (storage, name, state, not_before, gone_at) VALUES " + strings.Join(rows, ","))
		}
		w.drain()
		before := w.rowsRead()
		w.drain()
		if n := w.rowsRead() - before; n > 100 {
			t.Errorf("an idle relay has read %d rows", n)
		}
	})
}

// rowsRead is how many rows and entries of indexes the handle of the outbox has read.
func (w *world) rowsRead() (n int) {
	w.t.Helper()
	query := "SELECT sum(variable_value) FROM information_schema.session_status WHERE variable_name LIKE 'Handler_read%'"
	if w.d == references.PostgreSQL {
		_, err := w.own.ExecContext(w.t.Context(), "SELECT pg_stat_force_next_flush()")
		w.must(err)
		query = `SELECT (SELECT coalesce(seq_tup_read, 0) FROM pg_stat_user_tables WHERE relid = 'filecleangen_outbox'::regclass)
			+ (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relid = 'filecleangen_outbox'::regclass)`
	}
	w.must(w.own.QueryRowContext(w.t.Context(), query).Scan(&n))
	return n
}
