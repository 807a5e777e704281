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

// Transaction: the search path is that with which the connection was made, and
// temporary tables come last in it; a policy that would hide rows is an error.
func (d postgres) Transaction(ctx context.Context, db *sql.DB, do func(Handle) error) error {
	return readCommitted(ctx, db, func(tx Handle) error {
		s := New(d, `SELECT set_config('search_path', concat_ws(', ', nullif((SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'), ''), 'pg_temp'), true),
			set_config('row_security', 'off', true), set_config('client_encoding', 'UTF8', true)`)
		if err := QueryAll(ctx, tx, s, func(*sql.Rows) error { return nil }); err != nil {
			return err
		}
		return do(tx)
	})
}

func (postgres) Typed() bool { return true }

func (postgres) Shadowed(context.Context, Queryer, string) (bool, error) { return false, nil } // it is named with its schema

func (d postgres) Column(ctx context.Context, db Queryer, table, column string, form Form, many bool) (Source, error) {
	src := Source{Column: column, Form: form}
	kind, err := d.describe(ctx, db, table, &src)
	if err != nil {
		return src, err
	}
	is := Auto
	switch src.Type {
	case "text", "varchar", "bpchar", "citext", "name", "bytea", "uuid":
		is = Text
	case "json", "jsonb":
		is = JSON
	case "_text", "_varchar", "_bpchar", "_citext":
		is = Array
	}
	switch {
	case kind == "m":
		return src, errors.New("it is a materialized view, which is not what the rows are now")
	case kind == "f":
		return src, errors.New("it is a foreign table, which takes no part in transactions here; see outbox.WithReferences")
	case is == Auto:
		return src, fmt.Errorf("columns of type %s can't be read; see outbox.WithReferences", src.Type)
	case form == JSON && is == Text:
		src.Form = JSON
	case form != Auto && form != is:
		return src, fmt.Errorf("the column is of type %s", src.Type)
	case form == Auto && is == Text && many:
		return src, errors.New("the column is text, and the field may hold many names: say outbox.JSON in outbox.Stored if it holds JSON, or see outbox.WithReferences")
	default:
		src.Form = is
	}
	return src, nil
}

// describe finds a table and a column in the catalogue: the type, or that which its
// domain is made of, and what kind of table it is.
func (d postgres) describe(ctx context.Context, db Queryer, table string, src *Source) (kind string, err error) {
	err = QueryRow(ctx, db, New(d, `WITH RECURSIVE base (oid, typname, typtype, typbasetype, schema, relname, relkind) AS (
		SELECT t.oid, t.typname, t.typtype, t.typbasetype, n.nspname, c.relname, c.relkind::text
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`).
		Add(" WHERE a.attrelid = to_regclass(?) AND a.attname = ? AND NOT a.attisdropped", d.Quote(table), src.Column).
		Raw(` UNION ALL SELECT t.oid, t.typname, t.typtype, t.typbasetype, b.schema, b.relname, b.relkind FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
		SELECT typname, schema || '.' || relname, relkind FROM base WHERE typtype <> 'd'`), &src.Type, &src.Table, &kind)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.New("there is no such table or column")
	}
	return kind, err
}

func (d postgres) Find(s *Statement, src Source, values []string, limit string) {
	switch {
	case src.Form == Text:
		d.findText(s, src, values, limit)
	case src.Form == Array:
		In(s.Raw(selects(Exactly, "v")+" FROM "+someRows(d, src, limit)+", unnest(t.c::text[]) v WHERE v IN "), values)
	case src.Raw:
		s.Raw(selects(Document, d.text(src, "t.c")) + " FROM " + someRows(d, src, limit))
	default:
		document := "t.c::jsonb"
		if src.Type != "json" && src.Type != "jsonb" {
			document = "nullif(" + d.text(src, "t.c") + ", '')::jsonb"
		}
		In(s.Raw(selects(Exactly, "v #>> '{}'")+" FROM "+someRows(d, src, limit)+", jsonb_path_query("+document+", 'strict $.**') v WHERE jsonb_typeof(v) = 'string' AND v #>> '{}' IN "), values)
	}
}

// text is an expression for the text in a column.
func (postgres) text(src Source, column string) string {
	if src.Type == "bytea" {
		return "convert_from(" + column + ", 'UTF8')"
	}
	return column + `::text COLLATE "C"`
}

func (d postgres) findText(s *Statement, src Source, values []string, limit string) {
	column, rows := plainRows(d, src, limit)
	match := Exactly
	if src.Type == "bpchar" {
		match = Padded
	}
	s.Raw(selects(match, d.text(src, column)) + " FROM " + rows + " WHERE ")
	switch src.Type {
	case "bytea":
		bytes := make([][]byte, len(values))
		for i, v := range values {
			bytes[i] = []byte(v)
		}
		In(s.Raw(column+" IN "), bytes)
	case "uuid":
		In(s.Raw(column+"::text IN "), values)
	default:
		In(s.Raw(column+" IN "), values)
	}
}

func (d postgres) Schema() [][]string { return schemaOf(d, "postgres") }

func (postgres) Exists(table string) string {
	return "SELECT count(*) FROM pg_class WHERE oid = to_regclass('" + table + "')"
}

func (postgres) Exclusively(ctx context.Context, c *sql.Conn, name string, do func() error) error {
	return between(ctx, c, []string{"BEGIN", "SELECT pg_advisory_xact_lock(hashtext('" + name + "'))"}, "COMMIT", "ROLLBACK", do)
}
