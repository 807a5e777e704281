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

// exec returns how many rows the statement changed.
func exec(ctx context.Context, db Execer, s *statement) (int64, error) {
	result, err := db.ExecContext(ctx, s.String(), s.args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// queryAll calls scan for each row of a query's result.
func queryAll(ctx context.Context, db Queryer, s *statement, scan func(*sql.Rows) error) (err error) {
	rows, err := db.QueryContext(ctx, s.String(), s.args...)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// queryRow scans the one row of a query's result.
func queryRow(ctx context.Context, db Queryer, s *statement, into ...any) error {
	found := false
	err := queryAll(ctx, db, s, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(into...)
	})
	if err == nil && !found {
		err = sql.ErrNoRows
	}
	return err
}
