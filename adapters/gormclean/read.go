package gormclean

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/filecleangen/filecleangen/runtime"
)

// readBefore reads the rows that a statement is about to change, and locks them.
func (w *write) readBefore(query string, args []any) (reflect.Value, error) {
	var err error
	if w.triggered, err = w.hasTriggers(); err != nil {
		return reflect.Value{}, err
	}
	switch {
	case w.kind == creates:
		return w.readConflicting()
	case w.returns() && w.returnsOld():
		return reflect.Value{}, nil // the statement says it itself
	}
	return w.readMatching(query, args)
}

// readMatching reads the rows that an UPDATE or a DELETE is about.
func (w *write) readMatching(query string, args []any) (reflect.Value, error) {
	where, args, err := w.conditions(query, args)
	if err != nil {
		return reflect.Value{}, err
	}
	if w.db.Name() != "mysql" || w.deletesRows() || w.text.limited {
		if lock := w.lock(); lock != "" {
			where += "\nFOR " + lock // the conditions may end with a comment
		}
		return w.find(where, args)
	}
	// An UPDATE at READ COMMITTED waits for no row that does not match, although others
	// have locked it: neither must this. Rows that are locked and match are waited for by
	// their keys.
	rows, err := w.find(where+"\nFOR UPDATE SKIP LOCKED", args)
	if err != nil {
		return rows, err
	}
	all, err := w.find(where, args)
	if err != nil {
		return rows, err
	}
	locked, err := w.readKeys(w.without(all, rows))
	return appended(rows, locked), err
}

// lock returns how rows are locked that are about to be changed, or "". On PostgreSQL it
// is as the statement does, which does not wait for others to check foreign keys; a role
// that may delete may not lock there.
func (w *write) lock() string {
	switch {
	case w.db.Name() == "sqlite", w.db.Name() == "postgres" && w.deletesRows():
		return ""
	case w.db.Name() == "postgres":
		return "NO KEY UPDATE"
	}
	return clause.LockingStrengthUpdate
}

// find reads rows of the model: their primary keys and the columns that name files.
func (w *write) find(where string, args []any) (reflect.Value, error) {
	s := w.session()
	s.Statement.SQL.WriteString("SELECT /* filecleangen */ " + w.columns() + " FROM " + w.from() + " " + where)
	s.Statement.Vars = args
	return w.run(s)
}

// session returns a session that reads on the connection of the write, past hooks and past
// the statements that gorm has prepared: those are for texts that come again.
func (w *write) session() *gorm.DB {
	stmt := w.db.Statement
	given := stmt.ConnPool
	stmt.ConnPool = poolOf(w.ConnPool)
	s := w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true, Context: w.outside})
	s = s.Unscoped().Model(reflect.New(stmt.Schema.ModelType).Interface())
	stmt.ConnPool = given
	s.Statement.TableExpr, s.Statement.Table = stmt.TableExpr, stmt.Table
	return s
}

// run runs a query of session.
func (w *write) run(s *gorm.DB) (reflect.Value, error) {
	rows := reflect.New(reflect.SliceOf(w.db.Statement.Schema.ModelType))
	err := s.Find(rows.Interface()).Error
	return rows.Elem(), err
}

// from returns the table of the statement, as SQL has it.
func (w *write) from() string {
	stmt := w.db.Statement
	if stmt.TableExpr != nil {
		return stmt.TableExpr.SQL
	}
	return stmt.Quote(stmt.Table)
}

// columns returns those of the primary key and those that name files, or all, where
// these are not known, as SQL has them.
func (w *write) columns() string {
	stmt := w.db.Statement
	known := fileColumns(w.tier.keeper().Types(), stmt.Schema)
	if known == nil {
		return "*"
	}
	var quoted []string
	for _, name := range append(slices.Sorted(maps.Keys(known)), stmt.Schema.PrimaryFieldDBNames...) {
		quoted = append(quoted, stmt.Quote(clause.Column{Name: name}))
	}
	return strings.Join(quoted, ",")
}

// chunk is how many rows a query asks for by their keys, and conditions how many it
// says of several columns each: what SQLite takes.
const (
	chunk      = 500
	conditions = 100
)

