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
func (o *Outbox) intend(ctx context.Context, ref runtime.Ref) (*runtime.Intent, error) {
	if len(ref.Name) > maxName || len(ref.Storage) > maxStorage {
		return nil, fmt.Errorf("%w: the outbox takes names of up to %d bytes", runtime.ErrBadName, maxName)
	}
	ctx, cancel := context.WithTimeout(ctx, o.intentWait)
	defer cancel()
	d, token, until := o.dialect, rand.Text(), time.Now().Add(o.uploadTime)
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
	return &runtime.Intent{Until: until, Withdraw: func() { o.withdraw(ctx, ref, token) }}, nil
}

// withdraw takes back the intent of a file that was not made. If it can't, a relay
// finds in its time that there is no such file, or that a row names it.
func (o *Outbox) withdraw(ctx context.Context, ref runtime.Ref, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.intentWait)
	defer cancel()
	_, _ = exec(ctx, o.db, o.dialect.statement("DELETE FROM "+table).
		add(" WHERE storage = ? AND name = ? AND state = ? AND record = ?", ref.Storage, ref.Name, stateUpload, token))
}

func (o *Outbox) explainIntent(ctx context.Context, ref runtime.Ref, err error) error {
	err = fmt.Errorf("filecleangen: the outbox could not note the upload of %s: %w", ref, err)
	if o.dialect == SQLite || ctx.Err() != nil {
		err = fmt.Errorf("%w (it takes a connection of its own, and on SQLite the lock for writing: create uploads before the transaction begins)", err)
	}
	return err
}
