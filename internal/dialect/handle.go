package dialect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// A Handle runs statements.
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

// Exec returns how many rows the statement changed.
func Exec(ctx context.Context, db Execer, s *Statement) (int64, error) {
	result, err := db.ExecContext(ctx, s.String(), s.args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// QueryAll calls scan for each row of a query's result.
func QueryAll(ctx context.Context, db Queryer, s *Statement, scan func(*sql.Rows) error) (err error) {
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

// QueryRow scans the one row of a query's result.
func QueryRow(ctx context.Context, db Queryer, s *Statement, into ...any) error {
	found := false
	err := QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		if found {
			return errors.New("there is more than one row where one was expected")
		}
		found = true
		return rows.Scan(into...)
	})
	if err == nil && !found {
		err = sql.ErrNoRows
	}
	return err
}

// Strings returns the one column of a query's result.
func Strings(ctx context.Context, db Queryer, s *Statement) (all []string, err error) {
	all = []string{}
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var v string
		if err := rows.Scan(&v); err != nil {
			return err
		}
		all = append(all, v)
		return nil
	})
	return all, err
}

// readCommitted runs do in a transaction in which each query sees what is committed
// when it runs.
func readCommitted(ctx context.Context, db *sql.DB, do func(Handle) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err = do(tx); err == nil {
		err = tx.Commit()
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // which has ended the transaction
	}
	return err
}

// between runs do between two statements, and another one if it fails. What is begun
// is ended, or the connection closed: others get it next. A driver may say that the
// context has ended although what was to begin has begun.
func between(ctx context.Context, c *sql.Conn, begin []string, commit, rollback string, do func() error) (err error) {
	whole := context.WithoutCancel(ctx)
	done := false // not if do panics
	defer func() {
		if done {
			if _, err = c.ExecContext(whole, commit); err == nil {
				return
			}
		}
		if _, failed := c.ExecContext(whole, rollback); failed != nil {
			_ = c.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	for _, s := range begin {
		if _, err := c.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	if err = do(); err == nil {
		done = true
	}
	return err
}
