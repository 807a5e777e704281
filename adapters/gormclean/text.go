package gormclean

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// text is where a statement that gorm has built says which rows it is about. The same text
// and the same values find them before it is run: conditions that are built twice may
// say something else the second time.
type text struct {
	from, to int // the conditions, in the text; to is 0 if they end it
	vars     int // how many values come before them
	limited  bool
}

// follow learns where the conditions of statements are: gorm asks these builders to
// write clauses.
func follow(db *gorm.DB) {
	for _, name := range []string{"WHERE", "ORDER BY", "LIMIT", "RETURNING"} {
		given := db.ClauseBuilders[name]
		db.ClauseBuilders[name] = func(c clause.Clause, builder clause.Builder) {
			if stmt, ok := builder.(*gorm.Statement); ok {
				if w := writeOf(stmt.ConnPool); w != nil && w.db.Statement == stmt {
					w.text.saw(name, stmt)
				}
			}
			if given != nil {
				given(c, builder)
				return
			}
			c.Build(builder)
		}
	}
}

func (t *text) saw(name string, stmt *gorm.Statement) {
	at := stmt.SQL.Len()
	if name == "RETURNING" {
		t.to = at
		return
	}
	if t.from == 0 {
		t.from, t.vars = at, len(stmt.Vars)
	}
	t.limited = t.limited || name == "LIMIT"
}

// writeOf returns the write that has taken the place of a connection, or nil.
func writeOf(pool gorm.ConnPool) *write {
	if w, ok := pool.(*write); ok {
		return w
	}
	return hookedOf(pool)
}

// tail returns the conditions of a statement as they are in its text.
func (w *write) tail(query string) (string, error) {
	if w.text.from == 0 {
		if c := w.db.Statement.Clauses["WHERE"]; c.Expression != nil {
			return "", errors.New("gorm was told to write WHERE in another way after the plugin was used: call db.Use with the plugin last")
		}
		return "", nil // all rows
	}
	end := len(query)
	if w.text.to > 0 {
		end = w.text.to
	}
	return strings.TrimRight(query[w.text.from:end], " "), nil
}

// conditions returns the conditions of a statement as a text that may follow "SELECT …
// FROM …", and its values.
func (w *write) conditions(query string, args []any) (string, []any, error) {
	tail, err := w.tail(query)
	if err != nil || tail == "" {
		return "", nil, err
	}
	if w.db.Name() != "postgres" || w.text.vars == 0 {
		return tail, args[w.text.vars:], nil
	}
	// The values are numbered: those before are there, too, and say nothing.
	args = slices.Clone(args)
	var before []string
	for i := range w.text.vars {
		args[i] = nil
		before = append(before, fmt.Sprintf("$%d::text", i+1))
	}
	hint, rest, isWhere := strings.Cut(tail, "WHERE ")
	if !isWhere {
		return "", nil, fmt.Errorf("the conditions begin with %.20q", tail)
	}
	return hint + "WHERE coalesce(" + strings.Join(before, ",") + ") IS NULL AND (" + rest + "\n)", args, nil
}
