package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// putRows puts rows into the outbox that are in a state, and due.
func (w *world) putRows(state string, names ...string) {
	w.t.Helper()
	goneAt := map[string]string{"gone": "1"}[state]
	if goneAt == "" {
		goneAt = "NULL"
	}
	rows := make([]string, len(names))
	for i, name := range names {
		rows[i] = fmt.Sprintf("('media', '%s', '%s', 0, %s)", name, state, goneAt)
	}
	w.exec("INSERT INTO filecleangen_outbox (storage, name, state, not_before, gone_at) VALUES " + strings.Join(rows, ", "))
}

// numbered returns n names.
func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return names
}

// idleTaker returns a transaction that has taken a name, and stays open.
func (w *world) idleTaker(name string) *transaction {
	w.t.Helper()
	idle := w.begin()
	w.t.Cleanup(func() { _ = idle.Rollback() })
	idle.insert(&models.Album{ID: 1000, Cover: name})
	_, err := w.box.Flush(w.t.Context(), idle.b, idle)
	w.must(err)
	return idle
}

// drainBeside drains while a transaction is open, which must hold nothing up.
func (w *world) drainBeside(idle *transaction) (done outbox.Drained) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		var err error
		done, err = w.relay.Drain(ctx)
		ended <- err
	}()
	select {
	case err := <-ended:
		w.must(err)
	case <-ctx.Done():
		w.t.Error("the relay waits for an idle transaction")
		_ = idle.Rollback() // so that it does not wait for ever
		if err := <-ended; err != nil {
			w.t.Log(err)
		}
	}
	return done
}

// removeHook is a storage that calls a function before it deletes a file.
type removeHook struct {
	afero.Fs
	before func(name string) error
}

func (h *removeHook) Remove(name string) error {
	if err := h.before(name); err != nil {
		return err
	}
	return h.Fs.Remove(name)
}

func hooked(before func(name string) error) func(afero.Fs) afero.Fs {
	return func(files afero.Fs) afero.Fs { return &removeHook{files, before} }
}

// A deadlock rolls the relay's transaction back while it asks the rows: from then on a
// row may come to name a file, and none may be deleted.
func TestClaimRolledBack(t *testing.T) {
	var w *world
	var armed, tried bool
	// If the relay goes on after the deadlock, a row comes to name n before it decides.
	ask := func(_ context.Context, _ references.Queryer, _ string, names []string) ([]string, error) {
		if armed && !tried && len(names) == 1 && names[0] == "n" {
			tried = true
			if err := w.names(1, "n"); err != nil {
				t.Errorf("a row can't name a file that is not claimed: %v", err)
			}
		}
		return nil, nil
	}
	w = newWorld(t, references.MySQL, settings{refs: []references.Option{references.Func("media", ask)}})
	w.write("m", "n")
	w.putRows("pending", "m", "n")

	// The relay locks its rows, and waits for album. The one who locks the tables has
	// album, once the reader has ended, and waits for the relay.
	reader, err := w.db.BeginTx(t.Context(), nil)
	w.must(err)
	defer reader.Rollback()
	var n int
	w.must(reader.QueryRowContext(t.Context(), "SELECT count(*) FROM album").Scan(&n))
	locker, err := w.db.Conn(t.Context())
	w.must(err)
	defer func() { _ = locker.Close() }()
	locked := make(chan error, 1)
	go func() {
		_, err := locker.ExecContext(t.Context(), "LOCK TABLES album WRITE, filecleangen_outbox WRITE")
		_, unlocked := locker.ExecContext(t.Context(), "UNLOCK TABLES")
		locked <- errors.Join(err, unlocked)
	}()
	w.waiting(1)
	armed = true
	ended := make(chan error, 1)
	go func() {
		done, err := w.relay.Drain(t.Context())
		if done != (outbox.Drained{}) {
			t.Errorf("%+v", done)
		}
		ended <- err
	}()
	w.waiting(2)
	w.must(reader.Rollback())
	w.must(<-locked)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "ended the transaction") {
		t.Errorf("the relay does not say that its transaction was ended: %v", err)
	}
	w.want("m n")
	if got := w.counts(); got != "2 pending" && !tried {
		t.Errorf("rows: %s", got)
	}
	if !tried {
		w.must(w.names(1, "n"))
	}
	w.drain()
	w.want("n")
}

