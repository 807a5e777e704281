package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sqlite is SQLite, 3.41 or later.
type sqlite struct{}

func (sqlite) String() string { return "SQLite" }

func (sqlite) Now() string { return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)" }

func (sqlite) Quote(name string) string { return quote(name, `"`) }

func (sqlite) Bind(int) string { return "?" }

func (sqlite) Again(n int) string { return "?" + strconv.Itoa(n) }

func (sqlite) KeepExisting(string) string { return keepOnConflict }

func (sqlite) Lock() string { return "" }

func (sqlite) SkipLocked() string { return "" }

// Among: a name that a trigger has written may be no UTF-8, which JSON would change.
func (sqlite) Among(s *Statement, names []string) *Statement { return In(s.Raw(" IN "), names) }

func (sqlite) Revision() string { return "revision" }

func (sqlite) ForceIndex(string) string { return "" }

func (sqlite) DeleteByKey(table string) string { return "DELETE FROM " + table }

func (sqlite) Stale(error) bool { return false } // the next try is as good as any

func (sqlite) OneWriter() bool { return true }

func (sqlite) Home(context.Context, Queryer) (string, error) { return "", nil }

// busy is how long a connection waits for others: by default not at all.
const busy = "PRAGMA busy_timeout"

// Transaction: EXTRA also makes durable that a rollback journal is gone; in WAL mode it
// is FULL.
func (d sqlite) Transaction(ctx context.Context, s Session, do func(Handle) error) error {
	return d.within(ctx, s, "BEGIN IMMEDIATE", []string{"PRAGMA query_only = 0", "PRAGMA synchronous = EXTRA"}, do)
}

func (d sqlite) Reading(ctx context.Context, s Session, do func(Handle) error) error {
	return d.within(ctx, s, "BEGIN", nil, do)
}

func (d sqlite) within(ctx context.Context, s Session, begin string, settings []string, do func(Handle) error) error {
	c, err := s.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	var wait int
	if err := QueryRow(ctx, c, New(d, busy), &wait); err != nil {
		return err
	}
	if wait == 0 {
		settings = append(settings, busy+" = 5000")
	}
	for _, s := range append(settings, "PRAGMA read_uncommitted = 0") {
		if _, err := c.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return between(ctx, c, []string{begin}, "COMMIT", "ROLLBACK", func() error { return do(c) })
}

func (sqlite) Typed() bool { return false }

// Shape: SQLite counts the changes of a schema.
func (d sqlite) Shape(ctx context.Context, db Queryer, tables []string) (string, error) {
	var versions []string
	for _, table := range tables {
		schema, _, qualified := strings.Cut(table, ".")
		if !qualified { // it is in main, see Column
			schema = "main"
		}
		var n int64
		if err := QueryRow(ctx, db, New(d, "PRAGMA "+d.Quote(schema)+".schema_version"), &n); err != nil {
			return "", err
		}
		versions = append(versions, schema+" "+strconv.FormatInt(n, 10))
	}
	return strings.Join(slices.Compact(versions), ", "), nil
}

// Column says main where no schema is said: a temporary table of the same name would
// come first.
func (d sqlite) Column(ctx context.Context, db Queryer, table, column string, form Form, _ bool) (Source, error) {
	if !strings.Contains(table, ".") {
		table = "main." + table
	}
	src := Source{Table: table, Column: column, Form: form}
	schema, name, _ := strings.Cut(table, ".")
	found := false
	var key []string
	s := New(d, "SELECT name, pk FROM pragma_table_xinfo(").Add("?, ?) ORDER BY pk", name, schema)
	err := QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var name string
		var pk int
		if err := rows.Scan(&name, &pk); err != nil {
			return err
		}
		found = found || strings.EqualFold(name, column)
		if pk > 0 {
			key = append(key, name)
		}
		return nil
	})
	if err == nil && !found {
		err = ErrNoColumn
	}
	src.Key = strings.Join(key, ",")
	return src, err
}

// Find qualifies columns, or SQLite would take one that does not exist for a string.
// A text is never equal to the same bytes, so that both are asked for, if there are
// any: an index has them behind all texts.
func (d sqlite) Find(s *Statement, src Source, values *Values, limit string) {
	if src.Form == Text {
		column, rows := plainRows(d, src, limit)
		s.Raw(distinct(Exactly, column+" COLLATE BINARY") + " FROM " + rows + " WHERE " + column +
			" IN (SELECT value FROM json_each(" + values.json(s) + ") UNION ALL SELECT unhex(value) FROM json_each(" + values.hex(s) + ") WHERE EXISTS (SELECT 1 FROM " +
			d.Quote(src.Table) + " b WHERE b." + d.Quote(src.Column) + " >= x''))")
		// Numbers come before texts. A program gets them as texts.
		s.Raw(" UNION ALL " + distinct(Exactly, "CAST("+column+" AS TEXT)") + " FROM " + rows + " WHERE " + column + " < '' AND CAST(" + column +
			" AS TEXT) IN (SELECT value FROM json_each(" + values.json(s) + "))")
		return
	}
	s.Raw(selects(Document, "t.c") + " FROM " + someRows(d, src, limit))
	if parts := values.few(); len(parts) > 0 {
		s.Raw(` WHERE typeof(t.c) = 'blob' OR instr(CAST(t.c AS TEXT), '\') > 0`)
		for _, part := range parts {
			s.Add(" OR instr(CAST(t.c AS TEXT), ?) > 0", part)
		}
	}
}

func (d sqlite) FindTails(s *Statement, src Source, prefix string) {
	s.Raw(distinct(Exactly, "t.c COLLATE BINARY")+" FROM "+someRows(d, src, "")).
		Add(" WHERE typeof(t.c) = 'blob' OR instr(CAST(t.c AS TEXT), ?) = 1 AND (", prefix)
	rest := fmt.Sprintf("substr(CAST(t.c AS TEXT), %d)", utf8.RuneCountInString(prefix)+1)
	for i, pattern := range []string{`*[?#%\]*`, "*//*", "*/.*", "*/", "/*", ".*"} {
		s.Raw([]string{"", " OR "}[min(i, 1)] + rest + " GLOB '" + pattern + "'")
	}
	s.Raw(")")
}

func (d sqlite) List(s *Statement, src Source) {
	s.Raw(selects(matchOf(src), "t.c") + " FROM " + someRows(d, src, ""))
}

func matchOf(src Source) Match {
	if src.Form == JSON {
		return Document
	}
	return Exactly
}

func (d sqlite) Keyed(src Source) *Statement {
	key := []string{"''"}
	for i, column := range splitKey(src.Key) {
		key = append(key, []string{"''", "', '"}[min(i, 1)], "r."+d.Quote(column))
	}
	return New(d, fmt.Sprintf("SELECT %s, %d, r.%s FROM %s r WHERE r.%[3]s IS NOT NULL", strings.Join(key, " || "), matchOf(src), d.Quote(src.Column), d.Quote(src.Table)))
}

func (sqlite) Doubt(Session, string) error { return nil }

func (d sqlite) Schema() [][]string { return schemaOf(d, "sqlite") }

func (sqlite) Repeated(error) bool { return false }

func (d sqlite) HasTable(ctx context.Context, db Queryer, table string) (is bool, err error) {
	err = QueryRow(ctx, db, New(d, "SELECT EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND ").Add("name = ?)", table), &is)
	return is, err
}

func (sqlite) Exclusively(ctx context.Context, c *sql.Conn, _ string, do func() error) error {
	return between(ctx, c, []string{"BEGIN IMMEDIATE"}, "COMMIT", "ROLLBACK", do)
}
