package gormclean

import (
	"iter"
	"maps"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// session returns a session that reads on the connection of the write, past hooks,
// from the table that the statement is about.
func (w *write) session() *gorm.DB {
	stmt := w.db.Statement
	given := stmt.ConnPool
	stmt.ConnPool = w.ConnPool
	s := w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true, Context: w.outside})
	s = s.Unscoped().Model(reflect.New(stmt.Schema.ModelType).Interface())
	stmt.ConnPool = given
	s.Statement.TableExpr, s.Statement.Table = stmt.TableExpr, stmt.Table
	return s
}

// find runs a query for rows of the model: their primary keys and the columns that
// name files, or all, where these are not known.
func (w *write) find(query *gorm.DB, lock bool) (reflect.Value, error) {
	s := w.db.Statement.Schema
	if columns := fileColumns(w.keeper.types(), s); columns != nil {
		query = query.Select(append(slices.Sorted(maps.Keys(columns)), s.PrimaryFieldDBNames...))
	}
	query = query.Clauses(mark{})
	if lock && w.outside == nil && w.db.Name() != "sqlite" {
		query = query.Clauses(clause.Locking{Strength: w.strength()})
	}
	rows := reflect.New(reflect.SliceOf(s.ModelType))
	err := query.Find(rows.Interface()).Error
	return rows.Elem(), err
}

// strength is that of the lock which the statement itself takes: on PostgreSQL, an
// UPDATE does not wait for others to check foreign keys.
func (w *write) strength() string {
	if w.db.Name() == "postgres" && !w.deletes() {
		return "NO KEY UPDATE"
	}
	return clause.LockingStrengthUpdate
}

