package dialect

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// mysql is MySQL, 8.0.19 or later, and MariaDB, 10.6 or later.
type mysql struct{}

func (mysql) String() string { return "MySQL" }

func (mysql) Now() string {
	return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
}

func (mysql) Quote(name string) string { return quote(name, "`") }

func (mysql) Bind(int) string { return "?" }

func (mysql) Exact(text string) string { return "CAST(CONVERT(" + text + " USING utf8mb4) AS BINARY)" }

func (mysql) KeepExisting() string { return " ON DUPLICATE KEY UPDATE id = id" }

func (mysql) UpdatePending(_ string, columns []string) string {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = fmt.Sprintf("%s = IF(state = 'pending', VALUES(%[1]s), %[1]s)", c)
	}
	return " ON DUPLICATE KEY UPDATE " + strings.Join(set, ", ")
}

func (mysql) SkipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (mysql) OneWriter() bool { return false }

// Running: InnoDB shows its transactions to those who have the privilege PROCESS,
// in a table that may be some time old; it is new enough if the query that reads it
// is in it.
func (d mysql) Running(ctx context.Context, db *sql.DB, table string) (bound int64, running []string, err error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = c.Close() }()
	// What is begun here must be ended here: the connection goes back to its pool.
	whole := context.WithoutCancel(ctx)
	// One reader at a time, or the table would never be old enough to be made anew.
	if _, err := c.ExecContext(whole, "DO GET_LOCK('"+table+"_horizon', 10)"); err != nil {
		return 0, nil, err
	}
	defer func() {
		for _, s := range []string{"ROLLBACK", "DO RELEASE_LOCK('" + table + "_horizon')"} {
			if _, failed := c.ExecContext(whole, s); failed != nil {
				_ = c.Raw(func(any) error { return driver.ErrBadConn }) // close it
				return
			}
		}
	}()
	if _, err := c.ExecContext(whole, "START TRANSACTION"); err != nil {
		return 0, nil, err
	}
	result, err := c.ExecContext(whole, "INSERT INTO "+table+" (storage, name) VALUES ('', ?)", "horizon "+rand.Text())
	if err != nil {
		return 0, nil, err
	}
	if bound, err = result.LastInsertId(); err != nil {
		return 0, nil, err
	}
	for {
		isNew, running, err := d.transactions(whole, c)
		switch {
		case denied(err):
			return bound, nil, nil
		case err != nil:
			return 0, nil, err
		case isNew:
			return bound, running, nil
		}
		select {
		case <-time.After(110 * time.Millisecond): // the table is made anew after 100 ms without readers
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

// transactions returns the transactions other than the one that asks, and whether
// the table is new: it has that one, running this very query. Their connection may
// be in it with an earlier transaction. An id may change while a transaction runs,
// so others are known by their connection and their time.
func (d mysql) transactions(ctx context.Context, db Queryer) (isNew bool, running []string, err error) {
	running = []string{}
	token := rand.Text()
	s := New(d, "SELECT /* "+token+" */ concat(trx_mysql_thread_id, ' ', trx_started), trx_mysql_thread_id = CONNECTION_ID(), coalesce(trx_query, '') FROM information_schema.INNODB_TRX")
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var t, query string
		var own bool
		if err := rows.Scan(&t, &own, &query); err != nil {
			return err
		}
		if !own {
			running = append(running, t)
		} else if strings.Contains(query, token) {
			isNew = true
		}
		return nil
	})
	return isNew, running, err
}

// denied reports whether err says that a privilege is missing, error 1227.
func denied(err error) bool { return err != nil && strings.Contains(err.Error(), "1227") }

func (mysql) Transaction(ctx context.Context, db *sql.DB, do func(Handle) error) error {
	return readCommitted(ctx, db, do)
}

func (mysql) Typed() bool { return false }

func (mysql) Column(_ context.Context, _ Queryer, table, column string, form Form, _ bool) (Source, error) {
	return Source{Table: table, Column: column, Form: form}, nil
}

func (d mysql) Find(s *Statement, src Source, values []string, limit string) {
	if src.Form == Text {
		findText(s, d, src, values, limit)
		return
	}
	// There is no path for all there is: the document, what is in objects, and what is in arrays.
	for i, path := range []string{"$", "$**.*", "$**[*]"} {
		if i > 0 {
			s.Raw(" UNION ALL ")
		}
		In(s.Raw("SELECT DISTINCT "+d.Exact("v.v")+" FROM "+someRows(d, src, limit)+", JSON_TABLE(nullif(t.c, ''), '"+path+"' COLUMNS (v text PATH '$')) v WHERE v.v IN "), values)
	}
}

func (d mysql) Schema() [][]string { return schemaOf(d, "mysql") }

func (mysql) Exists(table string) string {
	return "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '" + table + "'"
}

// Exclusively: what changes a schema can't be rolled back.
func (mysql) Exclusively(ctx context.Context, c *sql.Conn, name string, do func() error) error {
	release := "DO RELEASE_LOCK('" + name + "')"
	return between(ctx, c, []string{"DO GET_LOCK('" + name + "', 60)"}, release, release, do)
}
