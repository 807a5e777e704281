// Package databases gives tests empty databases of each kind.
package databases

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite

	"github.com/filecleangen/filecleangen/references"
)

var drivers = map[references.Dialect]string{references.SQLite: "sqlite", references.PostgreSQL: "pgx", references.MySQL: "mysql"}

// Each runs a test on each kind of database.
func Each(t *testing.T, test func(t *testing.T, d references.Dialect)) {
	t.Helper()
	On(t, test, references.SQLite, references.PostgreSQL, references.MySQL)
}

// EachServer runs a test on each database where transactions run beside each other:
// SQLite has one writer at a time.
func EachServer(t *testing.T, test func(t *testing.T, d references.Dialect)) {
	t.Helper()
	On(t, test, references.PostgreSQL, references.MySQL)
}

// On runs a test on some kinds of databases.
func On(t *testing.T, test func(t *testing.T, d references.Dialect), dialects ...references.Dialect) {
	t.Helper()
	for _, d := range dialects {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

// Open opens a database that New made.
func Open(d references.Dialect, dsn string) (*sql.DB, error) {
	return sql.Open(drivers[d], dsn)
}

// servers are handles by which databases are made and dropped. All tests of a
// program share them, since to connect takes longest.
var servers = map[references.Dialect]func() (*sql.DB, error){
	references.PostgreSQL: sync.OnceValues(func() (*sql.DB, error) { return open(references.PostgreSQL) }),
	references.MySQL:      sync.OnceValues(func() (*sql.DB, error) { return open(references.MySQL) }),
}

func open(d references.Dialect) (*sql.DB, error) {
	server, _ := address(d)
	return Open(d, server)
}

// address returns where a server is, and the variable that says so.
func address(d references.Dialect) (server, variable string) {
	server, variable = "root@tcp(127.0.0.1:3306)/test", "FILECLEANGEN_MARIADB"
	if d == references.PostgreSQL {
		server, variable = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable", "FILECLEANGEN_POSTGRES"
	}
	if other := os.Getenv(variable); other != "" {
		server = other
	}
	if d == references.PostgreSQL {
		server += "&synchronous_commit=off" // it is the tests that are killed, not the server
	}
	return server, variable
}

// MariaDB reports whether the server for MySQL is a MariaDB. That can return rows that a
// statement wrote, and MySQL can't.
func MariaDB(tb testing.TB) bool {
	tb.Helper()
	db, err := servers[references.MySQL]()
	if err != nil {
		tb.Fatal(err)
	}
	var version string
	if err := db.QueryRowContext(tb.Context(), "SELECT version()").Scan(&version); err != nil {
		tb.Fatal(err)
	}
	return strings.Contains(version, "MariaDB")
}

// New makes an empty database, or a schema on PostgreSQL, for the time of a test,
// and returns how to open it. Where no server answers the test is skipped; under
// CI=true it fails.
func New(tb testing.TB, d references.Dialect) (dsn string) {
	tb.Helper()
	if d == references.SQLite {
		return "file:" + filepath.Join(tb.TempDir(), "test.db") + "?_pragma=journal_mode(wal)&_pragma=synchronous(0)&_pragma=busy_timeout(20000)&_txlock=immediate"
	}
	server, variable := address(d)
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	db, err := servers[d]()
	if err != nil {
		tb.Fatal(err)
	}
	if err := db.PingContext(ctx); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("no %v answers at %s ($%s): %v", d, server, variable, err)
		}
		tb.Skipf("no %v answers at %s ($%s): %v", d, server, variable, err)
	}
	name := fmt.Sprintf("filecleangen_%d_%d", os.Getpid(), time.Now().UnixNano())
	made := map[references.Dialect]string{references.PostgreSQL: "SCHEMA", references.MySQL: "DATABASE"}[d]
	if _, err := db.ExecContext(ctx, "CREATE "+made+" "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cascade := map[references.Dialect]string{references.PostgreSQL: " CASCADE"}[d]
		_, _ = db.ExecContext(context.Background(), "DROP "+made+" "+name+cascade)
	})
	if d == references.PostgreSQL {
		return server + "&search_path=" + name
	}
	config, err := mysql.ParseDSN(server)
	if err != nil {
		tb.Fatal(err)
	}
	config.DBName, config.ParseTime = name, true
	return config.FormatDSN()
}

// Rebind makes the placeholders of the database of question marks.
func Rebind(d references.Dialect, query string) string {
	if d != references.PostgreSQL {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
