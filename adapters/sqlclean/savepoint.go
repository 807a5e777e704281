package sqlclean

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/filecleangen/filecleangen/runtime"
)

// InSavepoint runs f in a savepoint of the transaction and its batch. If f returns
// an error or panics, what it wrote is rolled back, and what it logged is forgotten;
// the transaction goes on, if the caller does. It may be nested.
//
// If the database can't roll back to the savepoint, because it has rolled back the
// whole transaction or the connection is gone, the error says so beside that of f:
// roll back.
func InSavepoint(ctx context.Context, tx *sql.Tx, b *runtime.Batch, f func() error) (err error) {
	name := "filecleangen_" + rand.Text() // MySQL forgets a savepoint when another gets its name
	if _, err := tx.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	s := b.Savepoint()
	returned := false
	defer func() {
		if returned && err == nil {
			return
		}
		if failed := rollbackTo(ctx, tx, b, name, s); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	err = f()
	returned = true
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name)
	return err
}

func rollbackTo(ctx context.Context, tx *sql.Tx, b *runtime.Batch, name string, s runtime.Savepoint) error {
	if _, err := tx.ExecContext(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT "+name); err != nil {
		_ = b.RollbackTo(runtime.Savepoint{}) // none: the batch has lost track
		return fmt.Errorf("sqlclean: the transaction could not be rolled back to a savepoint, and must be rolled back: %w", err)
	}
	return b.RollbackTo(s)
}
