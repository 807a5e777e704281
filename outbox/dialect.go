package outbox

import (
	"fmt"

	"github.com/filecleangen/filecleangen/internal/dialect"
)

// A Dialect is the kind of database that an outbox is in.
type Dialect uint8

// The databases that an outbox can be in.
const (
	SQLite     = Dialect(dialect.SQLite)     // 3.24 or later
	PostgreSQL = Dialect(dialect.PostgreSQL) // 13 or later
	MySQL      = Dialect(dialect.MySQL)      // MySQL 8.0.19 or later, and MariaDB 10.6 or later
)

// String returns the name of the database.
func (d Dialect) String() string {
	known, err := d.known()
	if err != nil {
		return fmt.Sprintf("Dialect(%d)", uint8(d))
	}
	return known.String()
}

func (d Dialect) known() (dialect.Dialect, error) { return dialect.Of(dialect.Kind(d)) }
