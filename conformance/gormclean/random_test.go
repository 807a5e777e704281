package gormclean_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// TestRandomPrograms runs random uses of gorm on the same few rows, several at once,
// beside relays, with triggers and without, or in memory with references. After each round every file that
// a row names must be there. Where the database keeps transactions apart, none must be
// there that no row names, unless somebody was told; where it does not, a statement may
// write rows that came after the plugin had looked.
func TestRandomPrograms(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for _, m := range []mode{withOutbox, withTriggers, inMemory} {
			t.Run(string(m), func(t *testing.T) {
				told := &reported{names: map[string]bool{}}
				w := openWorld(t, d, m, gorm.Config{}, told)
				db, err := w.db.DB()
				w.must(err)
				db.SetMaxIdleConns(8)
				w.own.SetMaxIdleConns(8)
				var players []*player
				for seed := range uint64(3) {
					players = append(players, &player{w: w, rand: rand.New(rand.NewPCG(seed, uint64(d)))})
				}
				for n := range rounds(t) {
					for _, p := range players {
						p.apart = d == references.SQLite || n%2 == 0
					}
					w.play(players)
					w.checkAll(fmt.Sprintf("round %d", n), told, players[0].apart)
					if t.Failed() {
						return
					}
				}
			})
		}
	})
}

// TestRandomTriggers does the same while triggers come and go. On SQLite a statement knows
// whether there are any when its transaction has the lock that is needed to change them.
func TestRandomTriggers(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		told := &reported{names: map[string]bool{}}
		w := openWorld(t, d, withTriggers, gorm.Config{}, told)
		var players []*player
		for seed := range uint64(3) {
			players = append(players, &player{w: w, rand: rand.New(rand.NewPCG(seed, 100)), apart: true})
		}
		ctx, stop := context.WithCancel(t.Context())
		var changing sync.WaitGroup
		changes, known := 0, 0
		changing.Go(func() {
			for ctx.Err() == nil {
				err := errors.Join(w.box.RemoveTriggers(ctx), w.box.InstallTriggers(ctx))
				if err != nil && ctx.Err() == nil && !databases.Refused(err) {
					t.Error(err)
				}
				for range 20 { // statements have some time with them
					if w.box.HasTriggers(ctx, "albums") {
						known++
					}
					time.Sleep(time.Millisecond)
				}
				changes++
			}
		})
		for n := range rounds(t) {
			w.play(players)
			w.checkAll(fmt.Sprintf("round %d", n), told, true)
			if t.Failed() {
				break
			}
		}
		stop()
		changing.Wait()
		t.Logf("triggers were changed %d times", changes)
		if known == 0 {
			t.Error("triggers were never known")
		}
	}, references.SQLite)
}

// rounds is how many a test plays on each database.
func rounds(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("FILECLEANGEN_PROGRAMS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 12
}

// play has each player make some turns, beside two relays.
func (w *world) play(players []*player) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	var relaying, playing sync.WaitGroup
	if w.box != nil {
		for range 2 {
			relay, err := w.box.Relay(ctx, "test", outbox.WithPoll(5*time.Millisecond))
			w.must(err)
			relaying.Go(func() { _ = relay.Run(ctx) })
		}
	}
	for _, p := range players {
		playing.Go(func() {
			for range 12 {
				if err := p.turn(); err != nil && !harmless(err) {
					w.t.Error(err)
				}
			}
		})
	}
	playing.Wait()
	stop()
	relaying.Wait()
}

// checkAll compares the files with the rows.
func (w *world) checkAll(round string, told *reported, none bool) {
	w.t.Helper()
	w.settle()
	named, err := w.namedNow()
	w.must(err)
	for _, name := range named {
		if !w.has(name) {
			w.t.Errorf("%s: LOST: %s", round, name)
		}
	}
	files, err := os.ReadDir(w.root)
	w.must(err)
	for _, f := range files {
		if name := f.Name(); name != outbox.MarkerName && !slices.Contains(named, name) {
			if none && !told.has(name) {
				w.t.Errorf("%s: left behind: %s", round, name)
			}
			w.must(os.Remove(w.root + "/" + name))
		}
	}
}

