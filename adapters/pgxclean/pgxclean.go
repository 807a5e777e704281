package pgxclean

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Commit puts what the batch promised into the transaction, and commits it. It is
// [outbox.Outbox.Commit] for pgx, with the same errors.
func Commit(ctx context.Context, box *outbox.Outbox, b *runtime.Batch, tx pgx.Tx) (*runtime.Report, error) {
	handle, done := Handle(tx)
	defer done()
	return box.Commit(ctx, b, commitTx{handle, func() error { return tx.Commit(ctx) }})
}

type commitTx struct {
	references.Handle
	commit func() error
}

func (tx commitTx) Commit() error { return tx.commit() }

// Flush puts what the batch promised into the transaction, which the caller then
// commits. It is [outbox.Outbox.Flush] for pgx.
func Flush(ctx context.Context, box *outbox.Outbox, b *runtime.Batch, tx pgx.Tx) (*runtime.Report, error) {
	handle, done := Handle(tx)
	defer done()
	return box.Flush(ctx, b, handle)
}

// Rows returns how many rows a statement changed, as [runtime.Batch.Exec] wants to
// know.
func Rows(tag pgconn.CommandTag, err error) (int64, error) {
	return tag.RowsAffected(), err
}
