package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// purge forgets tombstones when their retention is over. It is the one thing that goes
// by the time of day, and so it does not believe a clock that stepped.
type purge struct {
	mu    sync.Mutex
	next  time.Time     // when it is to be done again
	clock int64         // what the server's clock said when it was looked at last, in ms
	seen  time.Time     // when that was, by a clock that does not step
	hold  time.Duration // how far the server's clock has come to be ahead by steps
	until time.Time     // until when that matters
}

// Every step of a clock that is larger than this is one.
const (
	stepOfClock = time.Minute
	purgeEvery  = time.Minute
	purgeAtOnce = 1000
)

// purge deletes tombstones whose retention is over, if it is time to look for some.
func (r *Relay) purge(ctx context.Context) error {
	p := &r.tombstones
	if !p.mu.TryLock() {
		return nil // it is being done
	}
	defer p.mu.Unlock()
	if time.Now().Before(p.next) {
		return nil
	}
	p.next = time.Now().Add(purgeEvery)
	now, newest, err := r.clocks(ctx)
	if err != nil {
		return err
	}
	if newest > now {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "filecleangen: the clock of the database is behind the newest tombstone; none is purged until it is not",
			slog.Duration("behind", time.Duration(newest-now)*time.Millisecond))
		return nil
	}
	if step := p.look(now, r.retention); step > 0 {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "filecleangen: the clock of the database has stepped forward; tombstones are kept for that much longer",
			slog.Duration("step", step))
	}
	oldest := now - (r.retention + retentionMargin(r.retention) + p.hold).Milliseconds()
	for {
		n, err := r.purgeSome(ctx, oldest)
		if err != nil || n < purgeAtOnce {
			return err
		}
	}
}

// retentionMargin is for clocks that differ from one server to the next.
func retentionMargin(retention time.Duration) time.Duration { return min(retention/24, time.Hour) }

// look compares the server's clock with one that does not step, and returns by how much
// it has stepped forward since it was looked at.
func (p *purge) look(now int64, retention time.Duration) (step time.Duration) {
	at := time.Now()
	if !p.seen.IsZero() {
		step = time.Duration(now-p.clock)*time.Millisecond - at.Sub(p.seen)
	}
	p.clock, p.seen = now, at
	if at.After(p.until) {
		p.hold = 0
	}
	if step < stepOfClock {
		return 0
	}
	p.hold += step
	p.until = at.Add(2 * retention)
	return step
}

// clocks returns the time of the server, and that of the newest tombstone.
func (r *Relay) clocks(ctx context.Context) (now, newest int64, err error) {
	s := dialect.New(r.outbox.dialect, "SELECT "+r.outbox.dialect.Now()+", coalesce((SELECT max(gone_at) FROM "+table+" WHERE gone_at IS NOT NULL), 0)")
	err = r.outbox.reading(ctx, func(tx runtime.Tx) error { return dialect.QueryRow(ctx, tx, s, &now, &newest) })
	return now, newest, err
}

// purgeSome deletes some of the tombstones that are older than that.
func (r *Relay) purgeSome(ctx context.Context, oldest int64) (n int, err error) {
	d := r.outbox.dialect
	err = r.outbox.transaction(ctx, func(tx runtime.Tx) error {
		n = 0
		names := map[string][]string{}
		s := dialect.New(d, "SELECT storage, name FROM "+table+d.ForceIndex("filecleangen_outbox_gone")).Add(" WHERE gone_at IS NOT NULL AND gone_at < ? AND state = ? ORDER BY gone_at LIMIT ?", oldest, stateGone, purgeAtOnce)
		err := dialect.QueryAll(ctx, tx, s.Raw(d.SkipLocked()), func(rows *sql.Rows) error {
			var storage, name string
			n++
			err := rows.Scan(&storage, &name)
			names[storage] = append(names[storage], name)
			return err
		})
		if err != nil {
			return err
		}
		for storage, all := range names {
			for part := range slices.Chunk(all, chunk) {
				s := dialect.New(d, d.DeleteByKey(table)).Add(" WHERE state = ? AND storage = ? AND name", stateGone, storage)
				if _, err := dialect.Exec(ctx, tx, d.Among(s, part)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("filecleangen: relay: purging tombstones: %w", err)
	}
	return n, nil
}
