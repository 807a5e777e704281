package outbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
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
	s := dialect.New(d, "INSERT INTO "+table+" (storage, name, state, reason, record, created_at, not_before) VALUES ").
		Add("(?, ?, ?, ?, ?, "+d.Now()+", "+d.Now()+" + ?)", ref.Storage, ref.Name, stateUpload, string(runtime.Unused), token, o.uploadTime.Milliseconds())
	s.Raw(d.KeepExisting("id"))
	var n int
	err := o.references.Transaction(ctx, func(tx references.Handle) error {
		if _, err := dialect.Exec(ctx, tx, s); err != nil {
			return err
		}
		// Who has the row? Drivers don't agree on what a row is that did not change.
		return dialect.QueryRow(ctx, tx, dialect.New(d, "SELECT count(*) FROM "+table).Add(" WHERE storage = ? AND name = ? AND record = ?", ref.Storage, ref.Name, token), &n)
	})
	if err != nil {
		return nil, o.explainIntent(ctx, ref, err)
	}
	if n == 0 {
		return nil, nil
	}
	return &runtime.Intent{Ref: ref, ID: token}, nil
}

// unwanted makes the intents of uploads due whose transaction was rolled back. A
// relay deletes the files, since another transaction may have come to name one: by
// a name that it had kept, of a file that was there before.
func (o *Outbox) unwanted(ctx context.Context, intents []*runtime.Intent) error {
	ctx, cancel := context.WithTimeout(ctx, o.intentWait)
	defer cancel()
	var refs []runtime.Ref
	ids := map[runtime.Ref]string{}
	for _, intent := range intents {
		refs = append(refs, intent.Ref)
		ids[intent.Ref] = intent.ID
	}
	err := o.references.Transaction(ctx, func(tx references.Handle) error {
		for _, group := range byStorage(refs) {
			for part := range slices.Chunk(group.names, portion) {
				if err := o.makeDue(ctx, tx, group.storage, part, ids); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("filecleangen: the outbox could not be told of uploads that were rolled back; they go when their time is over: %w", err)
	}
	o.Nudge()
	return nil
}

func (o *Outbox) makeDue(ctx context.Context, tx references.Handle, storage string, names []string, ids map[runtime.Ref]string) error {
	tokens := make([]string, len(names))
	for i, name := range names {
		tokens[i] = ids[runtime.Ref{Storage: storage, Name: name}]
	}
	d := o.dialect
	s := dialect.New(d, "UPDATE "+table).Add(" SET not_before = "+d.Now()+" WHERE storage = ? AND state = ? AND name IN ", storage, stateUpload)
	_, err := dialect.Exec(ctx, tx, dialect.In(dialect.In(s, names).Raw(" AND record IN "), tokens))
	return err
}

func (o *Outbox) explainIntent(ctx context.Context, ref runtime.Ref, err error) error {
	err = fmt.Errorf("filecleangen: the outbox could not note the upload of %s: %w", ref, err)
	if o.dialect.OneWriter() || ctx.Err() != nil {
		err = fmt.Errorf("%w (it takes a connection of its own, and on SQLite the lock for writing: create uploads before the transaction begins)", err)
	}
	return err
}