// readKeys reads rows by their primary keys. On MariaDB and MySQL it must lock those that
// the statement has locked: else a transaction at REPEATABLE READ sees a row as it was at
// its beginning, if the statement did not have to change it. On PostgreSQL it must not:
// see readOverwritten.
func (w *write) readKeys(rows reflect.Value) (all reflect.Value, err error) {
	lock := ""
	if w.db.Name() == "mysql" && w.outside == nil {
		lock = clause.LockingStrengthUpdate
	}
	return w.readValues(w.db.Statement.Schema.PrimaryFieldDBNames, w.primaryKeys(rows), lock)
}

func (w *write) primaryKeys(rows reflect.Value) [][]any {
	keys := make([][]any, length(rows))
	for i := range keys {
		for _, f := range w.db.Statement.Schema.PrimaryFields {
			value, _ := f.ValueOf(w.db.Statement.Context, rows.Index(i))
			keys[i] = append(keys[i], value)
		}
	}
	return keys
}

// readValues reads the rows that have one of those values in some columns, and locks them
// if it is told how.
func (w *write) readValues(columns []string, values [][]any, lock string) (all reflect.Value, err error) {
	for is := range conditionsOn(w.db.Statement.Table, columns, values) {
		s := w.session().Select(w.columns()).Clauses(mark{}, clause.Where{Exprs: []clause.Expression{is}})
		if lock != "" {
			s = s.Clauses(clause.Locking{Strength: lock})
		}
		found, err := w.run(s)
		if err != nil {
			return all, err
		}
		all = appended(all, found)
	}
	return all, nil
}

// conditionsOn returns conditions that columns have one of some values, a part of these each.
func conditionsOn(table string, columns []string, values [][]any) func(yield func(clause.Expression) bool) {
	return func(yield func(clause.Expression) bool) {
		if len(columns) == 1 {
			for part := range slices.Chunk(values, chunk) {
				column, in := schema.ToQueryValues(table, columns, part)
				if !yield(clause.IN{Column: column, Values: in}) {
					return
				}
			}
			return
		}
		for part := range slices.Chunk(values, conditions) { // SQLite has no lists of rows
			var either []clause.Expression
			for _, row := range part {
				var all []clause.Expression
				for i, column := range columns {
					all = append(all, clause.Eq{Column: clause.Column{Table: table, Name: column}, Value: row[i]})
				}
				either = append(either, clause.And(all...))
			}
			if !yield(clause.Or(either...)) {
				return
			}
		}
	}
}

// mark puts a comment into a query, by which people know where it comes from.
type mark struct{}

// Build is never called.
func (mark) Build(clause.Builder) {}

// ModifyStatement is called by gorm.
func (mark) ModifyStatement(stmt *gorm.Statement) {
	c := stmt.Clauses["SELECT"]
	c.AfterNameExpression = clause.Expr{SQL: "/* filecleangen */"}
	stmt.Clauses["SELECT"] = c
}

func length(rows reflect.Value) int {
	if !rows.IsValid() {
		return 0
	}
	return rows.Len()
}

func appended(rows, more reflect.Value) reflect.Value {
	switch {
	case length(more) == 0:
		return rows
	case length(rows) == 0:
		return more
	}
	return reflect.AppendSlice(rows, more)
}

// without returns those rows that are not among others, each once.
func (w *write) without(rows, others reflect.Value) reflect.Value {
	if length(rows) == 0 {
		return rows
	}
	known := w.keysOf(others)
	rest := reflect.MakeSlice(rows.Type(), 0, rows.Len())
	for i := range rows.Len() {
		if key := w.keyOf(rows.Index(i)); !known[key] {
			known[key] = true
			rest = reflect.Append(rest, rows.Index(i))
		}
	}
	return rest
}

func (w *write) keysOf(rows reflect.Value) map[runtime.Key]bool {
	keys := make(map[runtime.Key]bool, length(rows))
	for i := range length(rows) {
		keys[w.keyOf(rows.Index(i))] = true
	}
	return keys
}
