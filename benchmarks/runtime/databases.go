package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// articles is how many rows there are, with an index on the columns of files.
const articles = 10_000

// mall is a database with an outbox.
type mall struct {
	d     outbox.Dialect
	db    *sql.DB
	clean *runtime.Cleaner
	box   *outbox.Outbox
	relay *outbox.Relay
	n     int
	drop  func()
}

// eachDatabase calls do for a new database of each kind, in a directory where it
// is SQLite.
func eachDatabase(top string, do func(*mall) error) error {
	for _, d := range []outbox.Dialect{outbox.SQLite, outbox.PostgreSQL, outbox.MySQL} {
		m := &mall{d: d}
		err := m.create(context.Background(), top)
		if err == nil {
			err = do(m)
			m.drop()
		}
		if err != nil {
			return fmt.Errorf("%v: %w", d, err)
		}
	}
	return nil
}

// stock makes the table of articles, without rows, and the outbox.
func (m *mall) stock(media *runtime.DirFs) error {
	ctx := context.Background()
	text := map[outbox.Dialect]string{outbox.SQLite: "text", outbox.PostgreSQL: "text", outbox.MySQL: "varchar(200)"}[m.d]
	for _, s := range []string{
		"CREATE TABLE article (id bigint PRIMARY KEY, title " + text + ", cover " + text + ", banner " + text + ")",
		"CREATE INDEX article_cover ON article (cover)",
		"CREATE INDEX article_banner ON article (banner)",
	} {
		if _, err := m.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	stored := outbox.Stored(models.ArticleFileType, "article", outbox.Columns{"Cover": {Name: "cover"}, "Banner": {Name: "banner"}})
	return m.promises(ctx, media, models.ArticleFileType, stored)
}

// promises makes the outbox, for files of one type.
func (m *mall) promises(ctx context.Context, media *runtime.DirFs, t *runtime.Type, stored outbox.Option) (err error) {
	if m.clean, err = cleanerOf(media, t); err != nil {
		return err
	}
	m.box, err = outbox.New(m.clean, m.db, m.d, stored)
	if err != nil {
		return err
	}
	if err := outbox.Migrate(ctx, m.db, m.d); err != nil {
		return err
	}
	m.relay, err = m.box.Relay(ctx, "benchmark", outbox.WithMarkerLater())
	return err
}

func cleanerOf(media *runtime.DirFs, t *runtime.Type) (*runtime.Cleaner, error) {
	return runtime.New(runtime.WithStorage("media", media), runtime.WithTypes(t), runtime.WithLogger(quiet()))
}

// create makes a database, or a schema, and what drops it.
func (m *mall) create(ctx context.Context, top string) (err error) {
	if m.d == outbox.SQLite {
		m.db, err = sql.Open("sqlite", filepath.Join(top, "mall.db")+"?_txlock=immediate&_pragma=journal_mode(wal)&_pragma=busy_timeout(10000)")
		m.drop = func() { _ = m.db.Close() }
		return err
	}
	driver, variable, dsn, made := "pgx", "FILECLEANGEN_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable", "SCHEMA"
	if m.d == outbox.MySQL {
		driver, variable, dsn, made = "mysql", "FILECLEANGEN_MARIADB", "root@tcp(127.0.0.1:3306)/test", "DATABASE"
	}
	if other := os.Getenv(variable); other != "" {
		dsn = other
	}
	server, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("filecleangen_bench_%d", time.Now().UnixNano())
	if _, err := server.ExecContext(ctx, "CREATE "+made+" "+name); err != nil {
		return err
	}
	m.drop = func() {
		_ = m.db.Close()
		_, _ = server.ExecContext(ctx, "DROP "+made+" "+name+map[string]string{"SCHEMA": " CASCADE"}[made])
		_ = server.Close()
	}
	if m.d == outbox.PostgreSQL {
		dsn += "&search_path=" + name
	} else {
		config, err := mysql.ParseDSN(dsn)
		if err != nil {
			return err
		}
		config.DBName = name
		dsn = config.FormatDSN()
	}
	m.db, err = sql.Open(driver, dsn)
	return err
}

// q makes the placeholders of the database of question marks.
func (m *mall) q(query string) string {
	if m.d == outbox.PostgreSQL {
		for i := 1; strings.Contains(query, "?"); i++ {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", i), 1)
		}
	}
	return query
}

// refill makes the rows anew, and empties the outbox.
func (m *mall) refill() error {
	ctx := context.Background()
	for _, s := range []string{"DELETE FROM filecleangen_outbox", "DELETE FROM article"} {
		if _, err := m.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	const portion = 500
	for from := 0; from < articles; from += portion {
		var rows []string
		for i := range portion {
			rows = append(rows, fmt.Sprintf("(%[1]d, 'title', 'covers/%06[1]d.png', 'banners/%06[1]d.png')", from+i))
		}
		if _, err := m.db.ExecContext(ctx, "INSERT INTO article (id, title, cover, banner) VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}
