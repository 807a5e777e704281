package random_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// TestRandomPrograms runs random SQL on the same few rows, in several sessions at once,
// beside relays. After each round every file that a row names must be there, and none that
// no row names.
func TestRandomPrograms(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		seed := seedOf(t)
		var players []*player
		for n := range uint64(4) {
			players = append(players, &player{w: w, rand: rand.New(rand.NewPCG(seed, n)), did: map[string]int{}})
		}
		relays := []*outbox.Relay{w.newRelay(outbox.WithPoll(5 * time.Millisecond)), w.newRelay(outbox.WithPoll(5 * time.Millisecond))}
		for n := range programs(t) {
			w.round(players, relays)
			w.check()
			if t.Failed() {
				t.Fatalf("round %d of the seed %d\n%s", n, seed, w.logs)
			}
		}
		did := map[string]int{}
		for _, p := range players {
			for what, n := range p.did {
				did[what] += n
			}
		}
		t.Log(did)
	})
}

// programs is how many rounds a test plays on each database.
func programs(t *testing.T) int { return number(t, "FILECLEANGEN_PROGRAMS", 8) }

// seedOf is what the players' moves depend on; where they run at the same time, not only
// on that.
func seedOf(t *testing.T) uint64 { return uint64(number(t, "FILECLEANGEN_SEED", 1)) }

func number(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// round has each player make some turns, beside relays.
func (w *world) round(players []*player, relays []*outbox.Relay) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	var playing, relaying sync.WaitGroup
	for _, r := range relays {
		relaying.Go(func() {
			if err := r.Run(ctx); err != nil {
				w.t.Error(err)
			}
		})
	}
	for _, p := range players {
		playing.Go(func() {
			for range 10 {
				if err := p.turn(w.t.Context()); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	playing.Wait()
	stop()
	relaying.Wait()
}

// player is one session of a program.
type player struct {
	w     *world
	rand  *rand.Rand
	fresh []string // names of uploads that no row has yet
	level sql.IsolationLevel
	mind  []string // names that it has had at some time
	did   map[string]int
}

func (p *player) one(n int) bool { return p.rand.IntN(n) == 0 }

// turn makes some uploads and runs a transaction, or a statement outside of one. The error
// is one that nobody may see.
func (p *player) turn(ctx context.Context) error {
	p.fresh = nil
	for range p.rand.IntN(4) {
		up, err := p.w.box.Create(ctx, "media", fmt.Sprint("f", p.rand.IntN(30)))
		if err != nil {
			return p.harmless(ctx, "create", err)
		}
		defer up.Discard()
		if err := up.Close(); err != nil {
			return p.harmless(ctx, "close", err)
		}
		p.fresh = append(p.fresh, up.Name())
	}
	if p.one(12) { // the client goes, at some time
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, time.Duration(p.rand.IntN(8000))*time.Microsecond)
		defer stop()
	}
	if p.one(30) {
		p.w.killOne(ctx)
	}
	p.level = sql.LevelDefault
	if p.one(4) {
		return p.harmless(ctx, "statement", p.do(ctx, p.w.db))
	}
	return p.transaction(ctx)
}

func (p *player) transaction(ctx context.Context) error {
	if p.w.d != references.SQLite {
		p.level = []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}[p.rand.IntN(3)]
	}
	tx, err := p.w.db.BeginTx(ctx, &sql.TxOptions{Isolation: p.level})
	if err != nil {
		return p.harmless(ctx, "begin", err)
	}
	defer tx.Rollback()
	if err := p.steps(ctx, tx, 0); err != nil {
		return p.harmless(ctx, "transaction", err)
	}
	if p.one(6) {
		p.did["rolled back"]++
		return nil
	}
	return p.harmless(ctx, "commit", tx.Commit())
}

// steps are statements, and savepoints. What the outbox refuses in a savepoint is rolled
// back there, and the transaction goes on.
func (p *player) steps(ctx context.Context, tx *sql.Tx, depth int) error {
	for range 1 + p.rand.IntN(3) {
		if depth == 3 || !p.one(4) {
			if err := p.do(ctx, tx); err != nil {
				return err
			}
			continue
		}
		name := fmt.Sprintf("SAVEPOINT s%d", depth)
		if _, err := tx.ExecContext(ctx, name); err != nil {
			return err
		}
		err := p.steps(ctx, tx, depth+1)
		if err != nil && !outbox.IsGone(err) {
			return err
		}
		if err != nil || p.one(3) {
			p.did["rolled back to a savepoint"]++
			name = "ROLLBACK TO " + name
		} else {
			name = "RELEASE " + name
		}
		if _, err := tx.ExecContext(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// killOne ends a session of this database, whoever's it is, also a relay's.
func (w *world) killOne(ctx context.Context) {
	var id int64
	if sessions[w.d] == "" || w.db.QueryRowContext(ctx, sessions[w.d]).Scan(&id) != nil {
		return // nobody is there
	}
	_, _ = w.db.ExecContext(ctx, fmt.Sprintf(map[references.Dialect]string{references.PostgreSQL: "SELECT pg_terminate_backend(%d)", references.MySQL: "KILL %d"}[w.d], id))
}

var sessions = map[references.Dialect]string{
	references.PostgreSQL: "SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1",
	references.MySQL:      "SELECT id FROM information_schema.PROCESSLIST WHERE db = database() AND id <> connection_id() ORDER BY rand() LIMIT 1",
}

// killed reports whether an error says that the session has been ended.
func killed(err error) bool {
	return slices.ContainsFunc([]string{"57P01", "unexpected EOF", "conn closed", "bad connection", "invalid connection", "reset by peer", "broken pipe", "Error 1927", "Error 1317"},
		func(part string) bool { return strings.Contains(err.Error(), part) })
}

// harmless returns nil for errors that are part of the play: two transactions were in each
// other's way, a file is gone, or the client.
func (p *player) harmless(ctx context.Context, what string, err error) error {
	_, leaves := ctx.Deadline() // a client that goes hears of it from whoever is the first to see it
	switch {
	case err == nil:
		p.did[what]++
		return nil
	case outbox.IsGone(err):
		p.did[what+": gone"]++
		return nil
	case leaves, killed(err):
		p.did[what+": interrupted"]++
		return nil
	case databases.Refused(err), strings.Contains(err.Error(), "SQLSTATE 23503"), strings.Contains(err.Error(), "Error 1452"): // an album that is not there
		p.did[what+": refused"]++
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