// waiting waits until so many sessions of the database wait for a lock on a table.
func (w *world) waiting(want int) {
	w.t.Helper()
	for range 1000 {
		var n int
		w.must(w.db.QueryRowContext(w.t.Context(), "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state LIKE 'Waiting for table metadata lock'").Scan(&n))
		if n >= want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("%d sessions do not come to wait", want)
}

// A transaction that has taken one name, and is idle, does not hold up what the relay
// does with others, however many rows there are.
func TestIdleTakerHoldsUpNoOthers(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		for _, c := range []struct {
			due, others   int // others are tombstones, by which a plan may change
			hasRow, named bool
		}{
			{1, 2000, true, false},
			{3, 0, true, true}, {3, 0, false, false},
			{20, 0, false, true}, {20, 2000, true, true},
			{300, 0, true, true}, {300, 2000, false, false},
			{1200, 0, true, true},
		} {
			t.Run(fmt.Sprintf("%d due, %d others, row %t, named %t", c.due, c.others, c.hasRow, c.named), func(t *testing.T) {
				besideTaker(t, d, c.due, c.others, c.hasRow, c.named)
			})
		}
	})
}

func besideTaker(t *testing.T, d references.Dialect, due, others int, hasRow, named bool) {
	w := newWorld(t, d, settings{})
	if others > 0 {
		w.putRows("gone", numbered("t", others)...)
		w.exec("UPDATE filecleangen_outbox SET gone_at = 9000000000000")
	}
	w.write("a1x") // in the index it is between others
	if hasRow {
		w.putRows("pending", "a1x")
	}
	names := numbered("a", due)
	w.write(names...)
	w.putRows("pending", names...)
	if named {
		var rows []string
		for i, name := range names {
			rows = append(rows, fmt.Sprintf("(%d, '%s')", i, name))
		}
		w.exec("INSERT INTO scan (id, file) VALUES " + strings.Join(rows, ", "))
	}
	if d == references.MySQL {
		w.exec("ANALYZE TABLE filecleangen_outbox")
	}
	done := w.drainBeside(w.idleTaker("a1x"))
	want := outbox.Drained{Removed: due}
	if named {
		want = outbox.Drained{Named: due}
	}
	if done != want {
		t.Errorf("%+v, want %+v", done, want)
	}
}

// Nor does it hold up the purge of tombstones.
func TestIdleTakerHoldsUpNoPurge(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		for _, tombstones := range []int{1, 50, 1500} {
			for _, hasRow := range []bool{true, false} {
				w := newWorld(t, d, settings{relay: []outbox.RelayOption{outbox.WithRetention(time.Millisecond)}})
				w.putRows("gone", numbered("a", tombstones)...)
				want := ""
				if hasRow {
					w.putRows("pending", "a0x")
					want = "1 pending"
				}
				w.drainBeside(w.idleTaker("a0x"))
				if got := w.counts(); got != want {
					t.Errorf("%d tombstones, row %t: left %q, want %q", tombstones, hasRow, got, want)
				}
			}
		}
	})
}

// A removal fails whose row a user has locked meanwhile, by letting go of the name again:
// the relay goes on, and the file has its turn when the lease is over.
func TestFailedRemovalIsLocked(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		for _, commits := range []bool{true, false} {
			var w *world
			var idle *transaction
			var flushed error
			var once sync.Once
			w = newWorld(t, d, settings{wrap: hooked(func(name string) (err error) {
				if name == "bad" {
					once.Do(func() {
						_, flushed = w.box.Flush(context.Background(), idle.b, idle)
						err = errors.New("I/O error")
					})
				}
				return err
			})})
			w.write("bad", "good")
			w.putRows("pending", "bad", "good")
			idle = w.begin()
			a := &models.Album{ID: 9, Cover: "bad"}
			a.AfterDelete(idle.b, a.FileSnapshot())
			if done := w.drainBeside(idle); done != (outbox.Drained{Removed: 1, Failed: 1}) {
				t.Errorf("%+v", done)
			}
			w.must(flushed)
			w.want("bad")
			if commits {
				w.must(idle.Commit())
			} else {
				w.must(idle.Rollback())
			}
			w.leaseOver()
			if done := w.drain(); done.Removed != 1 {
				t.Errorf("commits %t: %+v", commits, done)
			}
			w.want("")
			if got := w.counts(); got != "2 gone" {
				t.Errorf("commits %t: rows: %s", commits, got)
			}
		}
	})
}

