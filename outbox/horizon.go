package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
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
	dialect dialect.Dialect
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
	if h.dialect.OneWriter() { // one writer at a time
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
	return h.dialect.Running(ctx, h.db, table)
}
