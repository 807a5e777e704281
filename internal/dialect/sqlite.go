package dialect

import (
	"context"
	"database/sql"
	"errors"
)

// sqlite is SQLite, 3.24 or later.
type sqlite struct{}

func (sqlite) String() string { return "SQLite" }

func (sqlite) Now() string { return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)" }

func (sqlite) Quote(name string) string { return quote(name, `"`) }

func (sqlite) Bind(int) string { return "?" }

func (sqlite) Exact(text string) string { return text + " COLLATE BINARY" }

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

func (sqlite) Column(_ context.Context, _ Queryer, table, column string, form Form, _ bool) (Source, error) {
	return Source{Table: table, Column: column, Form: form}, nil
}

// Find qualifies columns, or SQLite would take one that does not exist for a string.
func (d sqlite) Find(s *Statement, src Source, values []string, limit string) {
	if src.Form == Text {
		findText(s, d, src, values, limit)
		return
	}
	In(s.Raw("SELECT DISTINCT v.value FROM "+someRows(d, src, limit)+", json_tree(nullif(t.c, '')) v WHERE v.type = 'text' AND v.value IN "), values)
}

func (d sqlite) Schema() [][]string { return schemaOf(d, "sqlite") }

func (sqlite) Exists(table string) string {
	return "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" + table + "'"
}

func (sqlite) Exclusively(ctx context.Context, c *sql.Conn, _ string, do func() error) error {
	return immediately(ctx, c, do)
}