// A row that was put in only to be seen, and is there to stay since it was committed, is
// like no row.
func TestHeldRowStays(t *testing.T) {
	w := newWorld(t, references.MySQL, settings{})
	w.write("a", "b")
	w.putRows("held", "a", "b")
	stats, err := w.box.Stats(t.Context())
	if stats != (outbox.Stats{}) || err != nil {
		t.Errorf("%+v, %v", stats, err)
	}
	if done := w.drain(); done != (outbox.Drained{}) {
		t.Errorf("%+v", done)
	}
	w.must(w.names(1, "a")) // taken
	if got := w.counts(); got != "1 held" {
		t.Errorf("rows: %s", got)
	}
	w.commit(func(tx *transaction) { // released
		a := &models.Album{ID: 2, Cover: "b"}
		a.AfterDelete(tx.b, a.FileSnapshot())
	})
	if got := w.counts(); got != "1 pending" {
		t.Errorf("rows: %s", got)
	}
	if done := w.drain(); done.Removed != 1 {
		t.Errorf("%+v", done)
	}
	w.want("a")
}

// A flush is refused, and the transaction committed all the same: of the names that were
// not refused nothing is left that matters.
func TestRefusedAndCommitted(t *testing.T) {
	w := newWorld(t, references.MySQL, settings{})
	w.write("z")
	w.putRows("gone", "a")
	w.exec("UPDATE filecleangen_outbox SET gone_at = 9000000000000")
	tx := w.begin()
	z := &models.Album{ID: 2, Cover: "z"}
	tx.insert(&models.Album{ID: 1, Cover: "a"})
	tx.insert(z)
	if _, err := w.box.Flush(t.Context(), tx.b, tx); !errors.Is(err, runtime.ErrGone) {
		t.Errorf("%v", err)
	}
	w.must(tx.Commit())
	tx.b.Rollback()
	w.wantStats(0, 0)
	w.commit(func(tx *transaction) { tx.remove(z) })
	if done := w.drain(); done.Removed != 1 {
		t.Errorf("%+v", done)
	}
	w.want("")
}

// Files that are gone, with the directory that they were in, and are let go of again, are
// gone again: that the directory is not there is no reason to doubt it.
func TestGoneReleasedAgain(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		names := numbered("d/f", 12)
		w := letGo(t, d, settings{}, names...)
		if done := w.drain(); done.Removed != 12 {
			t.Errorf("%+v", done)
		}
		w.must(os.RemoveAll(filepath.Join(w.root, "d")))
		w.commit(func(tx *transaction) {
			a := &models.Album{ID: 1, Pages: names}
			a.AfterDelete(tx.b, a.FileSnapshot())
		})
		if got := w.counts(); got != "12 deleting" {
			t.Errorf("rows: %s", got)
		}
		if done := w.drain(); done.Missing != 12 || done.Failed != 0 {
			t.Errorf("%+v", done)
		}
		if got := w.counts(); got != "12 gone" {
			t.Errorf("rows: %s", got)
		}
	})
}

// Discard inside the transaction that has taken the upload: it waits for nobody, and the
// file stays.
func TestDiscardInside(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		u, err := w.box.Create(t.Context(), "media", "a")
		w.must(err)
		w.must(u.Close())
		tx := w.begin()
		defer tx.Rollback()
		tx.insert(&models.Album{ID: 1, Cover: u.Name()})
		_, err = w.box.Flush(t.Context(), tx.b, tx)
		w.must(err)
		u.Discard() // it logs when it has given up to wait
		if log := w.logs.String(); strings.Contains(log, "could not be discarded") {
			t.Errorf("log:\n%s", log)
		}
		w.must(tx.Commit())
		w.drain()
		w.due()
		w.drain()
		w.want("a")
	})
}

// Discard finds the row locked, by a transaction that is about to be rolled back: the file
// goes now, not when its time is over.
func TestDiscardMeetsALock(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		u, err := w.box.Create(t.Context(), "media", "a")
		w.must(err)
		w.must(u.Close())
		tx, err := w.db.Begin()
		w.must(err)
		defer func() { _ = tx.Rollback() }()
		_, err = tx.Exec("UPDATE filecleangen_outbox SET attempts = attempts + 1 WHERE state = 'upload'")
		w.must(err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			u.Discard()
		}()
		tried, end := false, time.Now().Add(2*time.Second)
		for ; time.Now().Before(end); goruntime.Gosched() {
			if busy := w.own.Stats().InUse > 0; busy {
				tried = true
			} else if tried {
				break // the first attempt is over
			}
		}
		w.must(tx.Rollback())
		<-done
		w.drain()
		w.want("")
	})
}

