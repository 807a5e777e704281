package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// postgres is PostgreSQL, 13 or later.
type postgres struct{}

func (postgres) String() string { return "PostgreSQL" }

func (postgres) Now() string { return "(extract(epoch FROM statement_timestamp()) * 1000)::bigint" }

func (postgres) Quote(name string) string { return quote(name, `"`) }

func (postgres) Bind(n int) string { return "$" + strconv.Itoa(n) }

func (d postgres) Again(n int) string { return d.Bind(n) }

func (postgres) KeepExisting(string) string { return keepOnConflict }

func (postgres) Lock() string { return " FOR UPDATE" }

func (postgres) SkipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (postgres) Among(s *Statement, names []string) *Statement {
	return s.Add(" = ANY (ARRAY(SELECT json_array_elements_text(?::json)))", listInJSON(names))
}

func (postgres) Revision() string { return "0" }

func (postgres) ForceIndex(string) string { return "" }

func (postgres) DeleteByKey(table string) string { return "DELETE FROM " + table }

func (postgres) Stale(err error) bool { return hasState(err, "40001") }

func (postgres) OneWriter() bool { return false }

func (d postgres) Home(ctx context.Context, db Queryer) (encoding string, err error) {
	err = QueryRow(ctx, db, New(d, "SELECT current_setting('server_encoding')"), &encoding)
	return encoding, err
}

func (d postgres) Transaction(ctx context.Context, s Session, do func(Handle) error) error {
	return d.within(ctx, s, "SET TRANSACTION READ WRITE", do)
}

func (d postgres) Reading(ctx context.Context, s Session, do func(Handle) error) error {
	return d.within(ctx, s, "SET TRANSACTION READ ONLY", do)
}

// postgresSettings are what a session may have been told that changes what is seen, and how
// it is set for a transaction. The search path is that with which the connection was
// made, and temporary tables come last in it; a policy that would hide rows is an
// error; an index is used where there is one, whatever the statistics say.
var postgresSettings = []string{
	"'search_path', concat_ws(', ', nullif(pg_catalog.current_setting('search_path'), ''), 'pg_temp')",
	"'row_security', 'off'", "'client_encoding', 'UTF8'", "'bytea_output', 'hex'", "'standard_conforming_strings', 'on'",
	"'statement_timeout', '0'", "'lock_timeout', '0'", "'idle_in_transaction_session_timeout', '0'",
	"'gin_fuzzy_search_limit', '0'", "'enable_seqscan', 'off'", "'enable_indexscan', 'on'", "'enable_bitmapscan', 'on'", "'jit', 'off'",
	"'synchronous_commit', CASE pg_catalog.current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE pg_catalog.current_setting('synchronous_commit') END",
}

func (d postgres) within(ctx context.Context, s Session, access string, do func(Handle) error) error {
	return readCommitted(ctx, s.DB, func(tx Handle) error {
		// The role and the path are those with which the connection was made, which may have
		// defaults. To ask pg_settings for them takes half a millisecond.
		if _, err := tx.ExecContext(ctx, access+"; SET LOCAL role TO DEFAULT; SET LOCAL search_path TO DEFAULT"); err != nil {
			return err
		}
		var standby bool
		q := New(d, "SELECT pg_catalog.pg_is_in_recovery() FROM (SELECT pg_catalog.set_config("+strings.Join(postgresSettings, ", true), pg_catalog.set_config(")+", true) OFFSET 0) s")
		switch err := QueryRow(ctx, tx, q, &standby); {
		case err != nil:
			return err
		case standby:
			return errStandby
		}
		return do(tx)
	})
}

var errStandby = errors.New("the database is a standby, which may be behind the one that programs write to: give the handle of that one")

func (postgres) Typed() bool { return true }

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
		return src, errors.New("it is a foreign table, which takes no part in transactions here; see references.Func")
	case is == Auto:
		return src, fmt.Errorf("columns of type %s can't be read; see references.Func", src.Type)
	case form == JSON && is == Text:
		src.Form = JSON
	case form != Auto && form != is:
		return src, fmt.Errorf("the column is of type %s", src.Type)
	case form == Auto && is == Text && many:
		return src, errors.New("the column is text, and the field may hold many names: say references.JSON in references.Table if it holds JSON, or see references.Func")
	default:
		src.Form = is
	}
	src.Indexed, err = d.indexed(ctx, db, src)
	return src, err
}

