package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// postgres is PostgreSQL, 13 or later.
type postgres struct{}

func (postgres) String() string { return "PostgreSQL" }

func (postgres) Now() string { return "(extract(epoch FROM clock_timestamp()) * 1000)::bigint" }

func (postgres) Quote(name string) string { return quote(name, `"`) }

func (postgres) Bind(n int) string { return "$" + strconv.Itoa(n) }

func (postgres) Exact(text string) string { return text + `::text COLLATE "C"` }

func (postgres) KeepExisting() string { return keepOnConflict }

func (postgres) UpdatePending(table string, columns []string) string {
	return onConflict(table, columns)
}

func (postgres) SkipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (postgres) OneWriter() bool { return false }

// Running: every transaction holds its own virtual transaction id locked, from its
// beginning to its end, whatever it does; and everybody may see that.
func (d postgres) Running(ctx context.Context, db *sql.DB, table string) (bound int64, running []string, err error) {
	s := New(d, "SELECT nextval(pg_get_serial_sequence('"+table+"', 'id'))")
	if err := QueryRow(ctx, db, s, &bound); err != nil {
		return 0, nil, err
	}
	running, err = Strings(ctx, db, New(d, `SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'virtualxid' AND l.granted AND l.pid <> pg_backend_pid()
		AND (a.datid IS NULL OR a.datname = current_database()) AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
		UNION ALL SELECT 'prepared ' || gid FROM pg_prepared_xacts WHERE database = current_database()`))
	return bound, running, err
}

func (postgres) Transaction(ctx context.Context, db *sql.DB, do func(Handle) error) error {
	return readCommitted(ctx, db, do)
}

func (postgres) Typed() bool { return true }

func (d postgres) Column(ctx context.Context, db Queryer, table, column string, form Form, many bool) (Source, error) {
	src := Source{Table: table, Column: column, Form: form}
	typ, err := d.typeOf(ctx, db, table, column)
	if err != nil {
		return src, err
	}
	is := Auto
	switch typ {
	case "text", "varchar", "bpchar", "citext", "name":
		is = Text
	case "json", "jsonb":
		is = JSON
	case "_text", "_varchar", "_bpchar", "_citext":
		is = Array
	}
	switch {
	case is == Auto:
		return src, fmt.Errorf("columns of type %s can't be read; see outbox.WithReferences", typ)
	case form == JSON && is == Text:
		src.Cast = true
	case form != Auto && form != is:
		return src, fmt.Errorf("the column is of type %s", typ)
	case form == Auto && is == Text && many:
		return src, errors.New("the column is text, and the field may hold many names: say outbox.JSON in outbox.Stored if it holds JSON, or see outbox.WithReferences")
	default:
		src.Form = is
	}
	return src, nil
}

// typeOf returns the type of a column, or that which its domain is made of.
func (d postgres) typeOf(ctx context.Context, db Queryer, table, column string) (typ string, err error) {
	err = QueryRow(ctx, db, New(d, `SELECT CASE t.typtype WHEN 'd' THEN b.typname ELSE t.typname END FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype`).
		Add(" WHERE a.attrelid = to_regclass(?) AND a.attname = ? AND NOT a.attisdropped", d.Quote(table), column), &typ)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.New("there is no such table or column")
	}
	return typ, err
}

func (d postgres) Find(s *Statement, src Source, values []string, limit string) {
	switch src.Form {
	case Text:
		findText(s, d, src, values, limit)
	case Array:
		In(s.Raw("SELECT DISTINCT v FROM "+someRows(d, src, limit)+", unnest(t.c::text[]) v WHERE v IN "), values)
	default:
		document := "t.c::jsonb"
		if src.Cast {
			document = "nullif(t.c, '')::jsonb"
		}
		In(s.Raw("SELECT DISTINCT v #>> '{}' FROM "+someRows(d, src, limit)+", jsonb_path_query("+document+", 'strict $.**') v WHERE jsonb_typeof(v) = 'string' AND v #>> '{}' IN "), values)
	}
}

func (d postgres) Schema() [][]string { return schemaOf(d, "postgres") }

func (postgres) Exists(table string) string {
	return "SELECT count(*) FROM pg_class WHERE oid = to_regclass('" + table + "')"
}

func (postgres) Exclusively(ctx context.Context, c *sql.Conn, name string, do func() error) error {
	return between(ctx, c, []string{"BEGIN", "SELECT pg_advisory_xact_lock(hashtext('" + name + "'))"}, "COMMIT", "ROLLBACK", do)
}
