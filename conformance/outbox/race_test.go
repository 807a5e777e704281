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
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// A transaction that began before a file was let go of may come to name it, since
// it may have read the row that did: the relay waits for it.
func TestRelayWaitsForOlderTransactions(t *testing.T) {
	for name, level := range map[string]sql.IsolationLevel{"read committed": sql.LevelReadCommitted, "repeatable read": sql.LevelRepeatableRead} {
		t.Run(name, func(t *testing.T) {
			databases.EachServer(t, func(t *testing.T, d references.Dialect) {
				w := newWorld(t, d, settings{})
				w.write("a")
				a := &models.Album{ID: 1, Cover: "a"}
				w.commit(func(tx *transaction) { tx.insert(a) })

				older := w.beginAt(level)
				var cover string
				w.must(older.QueryRowContext(t.Context(), "SELECT cover FROM album WHERE id = 1").Scan(&cover))
				w.commit(func(tx *transaction) { tx.remove(a) })
				w.drainNothing()
				w.want("a")
				older.insert(&models.Album{ID: 2, Cover: cover})
				if _, err := w.box.Commit(t.Context(), older.b, older.Tx); err != nil && level == sql.LevelReadCommitted {
					t.Error(err) // with a snapshot, databases may refuse
				} else if err != nil {
					older.b.Rollback()
					return
				}
				w.drain()
				w.want("a")
				w.wantStats(0, 0)
			})
		})
	}
}

// A transaction that begins while the one that lets go of the file is still open,
// and reads by a snapshot, does not see the promise when that is committed: the
// relay waits for it, too.
func TestRelayWaitsForSnapshots(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) { readBySnapshot(newWorld(t, d, settings{}), func() {}) })
}

// The table of MariaDB's transactions may be old, and have the connection that the
// relay reads it by, with what that did before.
func TestMariaDBOldTable(t *testing.T) {
	w := newWorld(t, references.MySQL, settings{})
	other, err := sql.Open("mysql", w.dsn)
	w.must(err)
	defer other.Close()
	w.db.SetMaxIdleConns(1)
	readBySnapshot(w, func() {
		tx := w.begin()
		tx.insert(&models.Album{ID: 9})
		time.Sleep(150 * time.Millisecond) // so that it is made anew
		var n int
		w.must(other.QueryRowContext(t.Context(), "SELECT count(*) FROM information_schema.INNODB_TRX").Scan(&n))
		w.must(tx.Rollback())
		tx.b.Rollback()
	})
}

func readBySnapshot(w *world, before func()) {
	w.t.Helper()
	w.write("a")
	a := &models.Album{ID: 1, Cover: "a"}
	w.commit(func(tx *transaction) { tx.insert(a) })
	w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'b')") // makes the relay look
	before()

	keep, err := w.db.Conn(w.t.Context()) // the last that was used; lets gets another
	w.must(err)
	lets := w.begin()
	lets.remove(a)
	_, err = w.box.Flush(w.t.Context(), lets.b, lets)
	w.must(err)
	w.must(keep.Close())
	w.drainNothing()
	reads := w.beginAt(sql.LevelRepeatableRead)
	var cover string
	w.must(reads.QueryRowContext(w.t.Context(), "SELECT cover FROM album WHERE id = 1").Scan(&cover))
	w.must(lets.Commit())
	w.drainNothing()
	reads.insert(&models.Album{ID: 2, Cover: cover})
	_, err = w.box.Commit(w.t.Context(), reads.b, reads.Tx)
	w.must(err)
	w.drain()
	w.want("a")
	w.wantStats(0, 0)
}

// drainNothing makes sure that the relay waits for others.
func (w *world) drainNothing() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 500*time.Millisecond)
	defer cancel()
	if done, err := w.relay.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || done != (outbox.Drained{}) {
		w.t.Errorf("the relay has not waited: %+v, %v", done, err)
	}
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
		w.wantStats(0, 0)
		w.drain()
		w.want("a")

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
		w.exec("UPDATE filecleangen_outbox SET not_before = not_before + 1500")
		w.release("c")
		w.drain() // now it is known that no transaction is older than a and b
		w.want("a b")
		tx := w.begin()
		tx.insert(&models.Album{ID: 2, Cover: "a"})
		_, err := w.box.Flush(t.Context(), tx.b, tx)
		w.must(err)
		for w.drain().Removed == 0 { // b, when its time has come
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
		before := func(context.Context, runtime.Event) error {
			asked++
			other := w.another()
			tx := other.begin()
			tx.insert(&models.Album{ID: 2, Cover: "a"})
			if _, err := other.box.Commit(t.Context(), tx.b, tx.Tx); !errors.Is(err, runtime.ErrGone) {
				t.Errorf("taken up: %v", err)
			}
			other.must(tx.Rollback())
			tx.b.Rollback()
			u, err := other.clean.Begin().Create(t.Context(), "media", "a")
			other.must(err)
			if u.Name() == "a" {
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
				_, taken = w.box.Flush(context.Background(), tx.b, &tellingTx{tx.Tx, callsOff})
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
	references.Handle
	runs chan struct{}
}

func (tx *tellingTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	close(tx.runs)
	return tx.Handle.ExecContext(ctx, query, args...)
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
		w.wantStats(1, 0)
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
			_, err := w.box.Commit(t.Context(), second.b, second.Tx)
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

// On MariaDB a relay that may not see the transactions of others waits for as long
// as they may take.
func TestMariaDBWithoutPrivilege(t *testing.T) {
	w := letGo(t, references.MySQL, settings{}, "a")
	config, err := mysql.ParseDSN(w.dsn)
	w.must(err)
	user := fmt.Sprintf("u%d", time.Now().UnixNano())
	w.exec("CREATE USER " + user + " IDENTIFIED BY 'secret'")
	t.Cleanup(func() { _, _ = w.db.ExecContext(context.Background(), "DROP USER "+user) })
	w.exec("GRANT ALL ON " + config.DBName + ".* TO " + user)
	config.User, config.Passwd = user, "secret"

	poor := &world{t: t, d: w.d, root: w.root, dsn: config.FormatDSN()}
	poor.openFiles()
	poor.open(settings{})
	poor.makeRelay(settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if done, err := poor.relay.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || done.Removed != 0 {
		t.Errorf("it has not waited for ten minutes: %+v, %v", done, err)
	}
	w.want("a")
	poor.makeRelay(settings{relay: []outbox.RelayOption{outbox.WithLongestTransaction(50 * time.Millisecond)}})
	if done := poor.drain(); done.Removed != 1 {
		t.Errorf("%+v", done)
	}
	w.want("")
}
