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
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// articles is how many rows there are, with an index on the columns of files.
const articles = 10_000

// mall is a database with an outbox.
type mall struct {
	d     references.Dialect
	db    *sql.DB
	own   *sql.DB // of the outbox, and nobody else's
	refs  *references.References
	clean *runtime.Cleaner
	box   *outbox.Outbox
	relay *outbox.Relay
	n     int
	drop  func()
}

// only is the kind of database that is measured; "" for all.
var only string

// eachDatabase calls do for a new database of each kind, in a directory where it
// is SQLite.
func eachDatabase(top string, do func(*mall) error) error {
	for _, d := range []references.Dialect{references.SQLite, references.PostgreSQL, references.MySQL} {
		if only != "" && !strings.EqualFold(only, d.String()) {
			continue
		}
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

// inEachDatabase is eachDatabase with a storage in a directory, which is removed then.
func inEachDatabase(on string, do func(m *mall, root string, media *storage.DirFs) error) error {
	root, err := os.MkdirTemp(on, "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(root) }()
	media, err := storage.Dir(root)
	if err != nil {
		return err
	}
	defer media.Close()
	return eachDatabase(root, func(m *mall) error { return do(m, root, media) })
}

// stock makes the table of articles, without rows, and the outbox.
func (m *mall) stock(media *storage.DirFs) error {
	if err := m.tables(); err != nil {
		return err
	}
	return m.promises(context.Background(), media, models.ArticleFileType, references.Table(models.ArticleFileType, "article"))
}

// tables makes the table of articles.
func (m *mall) tables() error {
	ctx := context.Background()
	text := map[references.Dialect]string{references.SQLite: "text", references.PostgreSQL: "text", references.MySQL: "varchar(200)"}[m.d]
	for _, s := range []string{
		"CREATE TABLE article (id bigint PRIMARY KEY, title " + text + ", cover " + text + ", banner " + text + ")",
		"CREATE INDEX article_cover ON article (cover)",
		"CREATE INDEX article_banner ON article (banner)",
	} {
		if _, err := m.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// promises makes the outbox, for files of one type, which are named in a table.
func (m *mall) promises(ctx context.Context, media *storage.DirFs, t *runtime.Type, in references.Option) (err error) {
	if err := outbox.Migrate(ctx, m.own, m.d); err != nil {
		return err
	}
	if m.refs, err = references.New(ctx, m.own, m.d, in); err != nil {
		return err
	}
	if m.clean, err = cleanerOf(media, t, runtime.WithReferences(m.refs)); err != nil {
		return err
	}
	if m.box, err = outbox.New(ctx, m.clean, m.refs); err != nil {
		return err
	}
	m.relay, err = m.box.Relay(ctx, "benchmark", outbox.WithMarkerLater())
	return err
}

func cleanerOf(media *storage.DirFs, t *runtime.Type, asking runtime.Option) (*runtime.Cleaner, error) {
	return runtime.New(runtime.WithStorage("media", media), runtime.WithTypes(t), asking, runtime.WithLogger(quiet()))
}

// create makes a database, or a schema, and what drops it.
func (m *mall) create(ctx context.Context, top string) (err error) {
	if m.d == references.SQLite {
		m.drop = m.close
		return m.open("sqlite", filepath.Join(top, "mall.db")+"?_txlock=immediate&_pragma=journal_mode(wal)&_pragma=busy_timeout(10000)")
	}
	driver, variable, dsn, made := "pgx", "FILECLEANGEN_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable", "SCHEMA"
	if m.d == references.MySQL {
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
		m.close()
		_, _ = server.ExecContext(ctx, "DROP "+made+" "+name+map[string]string{"SCHEMA": " CASCADE"}[made])
		_ = server.Close()
	}
	if m.d == references.PostgreSQL {
		dsn += "&search_path=" + name
	} else {
		config, err := mysql.ParseDSN(dsn)
		if err != nil {
			return err
		}
		config.DBName = name
		dsn = config.FormatDSN()
	}
	return m.open(driver, dsn)
}

func (m *mall) open(driver, dsn string) (err error) {
	if m.db, err = sql.Open(driver, dsn); err == nil {
		m.own, err = sql.Open(driver, dsn)
	}
	return err
}

func (m *mall) close() {
	_ = m.db.Close()
	_ = m.own.Close()
}

// q makes the placeholders of the database of question marks.
func (m *mall) q(query string) string {
	if m.d == references.PostgreSQL {
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
	return m.fillArticles()
}

// fillArticles makes the rows.
func (m *mall) fillArticles() error {
	ctx := context.Background()
	const chunk = 500
	for from := 0; from < articles; from += chunk {
		var rows []string
		for i := range chunk {
			rows = append(rows, fmt.Sprintf("(%[1]d, 'title', 'covers/%06[1]d.png', 'banners/%06[1]d.png')", from+i))
		}
		if _, err := m.db.ExecContext(ctx, "INSERT INTO article (id, title, cover, banner) VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}
