package outbox_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// player runs random transactions on a world, as one goroutine of a program.
type player struct {
	w    *world
	rand *rand.Rand
	mind []models.Album // records that were read at some time, and are written back as they were
	fair bool           // nothing is written back that was not read in the same transaction

	leaked map[string]bool // names that rows lost without the batch being told, by stale records
	at     func()          // called between steps; or nil
}

func newPlayer(w *world, seed uint64) *player {
	return &player{w: w, rand: rand.New(rand.NewPCG(seed, 3)), leaked: map[string]bool{}}
}

func (p *player) one(n int) bool { return p.rand.IntN(n) == 0 }

func (p *player) step() {
	if p.at != nil {
		p.at()
	}
}

// turn is one transaction of a player.
type turn struct {
	*player
	*sql.Tx
	b       *runtime.Batch
	fresh   []string // names of uploads that no record has yet
	leaking []string // names that a row lost unseen, if the transaction commits
	depth   int      // savepoints so far
}

// play runs a transaction. The error is one that nobody may see: what databases
// refuse because of others, or ErrGone, is part of the play.
func (p *player) play(ctx context.Context) error {
	t := &turn{player: p}
	for range p.rand.IntN(3) {
		p.step()
		discard, err := t.upload(ctx)
		defer discard()
		if err != nil {
			return p.harmless(err)
		}
	}
	t.b = p.w.clean.Begin()
	defer t.b.Rollback()
	p.step()
	level := sql.LevelDefault
	if p.w.d != references.SQLite {
		level = []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}[p.rand.IntN(3)]
	}
	tx, err := p.w.db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return p.harmless(err)
	}
	defer func() { _ = tx.Rollback() }()
	t.Tx = tx
	for range 1 + p.rand.IntN(3) {
		p.step()
		if err := t.do(ctx); err != nil {
			return p.harmless(err)
		}
	}
	if p.one(6) {
		return nil
	}
	return p.harmless(t.commit(ctx))
}

// upload makes a file that a record may name, until it is discarded.
func (t *turn) upload(ctx context.Context) (discard func(), err error) {
	up, err := t.w.box.Create(ctx, "media", fmt.Sprintf("d%d/%d", t.rand.IntN(2), t.rand.IntN(12)))
	if err != nil {
		return func() {}, err
	}
	t.step()
	if _, err := up.Write([]byte("x")); err != nil {
		return up.Discard, err
	}
	t.fresh = append(t.fresh, up.Name())
	return up.Discard, up.Close()
}

// commit commits, and may hear nothing of it.
func (t *turn) commit(ctx context.Context) error {
	if _, err := t.w.box.Flush(ctx, t.b, t.Tx); err != nil {
		return err
	}
	t.step()
	for _, name := range t.leaking {
		t.leaked[name] = true // if it commits; else it does no harm to overlook it
	}
	err := t.Commit()
	t.step()
	t.w.box.Nudge()
	return err
}

// do makes one change.
func (t *turn) do(ctx context.Context) error {
	if t.one(5) {
		return t.inSavepoint(ctx)
	}
	id := int64(1 + t.rand.IntN(6))
	lock := " FOR UPDATE" // or another one changes it meanwhile, and old is not what the row says
	if t.w.d == references.SQLite {
		lock = ""
	}
	row, err := t.read(ctx, id, lock)
	if err != nil {
		return err
	}
	if row == nil {
		a := models.Album{ID: id}
		t.fill(&a)
		return t.write(ctx, a.AfterCreate, &a, nil, "INSERT INTO album (title, cover, banner, pages, photos, id) VALUES (?, ?, ?, ?, ?, ?)")
	}
	if !t.fair && t.one(3) {
		t.mind = append(t.mind, *row)
	}
	old := row.FileSnapshot()
	switch t.rand.IntN(6) {
	case 0:
		return t.write(ctx, func(b *runtime.Batch) { row.AfterDelete(b, old) }, nil, row, "DELETE FROM album WHERE id = ?", row.ID)
	case 1: // swap
		row.Cover, row.Banner = row.Banner.String, null(row.Cover)
	case 2: // copy or move what another row has
		other, err := t.read(ctx, int64(1+t.rand.IntN(6)), "")
		if err != nil {
			return err
		}
		if other != nil {
			row.Cover, row.Pages = other.Banner.String, append(slices.Clone(other.Pages), other.Cover)
		}
	case 3: // write back what was read some time ago
		for _, stale := range t.mind {
			if stale.ID == id {
				actual := *row
				*row, old = stale, stale.FileSnapshot()
				row.Title = strconv.Itoa(t.rand.Int())
				return t.write(ctx, func(b *runtime.Batch) { row.BeforeUpdate(b, old) }, row, &actual,
					"UPDATE album SET title = ?, cover = ?, banner = ?, pages = ?, photos = ? WHERE id = ?")
			}
		}
	default:
		t.fill(row)
	}
	row.Title = strconv.Itoa(t.rand.Int())
	return t.write(ctx, func(b *runtime.Batch) { row.BeforeUpdate(b, old) }, row, nil, "UPDATE album SET title = ?, cover = ?, banner = ?, pages = ?, photos = ? WHERE id = ?")
}

