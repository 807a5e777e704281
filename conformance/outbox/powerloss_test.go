package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/disk"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// durability is how connections of the application write, after how many pages there
// is a checkpoint, if ever, and what may be lost when the power fails such that SQLite
// still finds its database in order.
type durability struct {
	journal, synchronous, checkpoint string
	losses                           []disk.Loss
}

var durabilities = []durability{
	{"wal", "off", "0", []disk.Loss{disk.All, disk.Tail, disk.Any}}, // a checkpoint that is not synced damages the database
	{"wal", "normal", "0", []disk.Loss{disk.All, disk.Tail, disk.Any}},
	{"wal", "normal", "20", []disk.Loss{disk.All, disk.Tail, disk.Any}},
	{"wal", "full", "20", []disk.Loss{disk.All, disk.Tail, disk.Any}},
	{"delete", "normal", "", []disk.Loss{disk.All, disk.Tail}},
	{"delete", "full", "", []disk.Loss{disk.All, disk.Tail, disk.Any}},
	{"truncate", "normal", "", []disk.Loss{disk.All, disk.Tail}},
	{"truncate", "full", "", []disk.Loss{disk.All, disk.Tail, disk.Any}},
	{"persist", "normal", "", []disk.Loss{disk.All, disk.Tail}},
}

func (d durability) String() string {
	return strings.TrimSpace(d.journal + " " + d.synchronous + " " + d.checkpoint)
}

func (d durability) pragmas() []string {
	all := []string{"busy_timeout(20000)", "journal_mode(" + d.journal + ")", "synchronous(" + d.synchronous + ")"}
	if d.checkpoint != "" {
		all = append(all, "wal_autocheckpoint("+d.checkpoint+")")
	}
	return all
}

