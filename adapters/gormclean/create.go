package gormclean

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// readConflicting reads the rows that an INSERT is about to change, or to replace, because
// they have the key of one that it is to create, and locks them.
func (w *write) readConflicting() (old reflect.Value, err error) {
	stmt := w.db.Statement
	values, ok := stmt.Clauses["VALUES"].Expression.(clause.Values)
	if !ok || !overwrites(stmt) {
		return old, nil
	}
	indexes, err := w.uniqueColumns()
	if err != nil {
		return old, err
	}
	for _, unique := range indexes {
		found, err := w.readValues(unique, valuesOf(values, unique), w.lock())
		if err != nil {
			return old, err
		}
		old = appended(old, w.without(found, old))
	}
	return old, nil
}

// overwrites reports whether an INSERT may change rows that are there already.
func overwrites(stmt *gorm.Statement) bool {
	if on, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok {
		return !on.DoNothing
	}
	_, conflicts := stmt.Clauses["ON CONFLICT"]
	insert, _ := stmt.Clauses["INSERT"].Expression.(clause.Insert)
	return conflicts || strings.Contains(strings.ToUpper(insert.Modifier), "REPLACE")
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
		if !slices.ContainsFunc(all, func(known []string) bool { return slices.Equal(known, columns) }) {
			all = append(slices.Clone(all), columns)
		}
	}
	return all, err
}

// valuesOf returns what an INSERT puts into some columns, of the rows that have a value
// in each.
func valuesOf(values clause.Values, columns []string) (rows [][]any) {
	at := map[string]int{}
	for i, c := range values.Columns {
		at[c.Name] = i
	}
	for _, row := range values.Values {
		var all []any
		for _, column := range columns {
			i, ok := at[column]
			if !ok || row[i] == nil {
				break
			}
			if _, expression := row[i].(clause.Expression); expression { // such as DEFAULT
				break
			}
			all = append(all, row[i])
		}
		if len(columns) > 0 && len(all) == len(columns) {
			rows = append(rows, all)
		}
	}
	return rows
}

// readGiven returns the rows that a statement was given to create. What they name is not
// what there is: columns may be left out, rows be passed over, and triggers write
// something else.
func (w *write) readGiven() reflect.Value {
	stmt := w.db.Statement
	rows := reflect.New(reflect.SliceOf(stmt.Schema.ModelType)).Elem()
	model := stmt.ReflectValue
	switch {
	case model.Type() == stmt.Schema.ModelType:
		return reflect.Append(rows, model)
	case model.Kind() == reflect.Slice || model.Kind() == reflect.Array:
		for i := range model.Len() {
			if element := reflect.Indirect(model.Index(i)); element.Type() == stmt.Schema.ModelType {
				rows = reflect.Append(rows, element)
			}
		}
		if rows.Len() == model.Len() {
			return rows
		}
	}
	return w.fromValues(rows.Slice(0, 0))
}

// fromValues makes models of the values of an INSERT, for what was given as maps, with the
// keys that gorm has put there.
func (w *write) fromValues(rows reflect.Value) reflect.Value {
	stmt := w.db.Statement
	values, ok := stmt.Clauses["VALUES"].Expression.(clause.Values)
	if !ok {
		return rows
	}
	columns, maps := fileColumns(w.tier.keeper().Types(), stmt.Schema), mapsOf(stmt.Dest)
	for n, row := range values.Values {
		model := reflect.New(stmt.Schema.ModelType).Elem()
		if n < len(maps) {
			setKeys(stmt, model, maps[n])
		}
		for i, column := range values.Columns {
			field := stmt.Schema.LookUpField(column.Name)
			if field == nil {
				continue
			}
			if _, expression := row[i].(clause.Expression); expression || field.Set(stmt.Context, model, row[i]) != nil {
				w.expressed = w.expressed || columns == nil || columns[field.DBName]
			}
		}
		rows = reflect.Append(rows, model)
	}
	return rows
}

// mapsOf returns the maps that a statement was given.
func mapsOf(dest any) []map[string]any {
	switch dest := dest.(type) {
	case map[string]any:
		return []map[string]any{dest}
	case *map[string]any:
		return []map[string]any{*dest}
	case []map[string]any:
		return dest
	case *[]map[string]any:
		return *dest
	}
	return nil
}

// setKeys sets the primary key of a model to what a map has.
func setKeys(stmt *gorm.Statement, model reflect.Value, values map[string]any) {
	for _, f := range stmt.Schema.PrimaryFields {
		for _, name := range []string{f.DBName, f.Name, "@id"} {
			if v, ok := values[name]; ok && f.Set(stmt.Context, model, v) == nil {
				break
			}
		}
	}
}