// closeFs is a storage that makes a file when it is closed.
type closeFs struct {
	afero.Fs
	closed func()
}

func (c *closeFs) OpenFile(name string, _ int, _ os.FileMode) (afero.File, error) {
	f, err := afero.TempFile(afero.NewMemMapFs(), "", "")
	return &closeFile{f, c, name}, err
}

type closeFile struct {
	afero.File
	files *closeFs
	name  string
}

func (f *closeFile) Close() error {
	err := afero.WriteFile(f.files.Fs, f.name, []byte("x"), 0o644)
	f.files.closed()
	return err
}

// An upload is closed after its time, when its row is a tombstone, and the outbox can't
// be told: Discard makes sure that the file goes.
func TestLateCloseFails(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		var w *world
		w = newWorld(t, d, settings{wrap: func(files afero.Fs) afero.Fs {
			return &closeFs{files, func() { w.exec("ALTER TABLE filecleangen_outbox_version RENAME TO hidden") }}
		}})
		u, err := w.box.Create(t.Context(), "media", "a")
		w.must(err)
		w.due()
		w.another().drain()
		if got := w.counts(); got != "1 gone" {
			t.Errorf("rows: %s", got)
		}
		if err := u.Close(); err == nil {
			t.Error("the upload is complete")
		}
		w.exec("ALTER TABLE hidden RENAME TO filecleangen_outbox_version")
		w.want("a")
		u.Discard()
		w.drain()
		w.want("")
		if got := w.counts(); got != "1 gone" {
			t.Errorf("rows: %s", got)
		}
	})
}

// An upload that no record names, and whose time is over, is no reason to refuse a batch
// that names others.
func TestUnusedLate(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		unused := w.upload("unused")
		w.due()
		w.another().drain()
		used := w.upload("used")
		w.commit(func(tx *transaction) { tx.insert(&models.Album{ID: 1, Cover: used.Name()}) })
		unused.Discard()
		used.Discard()
		w.drain()
		w.want("used")
	})
}

// A file is let go of again while it is deleted, at the last attempt: that the row is not
// the relay's any more does not mean that the attempt did not end.
func TestReleasedAtLastAttempt(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		var w *world
		var once sync.Once
		w = newWorld(t, d, settings{relay: []outbox.RelayOption{outbox.WithAttempts(1, 0, 0)}, wrap: hooked(func(string) error {
			once.Do(func() {
				w.commit(func(tx *transaction) {
					a := &models.Album{ID: 9, Cover: "a"}
					a.AfterDelete(tx.b, a.FileSnapshot())
				})
			})
			return nil
		})})
		w.write("a")
		w.putRows("pending", "a")
		w.drain()
		w.want("")
		if got := w.counts(); got != "1 deleting" {
			t.Errorf("rows: %s", got)
		}
		w.due()
		w.drain()
		if got := w.counts(); got != "1 gone" {
			t.Errorf("rows: %s", got)
		}
	})
}

// The relay does not take a type for one that it knows because their names differ in case
// only: it would not know what is derived.
func TestTypeCase(t *testing.T) {
	id, path := models.ScanFileType.ID(), models.ScanFileType.Fields[0].Path
	for _, other := range [][2]string{{strings.Replace(id, "Scan", "scan", 1), path}, {id, strings.ToLower(path)}} {
		w := newWorld(t, references.MySQL, settings{})
		w.write("a", "thumbs/a.webp")
		w.putRows("pending", "a")
		w.exec(fmt.Sprintf("UPDATE filecleangen_outbox SET model = '%s', field = '%s'", other[0], other[1]))
		if done := w.drain(); done != (outbox.Drained{}) {
			t.Errorf("%v: %+v", other, done)
		}
		w.want("a thumbs/a.webp")
		w.exec(fmt.Sprintf("UPDATE filecleangen_outbox SET model = '%s', field = '%s'", id, path))
		w.drain()
		w.want("")
	}
}

