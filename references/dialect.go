package references

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/filecleangen/filecleangen/internal/dialect"
)

// A Dialect is a kind of database.
type Dialect uint8

// The databases that can be asked, and that an outbox can be in.
const (
	SQLite     = Dialect(dialect.SQLite)     // 3.41 or later
	PostgreSQL = Dialect(dialect.PostgreSQL) // 13 or later
	MySQL      = Dialect(dialect.MySQL)      // MySQL 8.0.20 or later, and MariaDB 10.6 or later
)

// String returns the name of the database.
func (d Dialect) String() string {
	known, err := dialect.Of(dialect.Kind(d))
	if err != nil {
		return fmt.Sprintf("Dialect(%d)", uint8(d))
	}
	return known.String()
}

// A Queryer runs statements that return rows.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
