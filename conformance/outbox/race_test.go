package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// A transaction that began before a file was let go of, and has read the row that did,
// is refused when it comes to name the file after it is gone; nobody waits for it.
func TestOlderTransactionIsRefused(t *testing.T) {
	for name, level := range map[string]sql.IsolationLevel{"read committed": sql.LevelReadCommitted, "repeatable read": sql.LevelRepeatableRead, "serializable": sql.LevelSerializable} {
		t.Run(name, func(t *testing.T) {
			databases.EachServer(t, func(t *testing.T, d references.Dialect) {
				w := newWorld(t, d, settings{})
				w.write("a")
				a := &models.Album{ID: 1, Cover: "a"}
				w.commit(func(tx *transaction) { tx.insert(a) })

				older := w.beginAt(level)
				var cover string
				w.must(older.QueryRowContext(t.Context(), "SELECT cover FROM album WHERE id = 1").Scan(&cover))
				if d == references.MySQL && level == sql.LevelSerializable { // it has locked the row
					w.must(older.Rollback())
					return
				}
				w.commit(func(tx *transaction) { tx.remove(a) })
				if done := w.drain(); done.Removed != 1 {
					t.Errorf("%+v", done)
				}
				w.refused(older, cover)
			})
		})
	}
}

// So is one that reads by a snapshot which was made while the transaction that lets go
// of the file was still open.
func TestSnapshotIsRefused(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.write("a")
		a := &models.Album{ID: 1, Cover: "a"}
		w.commit(func(tx *transaction) { tx.insert(a) })
		lets := w.begin()
		lets.remove(a)
		_, err := w.box.Flush(t.Context(), lets.b, lets)
		w.must(err)
		w.drain()
		w.want("a")
		reads := w.beginAt(sql.LevelRepeatableRead)
		var cover string
		w.must(reads.QueryRowContext(t.Context(), "SELECT cover FROM album WHERE id = 1").Scan(&cover))
		w.must(lets.Commit())
		w.drain()
		w.want("")
		w.refused(reads, cover)
	})
}

// refused makes sure that a transaction can't come to name a file.
func (w *world) refused(tx *transaction, name string) {
	w.t.Helper()
	err := tx.try((&models.Album{ID: 2, Cover: name}).AfterCreate, "INSERT INTO album (title, cover, banner, pages, photos, id) VALUES (?, ?, ?, ?, ?, ?)",
		append(columns(w.d, &models.Album{Cover: name}), 2)...)
	if err == nil {
		_, err = w.box.Commit(w.t.Context(), tx.b, tx.Tx, tx.Commit)
	}
	if !errors.Is(err, runtime.ErrGone) && !databases.Refused(err) {
		w.t.Errorf("a transaction came to name a file that is gone: %v", err)
	}
	_ = tx.Rollback()
	tx.b.Rollback()
}

// A relay needs no more than the rights on the tables.
func TestMariaDBPlainUser(t *testing.T) {
	w := letGo(t, references.MySQL, settings{}, "a")
	config, err := mysql.ParseDSN(w.dsn)
	w.must(err)
	user := fmt.Sprintf("u%d", time.Now().UnixNano())
	w.exec("CREATE USER " + user + " IDENTIFIED BY 'secret'")
	t.Cleanup(func() { _, _ = w.db.ExecContext(context.Background(), "DROP USER "+user) })
	w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON " + config.DBName + ".* TO " + user)
	config.User, config.Passwd = user, "secret"

	poor := &world{t: t, d: w.d, root: w.root, dsn: config.FormatDSN()}
	poor.openFiles()
	poor.open(settings{})
	poor.makeRelay(settings{})
	if done := poor.drain(); done.Removed != 1 {
		t.Errorf("%+v", done)
	}
	w.want("")
}

func (w *world) beginAt(level sql.IsolationLevel) *transaction {
	w.t.Helper()
	b := w.clean.Begin()
	tx, err := w.db.BeginTx(w.t.Context(), &sql.TxOptions{Isolation: level})
	w.must(err)
	return &transaction{Tx: tx, b: b, w: w}
}

// Who takes up a file that is promised to go keeps it.
func TestTakenUpWhilePending(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.write("a")
		a := &models.Album{ID: 1, Cover: "a"}
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.commit(func(tx *transaction) { tx.remove(a) })
		w.wantStats(1, 0)
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.drain()
		w.want("a")
		w.wantStats(0, 0)

		w.commit(func(tx *transaction) { tx.remove(a) })
		w.rollback(func(tx *transaction) { tx.insert(a) })
		w.drain()
		w.want("")
	})
}

// The same, while the transaction that takes it up is still open: the relay can
// neither see its row nor take the promise.
func TestTakenUpNotCommitted(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.release("a", "b")
		tx := w.begin()
		tx.insert(&models.Album{ID: 2, Cover: "a"})
		_, err := w.box.Flush(t.Context(), tx.b, tx)
		w.must(err)
		if done := w.drain(); done.Removed != 1 {
			t.Errorf("%+v", done)
		}
		w.want("a")
		w.must(tx.Commit())
		w.drain()
		w.want("a")
		w.wantStats(0, 0)
	})
}