// A batch is not committed where the session is out of its transaction: what it has
// written is there already.
func TestTransactionEnded(t *testing.T) {
	endings := map[string]func(w *world) *transaction{
		"commits": func(w *world) *transaction {
			tx := w.begin()
			_, err := tx.ExecContext(t.Context(), "COMMIT")
			w.must(err)
			return tx
		},
		"deadlock": (*world).deadlocked,
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, references.MySQL, settings{})
			tx := end(w)
			defer tx.Rollback()
			tx.insert(&models.Album{ID: 1, Cover: "a"})
			if _, err := w.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); err == nil || !strings.Contains(err.Error(), "there is no transaction") {
				t.Errorf("%v", err)
			}
			if got := w.counts(); got != "" {
				t.Errorf("rows: %s", got)
			}
		})
	}
}

// deadlocked returns a transaction that the server has rolled back.
func (w *world) deadlocked() *transaction {
	w.t.Helper()
	w.exec("INSERT INTO scan (id, file) VALUES (1, ''), (2, '')")
	all := []*transaction{w.begin(), w.begin()}
	update := func(tx *transaction, file string, id int) error {
		_, err := tx.ExecContext(w.t.Context(), "UPDATE scan SET file = ? WHERE id = ?", file, id)
		return err
	}
	w.must(update(all[0], "x", 1))
	w.must(update(all[1], "x", 2))
	first := make(chan error, 1)
	go func() { first <- update(all[0], "y", 2) }()
	errs := []error{nil, update(all[1], "y", 1)}
	errs[0] = <-first
	victim := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if victim < 0 || !databases.Refused(errs[victim]) || errs[1-victim] != nil {
		w.t.Fatalf("no deadlock: %v", errs)
	}
	w.must(all[1-victim].Commit())
	return all[victim]
}

// Files about which the storage never answers are parked after their attempts. However
// many these are, calls for others are made.
func TestHangingFilesAreParked(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		const attempts = 30 // of 4 files: more than the calls that may hang
		stop := make(chan struct{})
		w := newWorld(t, d, settings{
			cleaner: []runtime.Option{runtime.WithTimeout(100 * time.Millisecond)},
			relay:   []outbox.RelayOption{outbox.WithAttempts(attempts, 0, 0), outbox.WithLease(time.Second)},
			wrap: hooked(func(name string) error {
				if strings.HasPrefix(name, "h") {
					<-stop
				}
				return nil
			}),
		})
		answer := sync.OnceFunc(func() { close(stop) })
		t.Cleanup(answer)
		defer time.AfterFunc(30*time.Second, answer).Stop() // so that a failure ends; the files go then
		w.write("h0", "h1", "h2", "h3")
		w.putRows("pending", "h0", "h1", "h2", "h3")
		for range attempts + 1 {
			w.drain()
			w.leaseOver()
		}
		w.write("good")
		w.putRows("pending", "good")
		if done := w.drain(); done.Removed != 1 {
			t.Errorf("%+v", done)
		}
		w.want("h0 h1 h2 h3")
		if got := w.counts(); got != "1 gone, 4 parked" {
			t.Errorf("rows: %s", got)
		}
	})
}

// So many calls hang that the storage is called no more: Drain returns, what was not tried
// counts no attempt, and goes when the storage answers.
func TestDrainEndsWhereStorageHangs(t *testing.T) {
	const most = 100 // calls that may hang
	stop := make(chan struct{})
	w := newWorld(t, references.SQLite, settings{
		cleaner: []runtime.Option{runtime.WithTimeout(20 * time.Millisecond)},
		relay:   []outbox.RelayOption{outbox.WithChunk(5), outbox.WithAttempts(30, time.Minute, time.Minute), outbox.WithPoll(time.Minute)},
		wrap:    hooked(func(string) error { <-stop; return nil }),
	})
	answer := sync.OnceFunc(func() { close(stop) })
	t.Cleanup(answer)
	names := numbered("h", most+10)
	w.write(names...)
	w.putRows("pending", names...)
	late := time.AfterFunc(20*time.Second, answer)
	if _, err := w.relay.Drain(t.Context()); err != nil || !late.Stop() {
		t.Errorf("Drain does not return by itself: %v", err)
	}
	var untried int
	w.must(w.db.QueryRowContext(t.Context(), "SELECT count(*) FROM filecleangen_outbox WHERE state = 'deleting' AND attempts = 0").Scan(&untried))
	if untried != 10 {
		t.Errorf("%d files were not tried", untried)
	}
	answer()
	gone := fmt.Sprintf("%d gone", len(names))
	for range 500 {
		w.due()
		w.drain()
		if w.counts() == gone {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.want("")
	if got := w.counts(); got != gone {
		t.Errorf("rows: %s", got)
	}
}