func (t *turn) inSavepoint(ctx context.Context) error {
	t.depth++
	name := fmt.Sprintf("SAVEPOINT s%d", t.depth)
	if _, err := t.ExecContext(ctx, name); err != nil {
		return err
	}
	s := t.b.Savepoint()
	fresh, leaking := slices.Clone(t.fresh), slices.Clone(t.leaking)
	if err := t.do(ctx); err != nil {
		return err
	}
	end := "RELEASE " + name
	if t.one(2) {
		end = "ROLLBACK TO " + name
	}
	if _, err := t.ExecContext(ctx, end); err != nil {
		return err
	}
	if strings.HasPrefix(end, "ROLLBACK") {
		t.fresh, t.leaking = fresh, leaking
		return t.b.RollbackTo(s)
	}
	return nil
}

// write runs a statement. after is what the row then says; actual, what it said
// where the record does not know.
func (t *turn) write(ctx context.Context, hook func(*runtime.Batch), after, actual *models.Album, query string, args ...any) error {
	if args == nil {
		args = append(columns(t.w.d, after), after.ID)
	}
	if t.one(12) { // it hits no row
		if strings.HasPrefix(query, "INSERT") {
			return nil
		}
		query += " AND 1 = 0"
		after, actual = nil, nil
	}
	if actual != nil && after != nil {
		t.leaking = append(t.leaking, names(actual)...)
	}
	return t.b.Exec(hook, func() (int64, error) {
		return runtime.Rows(t.ExecContext(ctx, databases.Rebind(t.w.d, query), args...))
	})
}

// fill gives a record files that were uploaded for it, or takes some away.
func (t *turn) fill(a *models.Album) {
	take := func() string {
		if len(t.fresh) == 0 {
			return ""
		}
		name := t.fresh[0]
		t.fresh = t.fresh[1:]
		return name
	}
	switch t.rand.IntN(4) {
	case 0:
		a.Cover = take()
	case 1:
		a.Banner = null(take())
	case 2:
		a.Pages = nil
		for len(t.fresh) > 0 {
			a.Pages = append(a.Pages, take())
		}
	case 3:
		a.Photos = []models.Photo{{File: take()}}
	}
}

// read returns the row with this id, or nil.
func (t *turn) read(ctx context.Context, id int64, lock string) (*models.Album, error) {
	rows, err := albums(ctx, t.w.d, t.Tx, fmt.Sprintf(" WHERE id = %d%s", id, lock))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// albums reads rows.
func albums(ctx context.Context, d references.Dialect, db references.Queryer, where string) (all []*models.Album, err error) {
	pages := "pages"
	if d == references.PostgreSQL {
		pages = "array_to_json(pages)::text"
	}
	rows, err := db.QueryContext(ctx, "SELECT id, title, cover, banner, "+pages+", photos FROM album"+where)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		a := &models.Album{}
		var pages, photos sql.NullString
		if err := rows.Scan(&a.ID, &a.Title, &a.Cover, &a.Banner, &pages, &photos); err != nil {
			return nil, err
		}
		err := errors.Join(parse(pages, &a.Pages), parse(photos, &a.Photos))
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func parse(text sql.NullString, into any) error {
	if !text.Valid {
		return nil
	}
	return json.Unmarshal([]byte(text.String), into)
}

// names returns the files that a record names.
func names(a *models.Album) (all []string) {
	s := a.FileSnapshot()
	for _, name := range slices.Concat([]string{s.Cover, s.Banner}, s.Pages, s.PhotosFile) {
		if name != "" {
			all = append(all, name)
		}
	}
	return all
}

// harmless returns nil for errors that are part of the play: two transactions
// were in each other's way, or a file is gone.
func (p *player) harmless(err error) error {
	if errors.Is(err, runtime.ErrGone) || databases.Refused(err) {
		return nil
	}
	return err
}