// describe finds a table and a column in the catalogue: the type, or that which its
// domain is made of, and what kind of table it is.
func (d postgres) describe(ctx context.Context, db Queryer, table string, src *Source) (kind string, err error) {
	err = QueryRow(ctx, db, New(d, `WITH RECURSIVE base (oid, typname, typtype, typbasetype, typnamespace, class, schema, relname, relkind) AS (
		SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typnamespace, c.oid, n.nspname, c.relname, c.relkind::text
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`).
		Add(" WHERE a.attrelid = to_regclass(?) AND a.attname = ? AND NOT a.attisdropped", d.Quote(table), src.Column).
		Raw(` UNION ALL SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typnamespace, b.class, b.schema, b.relname, b.relkind FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
		SELECT b.typname, n.nspname, b.schema || '.' || b.relname, b.relkind, coalesce((SELECT string_agg(k.attname, ',' ORDER BY k.attnum)
			FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey) WHERE i.indrelid = b.class AND i.indisprimary), '')
		FROM base b JOIN pg_catalog.pg_namespace n ON n.oid = b.typnamespace WHERE b.typtype <> 'd'`), &src.Type, &src.TypeSchema, &src.Table, &kind, &src.Key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNoColumn
	}
	return kind, err
}

// Shape is what the catalogue has of the tables, their columns, and the indexes on them.
func (d postgres) Shape(ctx context.Context, db Queryer, tables []string) (shape string, err error) {
	quoted := make([]string, len(tables))
	for i, table := range tables {
		quoted[i] = d.Quote(table)
	}
	s := New(d, "SELECT coalesce(string_agg(concat_ws(' ', w.name, c.oid, c.relname, n.nspname, c.relkind, ").
		Raw(`EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid),
			(SELECT string_agg(concat_ws(' ', a.attname, a.attnum, a.attisdropped, t.oid, t.typname, t.typnamespace, t.typtype, t.typbasetype), ',' ORDER BY a.attnum)
				FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0),
			(SELECT string_agg(concat_ws(' ', i.indexrelid, i.indisvalid, i.indisprimary, i.indkey), ',' ORDER BY i.indexrelid)
				FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid)), ';' ORDER BY w.name), '')
		FROM (SELECT value AS name FROM json_array_elements_text(`).
		Add("?::json)) w LEFT JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.name) LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace", listInJSON(quoted))
	err = QueryRow(ctx, db, s, &shape)
	return shape, err
}

// indexed reports whether an index has the strings of documents, or the elements of
// arrays: one on the expression [postgres.allStrings], or on the column itself.
func (d postgres) indexed(ctx context.Context, db Queryer, src Source) (is bool, err error) {
	if src.Form == Text {
		return false, nil // all that matters is in the statement
	}
	wanted := d.Quote(src.Column)
	if src.Form == JSON {
		wanted = d.allStrings(src, wanted)
	}
	table := d.Quote(src.Table)
	// The database is asked how it writes the expression.
	s := New(d, "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam ").
		Add("WHERE i.indrelid = to_regclass(?) AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'gin' ", table).
		Raw("AND (c.relkind = 'I' OR NOT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = i.indrelid)) AND ") // tables that inherit have none
	if src.Form == Array {
		s.Add("(SELECT a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = ?) = ANY (i.indkey))", src.Column)
	} else {
		const bare = `, '[() "]|::[a-z]+', '', 'g')`
		s.Raw("regexp_replace(pg_catalog.pg_get_expr(i.indexprs, i.indrelid)"+bare).Add(" = regexp_replace(?::text"+bare+")", wanted)
	}
	err = QueryRow(ctx, db, s, &is)
	return is, err
}

// allStrings is an expression for all strings in a document, as an array: an index on
// it serves Find, see docs/references.md.
func (postgres) allStrings(src Source, column string) string {
	if src.Type != "jsonb" {
		column = "(" + column + ")::jsonb"
	}
	return "jsonb_path_query_array(" + column + `, 'strict $.** ? (@.type() == "string")')`
}

// Find returns everything as bytes: no collation takes two values for one then.
func (d postgres) Find(s *Statement, src Source, values *Values, limit string) {
	switch src.Form {
	case Text:
		d.findText(s, src, d.list(s, values), limit)
	case Array:
		rows, list := someRows(d, src, limit), d.list(s, values)
		if src.Indexed {
			rows += " WHERE t.c && ARRAY(" + list + ")::" + quote(src.TypeSchema, `"`) + "." + quote(strings.TrimPrefix(src.Type, "_"), `"`) + "[]"
		}
		s.Raw(distinct(Exactly, "convert_to(a.v, 'UTF8')") + " FROM (SELECT unnest(t.c)::text COLLATE \"C\" AS v FROM " + rows + ") a WHERE a.v IN (" + list + ")")
	default:
		d.findDocuments(s, src, values, limit)
	}
}

// list is a query for the values.
func (postgres) list(s *Statement, values *Values) string {
	return "SELECT j.v FROM json_array_elements_text(" + values.json(s) + "::json) AS j (v)"
}

