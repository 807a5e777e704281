package outbox

import (
	"context"
	"database/sql"
)

// A Handle runs statements, in the user's transaction where one is meant.
// *sql.Tx, *sql.Conn and *sql.DB are handles, and so is what many layers made on
// them hand out. adapters/pgxclean makes handles of pgx's transactions and pools.
type Handle interface {
	Execer
	Queryer
}

// An Execer runs statements that return no rows.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// A Queryer runs statements that return rows.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// A Tx is a transaction that can be committed, such as *sql.Tx.
type Tx interface {
	Handle
	Commit() error
}