// reported has the files that the cleaner said it keeps although no row need name them. As a plugin it does nothing:
// that is how it comes to a world in the making.
type reported struct {
	mu    sync.Mutex
	names map[string]bool
}

// Name is called by gorm.
func (r *reported) Name() string { return "reported" }

// Initialize is called by gorm.
func (r *reported) Initialize(*gorm.DB) error { return nil }

func (r *reported) observer() runtime.Option {
	return runtime.WithObserver(runtime.Observer{After: func(_ context.Context, result runtime.Result) {
		if result.Status == runtime.Kept && result.Cause != runtime.StillInUse || result.Status == runtime.Failed {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.names[result.Ref.Name] = true
		}
	}})
}

func (r *reported) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[name]
}

// player is one goroutine of a program.
type player struct {
	w     *world
	rand  *rand.Rand
	fresh []string // names of uploads that no row has yet
	apart bool     // whether the database keeps its transactions apart from others
}

func (p *player) one(n int) bool { return p.rand.IntN(n) == 0 }

// harmless reports whether an error is part of the play.
func harmless(err error) bool {
	return errors.Is(err, errNo) || errors.Is(err, runtime.ErrGone) || errors.Is(err, gormclean.ErrUnobserved) || databases.Refused(err)
}

// turn runs a transaction, or a statement that gorm makes one of.
func (p *player) turn() error {
	db := p.w.db.WithContext(p.w.t.Context())
	discard, err := p.upload()
	defer discard()
	if err != nil {
		return err
	}
	if p.one(4) && (!p.apart || p.w.d == references.SQLite) {
		return p.step(db)
	}
	options := &sql.TxOptions{}
	if p.w.d != references.SQLite {
		options.Isolation = []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable}[p.rand.IntN(2)]
		if !p.apart && p.one(2) {
			options.Isolation = sql.LevelReadCommitted
		}
	}
	return gormclean.Transaction(db, func(tx *gorm.DB) error {
		for range 1 + p.rand.IntN(4) {
			if err := p.inTransaction(tx); err != nil {
				return err
			}
		}
		if p.one(6) {
			return errNo
		}
		return nil
	}, options)
}

// upload makes some files for a transaction, and returns what is to be called after it.
func (p *player) upload() (discard func(), err error) {
	var all []*runtime.Upload
	discard = func() {
		for _, up := range all {
			up.Discard()
		}
	}
	p.fresh = nil
	for range p.rand.IntN(3) {
		up, err := p.w.keeper.Create(p.w.t.Context(), "media", fmt.Sprint("f", p.rand.IntN(20)))
		if err != nil {
			return discard, err
		}
		all, p.fresh = append(all, up), append(p.fresh, up.Name())
		if err := up.Close(); err != nil {
			return discard, err
		}
	}
	return discard, nil
}

// take returns the name of an upload that no row has, or none.
func (p *player) take() string {
	if len(p.fresh) == 0 {
		return ""
	}
	name := p.fresh[0]
	p.fresh = p.fresh[1:]
	return name
}

func (p *player) inTransaction(tx *gorm.DB) error {
	if !p.one(4) {
		return p.step(tx)
	}
	fresh := slices.Clone(p.fresh)
	err := tx.Transaction(func(tx *gorm.DB) error {
		err := p.step(tx)
		if err == nil && p.one(2) {
			err = errNo
		}
		return err
	})
	if errors.Is(err, errNo) {
		p.fresh, err = fresh, nil
	}
	return err
}

// step is one statement, or some that belong together.
func (p *player) step(db *gorm.DB) error {
	id := int64(1 + p.rand.IntN(6))
	steps := []func(*gorm.DB, int64) error{
		p.save, p.save, p.create, p.update, p.update, p.updates, p.swap, p.copy, p.bulkUpdate, p.expr,
		p.remove, p.bulkDelete, p.withItems, p.item, p.letter, p.softDelete,
	}
	return steps[p.rand.IntN(len(steps))](db, id)
}

