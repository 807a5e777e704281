package dialect

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// sqlite is SQLite, 3.24 or later.
type sqlite struct{}

func (sqlite) String() string { return "SQLite" }

func (sqlite) Now() string { return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)" }

func (sqlite) Quote(name string) string { return quote(name, `"`) }

func (sqlite) Bind(int) string { return "?" }

func (sqlite) KeepExisting() string { return keepOnConflict }

func (sqlite) UpdatePending(table string, columns []string) string { return onConflict(table, columns) }

func (sqlite) SkipLocked() string { return "" }

func (sqlite) OneWriter() bool { return true }

func (sqlite) Running(context.Context, *sql.DB, string) (int64, []string, error) {
	return 0, nil, errors.New("SQLite has one writer")
}

func (sqlite) Transaction(ctx context.Context, db *sql.DB, do func(Handle) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return immediately(ctx, c, func() error { return do(c) })
}

// immediately runs do with the lock for writing from the beginning.
func immediately(ctx context.Context, c *sql.Conn, do func() error) error {
	return between(ctx, c, []string{"BEGIN IMMEDIATE"}, "COMMIT", "ROLLBACK", do)
}

func (sqlite) Typed() bool { return false }

func (sqlite) Shadowed(context.Context, Queryer, string) (bool, error) { return false, nil } // see Column

// Column says main where no schema is said: a temporary table of the same name would
// come first.
func (sqlite) Column(_ context.Context, _ Queryer, table, column string, form Form, _ bool) (Source, error) {
	if !strings.Contains(table, ".") {
		table = "main." + table
	}
	return Source{Table: table, Column: column, Form: form}, nil
}

// Find qualifies columns, or SQLite would take one that does not exist for a string.
// A text is never equal to the same bytes, so that both are asked for.
func (d sqlite) Find(s *Statement, src Source, values []string, limit string) {
	if src.Form == Text {
		column, rows := plainRows(d, src, limit)
		both := make([]any, 0, 2*len(values))
		for _, v := range values {
			both = append(both, v, []byte(v))
		}
		In(s.Raw(selects(Exactly, "CAST("+column+" AS TEXT) COLLATE BINARY")+" FROM "+rows+" WHERE "+column+" IN "), both)
		return
	}
	rows := someRows(d, src, limit)
	text := "nullif(CAST(t.c AS TEXT), '')"
	In(s.Raw(selects(Exactly, "v.value")+" FROM "+rows+", json_tree(CASE WHEN json_valid("+text+") THEN "+text+" END) v WHERE v.type = 'text' AND v.value IN "), values)
	s.Raw(" UNION ALL " + selects(Document, text) + " FROM " + rows + " WHERE " + text + " IS NOT NULL AND NOT json_valid(" + text + ")")
}

func (d sqlite) Schema() [][]string { return schemaOf(d, "sqlite") }

func (sqlite) Exists(table string) string {
	return "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" + table + "'"
}

func (sqlite) Exclusively(ctx context.Context, c *sql.Conn, _ string, do func() error) error {
	return immediately(ctx, c, do)
}
