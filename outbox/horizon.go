package outbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// horizon finds out which rows are older than every transaction that is running.
// See the package documentation for why that matters.
//
// It works in two steps. A row that was inserted before the first look may have
// been committed at any time until all transactions that were running then are
// over; so a second look is taken, and when all that were running at that time
// are over, too, none is left that began before the row was committed.
type horizon struct {
	db      *sql.DB
	dialect Dialect
	longest time.Duration // of a transaction, where the database won't tell

	mu      sync.Mutex
	bound   int64           // rows before this one are to become safe
	running map[string]bool // at the last look, and still; nil before the first look
	second  bool            // whether it was the second
	at      time.Time       // when it was taken
	safe    int64           // all rows before this one are
}

// known returns the bound of the rows that are known to be safe.
func (h *horizon) known() int64 {
	if h.dialect == SQLite { // one writer at a time
		return math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.safe
}

// advance takes what steps it can, and returns the bound of the rows that are
// safe.
func (h *horizon) advance(ctx context.Context) (safe int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for range 3 {
		bound, running, err := h.look(ctx)
		if err != nil {
			return h.safe, fmt.Errorf("which transactions are running: %w", err)
		}
		if h.running != nil && !h.over(running) {
			break
		}
		switch {
		case h.running == nil:
			h.bound, h.second = bound, false
		case !h.second:
			h.second = true
		default:
			h.safe, h.bound, h.second = h.bound, bound, false
		}
		h.at, h.running = time.Now(), map[string]bool{}
		for _, t := range running {
			h.running[t] = true
		}
	}
	return h.safe, nil
}

// over reports whether all that were running at the last look are over, given
// those that are running now.
func (h *horizon) over(now []string) bool {
	if now == nil { // the database won't tell
		return time.Since(h.at) >= h.longest
	}
	left := map[string]bool{}
	for _, t := range now {
		if h.running[t] || strings.HasPrefix(t, "prepared") {
			left[t] = true
		}
	}
	h.running = left
	return len(left) == 0
}

// look returns a bound that no row has reached whose transaction begins later,
// and the transactions that are running; nil if the database won't tell.
func (h *horizon) look(ctx context.Context) (bound int64, running []string, err error) {
	if h.dialect == PostgreSQL {
		return h.lookPostgreSQL(ctx)
	}
	return h.lookMariaDB(ctx)
}

// Every transaction holds its own virtual transaction id locked, from its
// beginning to its end, whatever it does; and everybody may see that.
func (h *horizon) lookPostgreSQL(ctx context.Context) (bound int64, running []string, err error) {
	s := h.dialect.statement("SELECT nextval(pg_get_serial_sequence('" + table + "', 'id'))")
	if err := queryRow(ctx, h.db, s, &bound); err != nil {
		return 0, nil, err
	}
	s = h.dialect.statement(`SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'virtualxid' AND l.granted AND l.pid <> pg_backend_pid()
		AND (a.datid IS NULL OR a.datname = current_database()) AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
		UNION ALL SELECT 'prepared ' || gid FROM pg_prepared_xacts WHERE database = current_database()`)
	running = []string{}
	err = queryAll(ctx, h.db, s, func(rows *sql.Rows) error {
		var t string
		if err := rows.Scan(&t); err != nil {
			return err
		}
		running = append(running, t)
		return nil
	})
	return bound, running, err
}

// InnoDB shows its transactions to those who have the privilege PROCESS, in a
// table that may be some time old; it is new enough if the query that reads it is
// in it.
func (h *horizon) lookMariaDB(ctx context.Context) (bound int64, running []string, err error) {
	c, err := h.db.Conn(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = c.Close() }()
	// What is begun here must be ended here: the connection goes back to its pool.
	whole := context.WithoutCancel(ctx)
	// One reader at a time, or the table would never be old enough to be made anew.
	if _, err := c.ExecContext(whole, "DO GET_LOCK('"+table+"_horizon', 10)"); err != nil {
		return 0, nil, err
	}
	defer func() {
		for _, s := range []string{"ROLLBACK", "DO RELEASE_LOCK('" + table + "_horizon')"} {
			if _, failed := c.ExecContext(whole, s); failed != nil {
				_ = c.Raw(func(any) error { return driver.ErrBadConn }) // close it
				return
			}
		}
	}()
	if _, err := c.ExecContext(whole, "START TRANSACTION"); err != nil {
		return 0, nil, err
	}
	result, err := c.ExecContext(whole, "INSERT INTO "+table+" (storage, name) VALUES ('', ?)", "horizon "+rand.Text())
	if err != nil {
		return 0, nil, err
	}
	if bound, err = result.LastInsertId(); err != nil {
		return 0, nil, err
	}
	for {
		isNew, running, err := h.transactions(whole, c)
		switch {
		case denied(err):
			return bound, nil, nil
		case err != nil:
			return 0, nil, err
		case isNew:
			return bound, running, nil
		}
		select {
		case <-time.After(110 * time.Millisecond): // the table is made anew after 100 ms without readers
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

// transactions returns the transactions other than the one that asks, and whether
// the table is new: it has that one, running this very query. Their connection may
// be in it with an earlier transaction. An id may change while a transaction runs,
// so others are known by their connection and their time.
func (h *horizon) transactions(ctx context.Context, db Queryer) (isNew bool, running []string, err error) {
	running = []string{}
	token := rand.Text()
	s := h.dialect.statement("SELECT /* " + token + " */ concat(trx_mysql_thread_id, ' ', trx_started), trx_mysql_thread_id = CONNECTION_ID(), coalesce(trx_query, '') FROM information_schema.INNODB_TRX")
	err = queryAll(ctx, db, s, func(rows *sql.Rows) error {
		var t, query string
		var own bool
		if err := rows.Scan(&t, &own, &query); err != nil {
			return err
		}
		if !own {
			running = append(running, t)
		} else if strings.Contains(query, token) {
			isNew = true
		}
		return nil
	})
	return isNew, running, err
}

// denied reports whether err says that a privilege is missing, error 1227.
func denied(err error) bool {
	return err != nil && strings.Contains(err.Error(), "1227")
}