// read returns a row, or nil.
func read(db *gorm.DB, id int64) (*models.Album, error) {
	var a models.Album
	err := db.Preload("Items").First(&a, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return &a, err
}

func (p *player) fill(a *models.Album) {
	switch p.rand.IntN(4) {
	case 0:
		a.Cover = p.take()
	case 1:
		a.Banner = p.take()
	case 2:
		a.Pages = append(slices.DeleteFunc(slices.Clone(a.Pages), func(string) bool { return p.one(2) }), p.take())
	case 3:
		a.Photos = []models.Photo{{File: p.take()}}
	}
}

// save writes a whole record, over whatever has its key.
func (p *player) save(db *gorm.DB, id int64) error {
	a := &models.Album{ID: id}
	p.fill(a)
	p.fill(a)
	return db.Save(a).Error
}

func (p *player) create(db *gorm.DB, _ int64) error {
	return db.CreateInBatches([]models.Album{{Cover: p.take()}, {Items: []models.Item{{File: p.take()}}}}, 2).Error
}

func (p *player) update(db *gorm.DB, id int64) error {
	return db.Model(&models.Album{ID: id}).Update("Cover", p.take()).Error
}

func (p *player) updates(db *gorm.DB, id int64) error {
	return db.Model(&models.Album{ID: id}).Select("Banner", "Pages").Updates(models.Album{Base: models.Base{Banner: p.take()}, Pages: []string{p.take()}}).Error
}

func (p *player) swap(db *gorm.DB, id int64) error {
	return db.Model(&models.Album{ID: id}).Updates(map[string]any{"cover_file": gorm.Expr("banner"), "banner": gorm.Expr("cover_file")}).Error
}

// copy gives a row what another one has, in the same transaction.
func (p *player) copy(db *gorm.DB, id int64) error {
	return gormclean.Transaction(db, func(tx *gorm.DB) error {
		other, err := read(tx, int64(1+p.rand.IntN(6)))
		if err != nil || other == nil {
			return err
		}
		if p.one(2) { // move
			if err := tx.Select("Items").Delete(other).Error; err != nil {
				return err
			}
		}
		return tx.Model(&models.Album{ID: id}).Updates(map[string]any{"banner": other.Cover, "cover_file": other.Banner}).Error
	})
}

func (p *player) bulkUpdate(db *gorm.DB, id int64) error {
	return db.Model(&models.Album{}).Where("id > ?", id).Update("banner", p.take()).Error
}

func (p *player) expr(db *gorm.DB, id int64) error {
	return db.Model(&models.Album{}).Where("id = ?", id).UpdateColumn("cover_file", gorm.Expr("banner")).Error
}

func (p *player) remove(db *gorm.DB, id int64) error { return db.Delete(&models.Album{}, id).Error }

func (p *player) bulkDelete(db *gorm.DB, id int64) error {
	return db.Where("id > ?", id+3).Delete(&models.Album{}).Error
}

func (p *player) withItems(db *gorm.DB, id int64) error {
	return db.Select("Items").Delete(&models.Album{ID: id}).Error
}

func (p *player) item(db *gorm.DB, id int64) error {
	if p.one(2) {
		return db.Where("album_id >= ?", id).Delete(&models.Item{}).Error
	}
	return db.Create(&models.Item{AlbumID: id, File: p.take()}).Error
}

func (p *player) letter(db *gorm.DB, id int64) error {
	return db.Save(&models.Letter{Model: gorm.Model{ID: uint(id), CreatedAt: time.Now()}, File: p.take()}).Error
}

func (p *player) softDelete(db *gorm.DB, id int64) error {
	if p.one(3) {
		db = db.Unscoped()
	}
	return db.Delete(&models.Letter{}, id).Error
}