// From the moment at which the relay has decided, nobody can take up the name.
func TestTakenUpWhileDeleting(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		var w *world
		asked := 0
		before := func(context.Context, runtime.Result) error {
			asked++
			other := w.another()
			tx := other.begin()
			tx.insert(&models.Album{ID: 2, Cover: "a"})
			if _, err := other.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, runtime.ErrGone) {
				t.Errorf("taken up: %v", err)
			}
			other.must(tx.Rollback())
			tx.b.Rollback()
			if up := other.upload("a"); up.Name() == "a" {
				t.Error("an upload got the name")
			}
			return nil
		}
		w = newWorld(t, d, settings{cleaner: []runtime.Option{runtime.WithObserver(runtime.Observer{Before: before})}})
		w.write("a")
		a := &models.Album{ID: 1, Cover: "a"}
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.commit(func(tx *transaction) { tx.remove(a) })
		if done := w.drain(); done.Removed != 1 || asked != 1 {
			t.Errorf("%+v, asked %d times", done, asked)
		}
	})
}

// The relay decides between the moment at which a transaction sees that a file is
// promised to go, and the one at which it calls that off.
func TestTakenUpWhileDeciding(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		var w *world
		var taken error
		var over sync.WaitGroup
		take := func(_ context.Context, _ references.Queryer, _ string, names []string) ([]string, error) {
			if !slices.Contains(names, "a") {
				return nil, nil
			}
			callsOff := make(chan struct{})
			over.Go(func() {
				tx := w.begin()
				tx.insert(&models.Album{ID: 2, Cover: "a"})
				_, taken = w.box.Flush(context.Background(), tx.b, &tellingTx{Tx: tx.Tx, runs: callsOff})
				_ = tx.Rollback()
				tx.b.Rollback()
			})
			<-callsOff
			return nil, nil
		}
		w = letGo(t, d, settings{refs: []references.Option{references.Func("media", take)}}, "a")
		if done := w.drain(); done.Removed != 1 {
			t.Errorf("%+v", done)
		}
		over.Wait()
		if !errors.Is(taken, runtime.ErrGone) {
			t.Errorf("taken up: %v", taken)
		}
	})
}

// tellingTx tells when the first statement is run that changes something.
type tellingTx struct {
	runtime.Tx
	once sync.Once
	runs chan struct{}
}

func (tx *tellingTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	tx.once.Do(func() { close(tx.runs) })
	return tx.Tx.ExecContext(ctx, query, args...)
}

// Where it is not sure that a row was written that names the file, the database
// decides after the commit.
func TestPerhapsTakenUp(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.release("a", "b")
		w.commit(func(tx *transaction) {
			tx.insert(&models.Album{ID: 1, Cover: "b"})
			tx.update(&models.Album{ID: 7, Cover: "a", Banner: null("b")}, models.AlbumFiles{})
		})
		w.drain()
		w.want("b")
		w.wantStats(0, 0)
	})
}

// Two transactions take up the same file: one of them may be refused, and none
// loses it.
func TestTakenUpTwice(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.write("a")
		a := &models.Album{ID: 1, Cover: "a"}
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.commit(func(tx *transaction) { tx.remove(a) })
		first, second := w.begin(), w.begin()
		first.insert(&models.Album{ID: 2, Cover: "a"})
		second.insert(&models.Album{ID: 3, Cover: "a"})
		_, err := w.box.Flush(t.Context(), first.b, first)
		w.must(err)
		done := make(chan error)
		go func() {
			_, err := w.box.Commit(t.Context(), second.b, second.Tx, second.Commit)
			if err != nil {
				_ = second.Rollback()
			}
			done <- err
		}()
		w.must(first.Commit())
		if err := <-done; err != nil && !errors.Is(err, runtime.ErrGone) {
			t.Errorf("%v", err)
		}
		w.drain()
		w.want("a")
	})
}

// On SQLite a transaction that has read before another one wrote can't write any
// more, so what it has read of a file that is gone does no harm.
func TestSQLiteRefusesOldReaders(t *testing.T) {
	w := newWorld(t, references.SQLite, settings{})
	w.write("a")
	a := &models.Album{ID: 1, Cover: "a"}
	w.commit(func(tx *transaction) { tx.insert(a) })

	reader, err := w.db.Conn(t.Context())
	w.must(err)
	_, err = reader.ExecContext(t.Context(), "BEGIN DEFERRED")
	w.must(err)
	var cover string
	w.must(reader.QueryRowContext(t.Context(), "SELECT cover FROM album WHERE id = 1").Scan(&cover))
	w.commit(func(tx *transaction) { tx.remove(a) })
	w.drain()
	if _, err := reader.ExecContext(t.Context(), "INSERT INTO album (id, title, cover) VALUES (2, '', ?)", cover); err == nil {
		t.Error("a transaction wrote what it had read of a row that is gone")
	}
	_, err = reader.ExecContext(t.Context(), "ROLLBACK")
	w.must(err)
	w.must(reader.Close())
}
