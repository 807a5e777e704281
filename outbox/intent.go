package outbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/filecleangen/filecleangen/runtime"
)

// intend promises to delete a file that is about to be uploaded, in a transaction
// of its own. The transaction that names the file calls it off; if it never
// comes, a relay deletes the file. It returns nil if the name has a row.
//
// If the file is not made after all, the intent stays: others may count on it (see
// insert).
func (o *Outbox) intend(ctx context.Context, ref runtime.Ref) (*runtime.Intent, error) {
	if len(ref.Name) > maxName || len(ref.Storage) > maxStorage {
		return nil, fmt.Errorf("%w: the outbox takes names of up to %d bytes", runtime.ErrBadName, maxName)
	}
	ctx, cancel := context.WithTimeout(ctx, o.intentWait)
	defer cancel()
	d, token := o.dialect, rand.Text()
	until := time.Now().Add(o.uploadTime)
	s := d.statement("INSERT INTO "+table+" (storage, name, state, reason, record, created_at, not_before) VALUES ").
		add("(?, ?, ?, ?, ?, "+d.now()+", "+d.now()+" + ?)", ref.Storage, ref.Name, stateUpload, string(runtime.Unused), token, o.uploadTime.Milliseconds())
	if d == MariaDB {
		s.add(" ON DUPLICATE KEY UPDATE id = id")
	} else {
		s.add(" ON CONFLICT (storage, name) DO NOTHING")
	}
	if _, err := exec(ctx, o.db, s); err != nil {
		return nil, o.explainIntent(ctx, ref, err)
	}
	// Who has the row? Drivers don't agree on what a row is that did not change.
	var n int
	err := queryRow(ctx, o.db, d.statement("SELECT count(*) FROM "+table).add(" WHERE storage = ? AND name = ? AND record = ?", ref.Storage, ref.Name, token), &n)
	if err != nil {
		return nil, o.explainIntent(ctx, ref, err)
	}
	if n == 0 {
		return nil, nil
	}
	return &runtime.Intent{Ref: ref, ID: token, Until: until}, nil
}

func (o *Outbox) explainIntent(ctx context.Context, ref runtime.Ref, err error) error {
	err = fmt.Errorf("filecleangen: the outbox could not note the upload of %s: %w", ref, err)
	if o.dialect == SQLite || ctx.Err() != nil {
		err = fmt.Errorf("%w (it takes a connection of its own, and on SQLite the lock for writing: create uploads before the transaction begins)", err)
	}
	return err
}