// deletes reports whether the statement is a DELETE, not a soft one.
func (w *write) deletes() bool {
	_, is := w.db.Statement.Clauses["DELETE"]
	return is
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

// readMatching reads the rows that an UPDATE or a DELETE is about to change, and
// locks them.
func readMatching(w *write) (reflect.Value, error) {
	query := w.session()
	if c, ok := w.db.Statement.Clauses["WHERE"]; ok && c.Expression != nil {
		if where, ok := c.Expression.(clause.Where); ok {
			query = query.Clauses(where)
		}
	}
	return w.find(query, true)
}

// readConflicting reads the rows that an INSERT is about to change instead, because
// they have the key of one that it is to create, and locks them.
func readConflicting(w *write) (reflect.Value, error) {
	stmt := w.db.Statement
	conflict, ok := stmt.Clauses["ON CONFLICT"]
	if on, is := conflict.Expression.(clause.OnConflict); !ok || is && on.DoNothing {
		return reflect.Value{}, nil
	}
	values, ok := stmt.Clauses["VALUES"].Expression.(clause.Values)
	if !ok {
		return reflect.Value{}, nil
	}
	var conditions []clause.Expression
	indexes, err := w.uniqueColumns()
	if err != nil {
		return reflect.Value{}, err
	}
	for _, unique := range indexes {
		conditions = append(conditions, sameValues(stmt, values, unique)...)
	}
	if len(conditions) == 0 {
		return reflect.Value{}, nil
	}
	return w.find(w.session().Clauses(clause.Where{Exprs: []clause.Expression{clause.Or(conditions...)}}), true)
}

// uniqueColumns returns the columns of each unique index that gorm knows of, and of
// the one that the statement names.
func (w *write) uniqueColumns() ([][]string, error) {
	stmt := w.db.Statement
	all, err := w.models.unique(stmt.Schema, stmt.NamingStrategy)
	if on, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok && len(on.Columns) > 0 {
		var columns []string
		for _, c := range on.Columns {
			columns = append(columns, c.Name)
		}
		all = append(slices.Clone(all), columns)
	}
	return all, err
}

// sameValues returns a condition for each row of values that says that some columns
// have the same.
func sameValues(stmt *gorm.Statement, values clause.Values, columns []string) (conditions []clause.Expression) {
	at := map[string]int{}
	for i, c := range values.Columns {
		at[c.Name] = i
	}
	for _, row := range values.Values {
		var all []clause.Expression
		for _, column := range columns {
			i, ok := at[column]
			if !ok || row[i] == nil {
				break
			}
			if _, expression := row[i].(clause.Expression); expression { // such as DEFAULT
				break
			}
			all = append(all, clause.Eq{Column: clause.Column{Table: stmt.Table, Name: column}, Value: row[i]})
		}
		if len(columns) > 0 && len(all) == len(columns) {
			conditions = append(conditions, clause.And(all...))
		}
	}
	return conditions
}

// chunk is how many rows a query asks for by their keys.
const chunk = 500

// chunks are the rows, so many at a time.
func chunks(rows reflect.Value) iter.Seq[reflect.Value] {
	return func(yield func(reflect.Value) bool) {
		for i := 0; i < length(rows); i += chunk {
			if !yield(rows.Slice(i, min(i+chunk, rows.Len()))) {
				return
			}
		}
	}
}

// readAgain reads rows by their primary keys. It must lock those that the statement
// has locked: else a transaction at REPEATABLE READ sees a row as it was at its
// beginning, if the statement did not change it, or on MariaDB and MySQL did not have
// to.
func (w *write) readAgain(rows reflect.Value, lock bool) (all reflect.Value, err error) {
	for some := range chunks(rows) {
		found, err := w.find(w.session().Clauses(w.byKeys(some)), lock)
		if err != nil {
			return all, err
		}
		if all.IsValid() {
			found = reflect.AppendSlice(all, found)
		}
		all = found
	}
	return all, nil
}

// byKeys is the condition that a row has the primary key of one of those; gorm's own
// would leave out a key that is zero.
func (w *write) byKeys(rows reflect.Value) clause.Where {
	stmt := w.db.Statement
	keys := make([][]any, rows.Len())
	for i := range keys {
		for _, f := range stmt.Schema.PrimaryFields {
			value, _ := f.ValueOf(stmt.Context, rows.Index(i))
			keys[i] = append(keys[i], value)
		}
	}
	column, values := schema.ToQueryValues(stmt.Table, stmt.Schema.PrimaryFieldDBNames, keys)
	return clause.Where{Exprs: []clause.Expression{clause.IN{Column: column, Values: values}}}
}

// readCreated returns the rows that the statement was given to create.
func readCreated(w *write) (reflect.Value, error) {
	stmt := w.db.Statement
	rows := reflect.New(reflect.SliceOf(stmt.Schema.ModelType)).Elem()
	model := stmt.ReflectValue
	switch {
	case model.Type() == stmt.Schema.ModelType:
		return reflect.Append(rows, model), nil
	case model.Kind() == reflect.Slice || model.Kind() == reflect.Array:
		for i := range model.Len() {
			if element := reflect.Indirect(model.Index(i)); element.Type() == stmt.Schema.ModelType {
				rows = reflect.Append(rows, element)
			}
		}
		if rows.Len() == model.Len() {
			return rows, nil
		}
	}
	return fromValues(stmt, rows.Slice(0, 0))
}

// fromValues makes models of the values of an INSERT, for what was given as maps.
func fromValues(stmt *gorm.Statement, rows reflect.Value) (reflect.Value, error) {
	values, ok := stmt.Clauses["VALUES"].Expression.(clause.Values)
	if !ok {
		return rows, nil
	}
	for _, row := range values.Values {
		model := reflect.New(stmt.Schema.ModelType).Elem()
		for i, column := range values.Columns {
			field := stmt.Schema.LookUpField(column.Name)
			if _, expression := row[i].(clause.Expression); field == nil || expression {
				continue
			}
			if err := field.Set(stmt.Context, model, row[i]); err != nil {
				return rows, err
			}
		}
		rows = reflect.Append(rows, model)
	}
	return rows, nil
}
