package pgxclean

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/filecleangen/filecleangen/runtime"
)

// A Querier runs statements, as pgx.Tx, *pgx.Conn and *pgxpool.Pool do.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Tx makes of whatever runs statements of pgx what a keeper takes for a transaction. It
// has the life of q: done, to be called when it is not used any more, ends neither a
// transaction nor a connection.
func Tx(q Querier) (tx runtime.Tx, done func()) {
	db := sql.OpenDB(connector{q})
	return db, func() { _ = db.Close() }
}

// connector makes of a Querier what database/sql takes for connections, since only
// database/sql can make the *sql.Rows that handles return.
type connector struct{ q Querier }

func (c connector) Connect(context.Context) (driver.Conn, error) { return conn(c), nil }
func (c connector) Driver() driver.Driver                        { return nil }

// conn is a connection that passes statements on.
type conn struct{ q Querier }

var (
	_ driver.ExecerContext     = conn{}
	_ driver.QueryerContext    = conn{}
	_ driver.NamedValueChecker = conn{}
)

var errUnsupported = errors.New("pgxclean: there are only ExecContext and QueryContext")

func (conn) Prepare(string) (driver.Stmt, error) { return nil, errUnsupported }
func (conn) Begin() (driver.Tx, error)           { return nil, errUnsupported }
func (conn) Close() error                        { return nil }

// CheckNamedValue leaves all arguments to pgx.
func (conn) CheckNamedValue(*driver.NamedValue) error { return nil }

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	tag, err := c.q.Exec(ctx, query, values(args)...)
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.q.Query(ctx, query, values(args)...)
	if err != nil {
		return nil, err
	}
	return rows{r}, nil
}

func values(args []driver.NamedValue) []any {
	all := make([]any, len(args))
	for i, a := range args {
		all[i] = a.Value
	}
	return all
}

// rows is the result of a query.
type rows struct{ pgx.Rows }

func (r rows) Columns() []string {
	var names []string
	for _, f := range r.FieldDescriptions() {
		names = append(names, f.Name)
	}
	return names
}

func (r rows) Close() error {
	r.Rows.Close()
	return r.Err()
}

func (r rows) Next(dest []driver.Value) error {
	if !r.Rows.Next() {
		if err := r.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	all, err := r.Values()
	if err != nil {
		return err
	}
	for i, v := range all {
		dest[i] = v
	}
	return nil
}