func (d postgres) findDocuments(s *Statement, src Source, values *Values, limit string) {
	rows, parts := someRows(d, src, limit), values.few()
	if src.Indexed || len(parts) == 0 || src.Type == "bytea" {
		s.Raw(selects(Document, d.bytes(src, "t.c")) + " FROM " + rows)
		if src.Indexed {
			s.Raw(" WHERE " + d.allStrings(src, "t.c") + " ?| ARRAY(" + d.list(s, values) + ")")
		}
		return
	}
	// OFFSET 0: the text is made once.
	s.Raw(selects(Document, "convert_to(d.c, 'UTF8')") + ` FROM (SELECT t.c::text COLLATE "C" AS c FROM ` + rows + ` OFFSET 0) d WHERE strpos(d.c, '\') > 0`)
	for _, part := range parts {
		s.Add(" OR strpos(d.c, ?) > 0", part)
	}
}

func (d postgres) findText(s *Statement, src Source, list, limit string) {
	column, rows := plainRows(d, src, limit)
	match, in := Exactly, " IN ("+list+")"
	switch src.Type {
	case "bpchar":
		match, in = Padded, " IN (SELECT l.v::bpchar FROM ("+list+") l)"
	case "citext":
		schema := quote(src.TypeSchema, `"`)
		in = " OPERATOR(" + schema + ".=) ANY (SELECT l.v::" + schema + ".citext FROM (" + list + ") l)"
	case "bytea":
		in = " IN (SELECT convert_to(l.v, 'UTF8') FROM (" + list + ") l)"
	case "uuid":
		in = " IN (SELECT CASE WHEN l.v ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN l.v::uuid END FROM (" + list + ") l)"
	}
	s.Raw(distinct(match, d.bytes(src, column)) + " FROM " + rows + " WHERE " + column + in)
}

// bytes is an expression for the bytes of what is in a column.
func (postgres) bytes(src Source, column string) string {
	if src.Type == "bytea" {
		return column
	}
	return "convert_to(" + column + "::text, 'UTF8')"
}

func (d postgres) FindTails(s *Statement, src Source, prefix string) {
	rows := someRows(d, src, "")
	switch {
	case src.Form == Array:
		rows = "(SELECT unnest(t.c) AS c FROM " + rows + ") t"
	case src.Type == "bytea":
		s.Raw(distinct(Exactly, "t.c")+" FROM "+rows).Add(" WHERE position(convert_to(?, 'UTF8') IN t.c) = 1", prefix)
		return
	}
	s.Raw(distinct(Exactly, "convert_to(t.c::text, 'UTF8')")+" FROM "+rows).
		Add(` WHERE starts_with(t.c::text COLLATE "C", ?)`, prefix).
		Raw(fmt.Sprintf(` AND substr(t.c::text COLLATE "C", %d) ~ '[?#%%\\]|//|/\.|^[/.]|/$'`, utf8.RuneCountInString(prefix)+1))
}

func (d postgres) List(s *Statement, src Source) {
	rows := someRows(d, src, "")
	if src.Form == Array {
		s.Raw(selects(Exactly, "convert_to(t.c::text, 'UTF8')") + " FROM (SELECT unnest(t.c) AS c FROM " + rows + ") t WHERE t.c IS NOT NULL")
		return
	}
	s.Raw(selects(matchOf(src), d.bytes(src, "t.c")) + " FROM " + rows)
}

func (d postgres) Keyed(src Source) *Statement {
	key, column := func(column string) string { return column + "::text" }, "r."+d.Quote(src.Column)
	if src.Form == Array {
		return keyed(d, src, key, Exactly, "convert_to(unnest("+column+")::text, 'UTF8')")
	}
	return keyed(d, src, key, matchOf(src), d.bytes(src, column))
}

// Doubt: in a database that is not in UTF-8, a connection may have any encoding, and
// what is more than ASCII may be read as something else than was written.
func (postgres) Doubt(s Session, name string) error {
	if s.Home == "UTF8" || s.Home == "SQL_ASCII" || !notASCII(name) {
		return nil
	}
	return fmt.Errorf("the encoding of the database is %s: what programs take for the name %q depends on their connections", s.Home, name)
}

func (d postgres) Schema() [][]string { return schemaOf(d, "postgres") }

func (postgres) Repeated(error) bool { return false }

func (d postgres) HasTable(ctx context.Context, db Queryer, table string) (is bool, err error) {
	err = QueryRow(ctx, db, New(d, "SELECT ").Add("to_regclass(?) IS NOT NULL", table), &is)
	return is, err
}

func (postgres) Exclusively(ctx context.Context, c *sql.Conn, name string, do func() error) error {
	return between(ctx, c, []string{"BEGIN ISOLATION LEVEL READ COMMITTED", "SELECT pg_advisory_xact_lock(hashtext('" + name + "'))"}, "COMMIT", "ROLLBACK", do)
}
