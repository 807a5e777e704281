package dialect

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// mysql is MySQL, 8.0.19 or later, and MariaDB, 10.6 or later.
type mysql struct{}

func (mysql) String() string { return "MySQL" }

func (mysql) Now() string {
	return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
}

func (mysql) Quote(name string) string { return quote(name, "`") }

func (mysql) Bind(int) string { return "?" }

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

// Transaction: a limit that was set for all queries would hide rows.
func (mysql) Transaction(ctx context.Context, db *sql.DB, do func(Handle) error) error {
	return readCommitted(ctx, db, func(tx Handle) error {
		if _, err := tx.ExecContext(ctx, "SET SESSION sql_select_limit = 18446744073709551615"); err != nil {
			return err
		}
		return do(tx)
	})
}

// Shadowed: a temporary table comes first also where its schema is named.
func (d mysql) Shadowed(ctx context.Context, db Queryer, table string) (is bool, err error) {
	err = QueryAll(ctx, db, New(d, "SHOW CREATE TABLE "+d.Quote(table)), func(rows *sql.Rows) error {
		columns, err := rows.Columns() // of a view it has more
		if err != nil {
			return err
		}
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		is = len(values) > 1 && strings.HasPrefix(values[1].String, "CREATE TEMPORARY")
		return nil
	})
	return is, err
}

func (mysql) Typed() bool { return false }

func (d mysql) Column(ctx context.Context, db Queryer, table, column string, form Form, _ bool) (Source, error) {
	schema, name := "", table
	if s, n, ok := strings.Cut(table, "."); ok {
		schema, name = s, n
	}
	src := Source{Column: column, Form: form}
	var kind string
	err := QueryRow(ctx, db, New(d, `SELECT concat(c.table_schema, '.', c.table_name), c.data_type, coalesce(c.character_set_name, ''), coalesce(c.collation_name, ''), coalesce(c.character_maximum_length, 0), t.table_type
		FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name`).
		Add(" WHERE c.table_schema = coalesce(nullif(?, ''), DATABASE()) AND c.table_name = ? AND c.column_name = ?", schema, name, column),
		&src.Table, &src.Type, &src.Charset, &src.Collation, &src.Length, &kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return src, errors.New("there is no such table or column")
	case err != nil:
		return src, err
	case src.Type == "enum" || src.Type == "set":
		return src, fmt.Errorf("columns of type %s can't be read; see outbox.WithReferences", src.Type)
	}
	src.Type, src.Form = strings.ToLower(src.Type), form
	return src, nil
}

// Find sends names in hexadecimal, and takes values as bytes: a connection may have
// any character set, and would change them on the way.
func (d mysql) Find(s *Statement, src Source, values []string, limit string) {
	if src.Form == Text {
		d.findText(s, src, values, limit, "utf8mb4")
		if other := notASCII(values); len(other) > 0 && src.Charset != "" {
			// Programs with a connection in latin1 write UTF-8 that the server takes for that.
			s.Raw(" UNION ALL ")
			d.findText(s, src, other, limit, "latin1")
		}
		return
	}
	rows := someRows(d, src, limit)
	text := "nullif(CONVERT(t.c USING utf8mb4), '')"
	d.findJSON(s, rows, text, values)
	s.Raw(" UNION ALL " + selects(Document, "CAST("+text+" AS BINARY)") + " FROM " + rows + " WHERE " + text + " IS NOT NULL AND NOT JSON_VALID(" + text + ")")
	if other := notASCII(values); len(other) > 0 && src.Charset != "" {
		s.Raw(" UNION ALL ")
		d.findJSON(s, rows, "nullif(CONVERT(CAST(CONVERT(t.c USING latin1) AS BINARY) USING utf8mb4), '')", other)
	}
}

// findText looks for values that a program sees whose connection has a character
// set. They are compared in the set of the column, for its index to be used.
func (d mysql) findText(s *Statement, src Source, values []string, limit, set string) {
	column, rows := plainRows(d, src, limit)
	match, value := Exactly, "CAST("+column+" AS BINARY)"
	wanted := "UNHEX(?)"
	switch {
	case src.Charset != "":
		value = "CAST(CONVERT(" + column + " USING " + set + ") AS BINARY)"
		wanted = "CONVERT(CONVERT(UNHEX(?) USING " + set + ") USING " + src.Charset + ") COLLATE " + src.Collation
	case src.Type == "binary":
		wanted = fmt.Sprintf("RPAD(UNHEX(?), %d, x'00')", src.Length)
	case !strings.HasSuffix(src.Type, "binary") && !strings.HasSuffix(src.Type, "blob"):
		value, wanted = "CAST(CAST("+column+" AS CHAR) AS BINARY)", "CONVERT(UNHEX(?) USING utf8mb4)"
	}
	if src.Type == "char" || src.Type == "binary" {
		match = Padded
	}
	s.Raw(selects(match, value) + " FROM " + rows + " WHERE " + column + " IN ")
	inHex(s, wanted, values)
}

// findJSON looks for strings in documents. There is no path for all there is: the
// document, what is in objects, and what is in arrays.
func (d mysql) findJSON(s *Statement, rows, text string, values []string) {
	for i, path := range []string{"$", "$**.*", "$**[*]"} {
		if i > 0 {
			s.Raw(" UNION ALL ")
		}
		s.Raw(selects(Exactly, "CAST(v.v AS BINARY)") + " FROM " + rows + ", JSON_TABLE(IF(JSON_VALID(" + text + "), " + text + ", NULL), '" + path +
			"' COLUMNS (v longtext CHARACTER SET utf8mb4 PATH '$')) v WHERE v.v COLLATE utf8mb4_bin IN ")
		inHex(s, "CONVERT(UNHEX(?) USING utf8mb4)", values)
	}
}

// inHex appends a list of arguments in parentheses, each in an expression.
func inHex(s *Statement, expression string, values []string) {
	for i, v := range values {
		s.Raw([]string{"(", ", "}[min(i, 1)]).Add(expression, fmt.Sprintf("%X", v))
	}
	s.Raw(")")
}

func notASCII(values []string) (some []string) {
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r >= utf8.RuneSelf }) {
			some = append(some, v)
		}
	}
	return some
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