// eachDurability runs a test with all of them.
func eachDurability(t *testing.T, test func(t *testing.T, d durability)) {
	t.Helper()
	for _, d := range durabilities {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

// electric is a world whose database is on a disk, of which the power can fail.
// Files are deleted from the storage at once and for good.
type electric struct {
	*world
	d       durability
	disk    *disk.Disk
	steps   atomic.Int64 // until the power fails
	removed atomic.Int64 // files that were deleted
	at      func()       // called before a file is deleted; or nil
}

func newElectric(t *testing.T, d durability) *electric {
	t.Helper()
	e := &electric{d: d, world: &world{t: t, d: references.SQLite, root: t.TempDir()}}
	e.disk = disk.New(t, e.step)
	t.Cleanup(e.close)
	e.openDisk()
	e.must(outbox.Migrate(t.Context(), e.own, references.SQLite))
	e.exec(schema[references.SQLite])
	e.must(outbox.Mark(e.dir, environment))
	e.boot()
	e.disk.Sync()
	return e
}

// openDisk opens the database and the directory.
func (e *electric) openDisk() {
	e.t.Helper()
	var err error
	e.db, err = e.disk.Open(e.d.pragmas()...)
	e.must(err)
	e.own, err = e.disk.Open(e.d.pragmas()...)
	e.must(err)
	e.dir, err = storage.Dir(e.root)
	e.must(err)
	e.logs = logs.New()
}

func (e *electric) close() {
	_ = e.db.Close()
	_ = e.own.Close()
	_ = e.dir.Close()
}

// boot makes the cleaner, the outbox and the relay.
func (e *electric) boot() {
	e.t.Helper()
	with := settings{
		cleaner: []runtime.Option{runtime.WithWorkers(1)}, // at is called by one at a time
		wrap:    func(fs afero.Fs) afero.Fs { return &electricFs{fs, e} },
	}
	e.open(with)
	e.makeRelay(with)
}

// step is called before and after everything that changes something.
func (e *electric) step() {
	if e.steps.Add(-1) == 0 {
		e.disk.Fail()
	}
}

// restart starts after the power has failed, and looks whether the database is in
// order.
func (e *electric) restart(when string, loss disk.Loss, random *rand.Rand) {
	e.t.Helper()
	e.close()
	e.steps.Store(0)
	e.disk.Start(loss, random)
	e.openDisk()
	var found string
	e.must(e.db.QueryRowContext(e.t.Context(), "PRAGMA integrity_check").Scan(&found))
	if found != "ok" {
		e.t.Fatalf("%s: the database is damaged: %s", when, found)
	}
	e.boot()
}

// electricFs is a storage that works only as long as there is power.
type electricFs struct {
	afero.Fs
	e *electric
}

func (f *electricFs) Remove(name string) error {
	if at := f.e.at; at != nil {
		f.e.at = nil // not while it is running
		at()
		f.e.at = at
	}
	f.e.step()
	if f.e.disk.Off() {
		return disk.ErrOff
	}
	err := f.Fs.Remove(name)
	if err == nil {
		f.e.removed.Add(1)
	}
	f.e.step()
	return err
}

func (f *electricFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	f.e.step()
	if f.e.disk.Off() {
		return nil, disk.ErrOff
	}
	return f.Fs.OpenFile(name, flag, perm)
}

// TestPowerLoss runs random transactions and a relay until the power fails: between
// any two changes of the database's files, any two syncs, or before or after a file is
// deleted. What was not synced is lost, or some of it. When everything was started
// again and the outbox is drained, no file that a row names is gone, and none is left
// that no row names.
func TestPowerLoss(t *testing.T) {
	eachDurability(t, func(t *testing.T, d durability) {
		var removed, failures int64
		for seed := range uint64(programs(t, 2)) {
			e := newElectric(t, d)
			random := rand.New(rand.NewPCG(seed, 9))
			p := newPlayer(e.world, seed)
			p.fair, p.at = true, e.step
			others := func() { // who go on while files are being deleted
				if random.IntN(4) == 0 {
					e.play(t.Context(), p)
				}
			}
			for round := range 8 {
				e.at = others
				e.steps.Store(1 + random.Int64N(500))
				for !e.disk.Off() && !t.Failed() {
					if random.IntN(3) > 0 {
						e.play(t.Context(), p)
					} else if _, err := e.relay.Drain(t.Context()); err != nil && !e.disk.Off() {
						t.Errorf("program %d: %v", seed, err)
					}
				}
				loss := d.losses[random.IntN(len(d.losses))]
				e.at = nil
				when := fmt.Sprintf("program %d, round %d, %v", seed, round, loss)
				e.restart(when, loss, random)
				e.check(when)
				failures++
				if t.Failed() {
					return
				}
			}
			e.close()
			removed += e.removed.Load()
		}
		t.Logf("the power failed %d times, %d files were deleted", failures, removed)
	})
}

// play runs a transaction, which may fail if the power does.
func (e *electric) play(ctx context.Context, p *player) {
	e.t.Helper()
	if err := p.play(ctx); err != nil && !e.disk.Off() {
		e.t.Error(err)
	}
}

// When a file has been deleted, what allows it is on disk: that no row names it any
// more, and that nobody can take up its name.
func TestPowerLossAfterDeletion(t *testing.T) {
	eachDurability(t, func(t *testing.T, d durability) {
		e := newElectric(t, d)
		e.write("a", "b")
		a := &models.Album{ID: 1, Cover: "a"}
		e.commit(func(tx *transaction) { tx.insert(a) })
		e.disk.Sync()
		old := a.FileSnapshot()
		a.Cover = "b"
		e.commit(func(tx *transaction) { tx.update(a, old) })
		e.at = func() { e.steps.Store(2) } // after it was deleted
		_, err := e.relay.Drain(t.Context())
		e.at = nil
		if err == nil || !e.disk.Off() {
			t.Fatalf("the power did not fail: %v", err)
		}
		e.want("b")

		const when = "after the power failed"
		e.restart(when, disk.All, rand.New(rand.NewPCG(1, 1)))
		rows, err := albums(t.Context(), references.SQLite, e.db, "")
		e.must(err)
		if len(rows) != 1 || rows[0].Cover != "b" {
			t.Error("the transaction that let go of the file is not on disk")
		}
		tx := e.begin()
		tx.insert(&models.Album{ID: 2, Cover: "a"})
		if _, err := e.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, runtime.ErrGone) {
			t.Errorf("the name of a file that was deleted was taken up: %v", err)
		}
		_ = tx.Rollback()
		tx.b.Rollback()
		e.check(when)
	})
}
