package outbox

import (
	"fmt"
	"strconv"
	"strings"
)

// A Dialect is the kind of database that an outbox is in.
type Dialect uint8

// The databases that an outbox can be in.
const (
	SQLite     Dialect = iota + 1 // 3.24 or later
	PostgreSQL                    // 13 or later
	MariaDB                       // 10.6 or later, and MySQL 8.0.19 or later
)

// String returns the name of the database.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	case MariaDB:
		return "MariaDB"
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

// now is an expression for the time of the server in milliseconds since 1970:
// every process that shares an outbox goes by one clock.
func (d Dialect) now() string {
	switch d {
	case PostgreSQL:
		return "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
	case MariaDB:
		return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
	case SQLite:
	}
	return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
}

// quote returns the name of a column, or of a table that may have a schema, as
// SQL has it.
func (d Dialect) quote(name string) string {
	q := `"`
	if d == MariaDB {
		q = "`"
	}
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = q + strings.ReplaceAll(p, q, q+q) + q
	}
	return strings.Join(parts, ".")
}

// statement is SQL text that is put together, and its arguments.
type statement struct {
	dialect Dialect
	text    strings.Builder
	args    []any
}

func (d Dialect) statement(text string) *statement {
	s := &statement{dialect: d}
	s.text.WriteString(text)
	return s
}

// raw appends text as it is.
func (s *statement) raw(text string) *statement {
	s.text.WriteString(text)
	return s
}

// add appends text, with an argument for each question mark in it.
func (s *statement) add(text string, args ...any) *statement {
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			s.args = append(s.args, args[i-1])
			if s.dialect == PostgreSQL {
				s.text.WriteString("$" + strconv.Itoa(len(s.args)))
			} else {
				s.text.WriteByte('?')
			}
		}
		s.text.WriteString(part)
	}
	return s
}

// in appends a list of arguments in parentheses.
func in[T any](s *statement, values []T) *statement {
	for i, v := range values {
		s.add([]string{"(?", ", ?"}[min(i, 1)], v)
	}
	s.text.WriteByte(')')
	return s
}

func (s *statement) String() string { return s.text.String() }
