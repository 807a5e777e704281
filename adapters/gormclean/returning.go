package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"gorm.io/gorm/schema"
)

// returns reports whether the database says which rows a statement writes, and gorm does
// not ask for it: an UPDATE what the rows are then, a DELETE what they were.
func (w *write) returns() bool {
	if _, asked := w.db.Statement.Clauses["RETURNING"]; asked {
		return false
	}
	if w.deletesRows() {
		return w.models.deletesReturn && w.scansKeys()
	}
	return w.kind != creates && w.models.updatesReturn && w.scansKeys() && !w.triggered
}

// scansKeys reports whether keys that a statement returns can be read: SQLite says of no
// column then that it is a time.
func (w *write) scansKeys() bool {
	if w.db.Name() != "sqlite" {
		return true
	}
	for _, f := range w.db.Statement.Schema.PrimaryFields {
		if f.DataType != schema.Int && f.DataType != schema.Uint && f.DataType != schema.String {
			return false
		}
	}
	return true
}

// returnsOld reports whether such a statement can say what the rows were.
func (w *write) returnsOld() bool { return w.deletesRows() || w.db.Name() == "postgres" }

// execReturning runs a statement that says which rows it has written.
func (w *write) execReturning(ctx context.Context, query string, args []any) (sql.Result, error) {
	query, err := w.returning(query)
	if err != nil {
		return nil, err
	}
	found, err := w.ConnPool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	if err := w.scan(found); err != nil {
		return nil, err
	}
	if w.deletesRows() {
		return result(length(w.old)), nil
	}
	return result(length(w.now)), nil
}

// returning is the text of a statement that says what rows were, or are. An UPDATE on
// PostgreSQL says both: the first part of a UNION ALL is read to its end, and locks the rows,
// before the second one begins. If it were not, the rows that it had missed would be read by
// readOvertaken.
func (w *write) returning(query string) (string, error) {
	columns := w.columns()
	said := query + "\nRETURNING " + columns // on a line of its own: the statement may end with a comment
	switch {
	case w.deletesRows():
		return said + ",false", nil
	case !w.returnsOld():
		return said + ",true", nil
	}
	where, err := w.tail(query)
	if err != nil {
		return "", err
	}
	return "WITH filecleangen_old AS (SELECT /* filecleangen */ " + columns + " FROM " + w.from() + " " + where + "\nFOR " + w.lock() + "), " +
		"filecleangen_new AS (" + said + ")\nSELECT *,false FROM filecleangen_old UNION ALL SELECT *,true FROM filecleangen_new", nil
}

// scan reads the rows that a statement returns, the last column of which says whether they are
// what is there now. An error of the database is returned as it is, and the statement did
// nothing then. After any other one it was done, and must not be committed.
func (w *write) scan(found *sql.Rows) error {
	columns, err := found.Columns()
	if err == nil && len(columns) == 0 {
		err = errors.New("gormclean: the statement returns nothing: does it end with a comment that is not closed?")
	}
	if err != nil {
		w.undo()
		return err
	}
	if w.returnsOld() {
		w.old = w.noRows()
	}
	w.now = w.noRows()
	fields, some := w.fieldsOf(columns), false
	for found.Next() {
		some = true
		model, isNow, err := w.scanRow(found, fields)
		if err != nil {
			w.undo()
			return err
		}
		if isNow {
			w.now = reflect.Append(w.now, model)
		} else {
			w.old = reflect.Append(w.old, model)
		}
	}
	if err = found.Err(); err != nil && (some || w.db.Statement.Context.Err() != nil) {
		w.undo()
	}
	return err
}

func (w *write) noRows() reflect.Value {
	return reflect.MakeSlice(reflect.SliceOf(w.db.Statement.Schema.ModelType), 0, 1)
}

// fieldsOf returns the fields of columns; nil for those that the model does not have.
func (w *write) fieldsOf(columns []string) []*schema.Field {
	fields := make([]*schema.Field, len(columns)-1) // without what scan asks for
	for i := range fields {
		fields[i] = w.db.Statement.Schema.LookUpField(columns[i])
	}
	return fields
}

// scanRow reads a row as gorm does, which has no place for the last column.
func (w *write) scanRow(found *sql.Rows, fields []*schema.Field) (model reflect.Value, isNow bool, err error) {
	values := make([]any, len(fields)+1)
	values[len(fields)] = &isNow
	for i, f := range fields {
		if f == nil {
			values[i] = new(any)
			continue
		}
		values[i] = f.NewValuePool.Get()
		defer f.NewValuePool.Put(values[i])
	}
	if err := found.Scan(values...); err != nil {
		return model, isNow, err
	}
	model = reflect.New(w.db.Statement.Schema.ModelType).Elem()
	for i, f := range fields {
		if f == nil {
			continue
		}
		if err := f.Set(w.db.Statement.Context, model, values[i]); err != nil {
			return model, isNow, err
		}
	}
	return model, isNow, nil
}

// result is how many rows a statement has written.
type result int64

var errNoInsert = errors.New("the statement inserts nothing")

// LastInsertId returns an error.
func (result) LastInsertId() (int64, error) { return 0, errNoInsert }

// RowsAffected returns how many they are.
func (r result) RowsAffected() (int64, error) { return int64(r), nil }
