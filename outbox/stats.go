package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// Stats says how an outbox is doing.
type Stats struct {
	Pending  int // rows that wait for their time, or a relay
	Uploads  int // files that are being uploaded, or were, and that no transaction has taken yet
	Deleting int // rows that a relay has taken, or whose deletion failed and is tried again
	Parked   int // rows that no relay tries any more, see [Outbox.Parked]

	// Overdue is for how long the row has been due that has been so longest: how
	// far the relays are behind. Parked rows don't count.
	Overdue time.Duration
}

// Stats reads the counts from the table.
func (o *Outbox) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	d := o.dialect
	q := dialect.New(d, "SELECT state, count(*), "+d.Now()+" - min(not_before) FROM "+table+" WHERE state <> 'gone' AND state <> 'held' GROUP BY state")
	err := o.reading(ctx, func(tx runtime.Tx) error {
		s = Stats{}
		return dialect.QueryAll(ctx, tx, q, s.scan)
	})
	if err != nil {
		return Stats{}, fmt.Errorf("filecleangen: outbox: %w", err)
	}
	return s, nil
}

func (s *Stats) scan(rows *sql.Rows) error {
	var state string
	var n int
	var overdue int64
	if err := rows.Scan(&state, &n, &overdue); err != nil {
		return err
	}
	switch state {
	case statePending:
		s.Pending = n
	case stateWriting, stateUpload:
		s.Uploads += n
	case stateDeleting:
		s.Deleting = n
	case stateParked:
		s.Parked = n
		return nil
	}
	s.Overdue = max(s.Overdue, time.Duration(overdue)*time.Millisecond)
	return nil
}

// A ParkedFile is one whose deletion failed so often, or about which the rows could
// not be asked so often, that no relay tries any more.
type ParkedFile struct {
	Ref      runtime.Ref
	Attempts int
	Err      string // the last error
}

// Parked returns up to limit files that are parked, the oldest first. Nobody can
// name them: [Outbox.Unpark] has them tried again, and a file that is to stay after
// all is given free by deleting its row.
func (o *Outbox) Parked(ctx context.Context, limit int) (files []ParkedFile, err error) {
	s := dialect.New(o.dialect, "SELECT storage, name, attempts, last_error FROM "+table).Add(" WHERE state = ? ORDER BY created_at, storage, name LIMIT ?", stateParked, limit)
	err = o.reading(ctx, func(tx runtime.Tx) error {
		files = nil
		return dialect.QueryAll(ctx, tx, s, func(rows *sql.Rows) error {
			var f ParkedFile
			if err := rows.Scan(&f.Ref.Storage, &f.Ref.Name, &f.Attempts, &f.Err); err != nil {
				return err
			}
			files = append(files, f)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("filecleangen: outbox: %w", err)
	}
	return files, nil
}

// Unpark makes relays try all parked files again, and returns how many there are.
func (o *Outbox) Unpark(ctx context.Context) (int64, error) {
	d := o.dialect
	var n int64
	err := o.transaction(ctx, func(tx runtime.Tx) (err error) {
		n, err = dialect.Exec(ctx, tx, dialect.New(d, "UPDATE "+table).Add(" SET state = ?, attempts = 0, unfinished = 0, not_before = "+d.Now()+" WHERE state = ?", stateDeleting, stateParked))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("filecleangen: outbox: %w", err)
	}
	o.Nudge()
	return n, nil
}
