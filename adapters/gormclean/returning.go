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

// execReturning runs a statement that says which rows it has written.
func (w *write) execReturning(ctx context.Context, query string, args []any) (sql.Result, error) {
	// On a line of its own: the statement may end with a comment.
	found, err := w.ConnPool.QueryContext(ctx, query+"\nRETURNING "+w.columns(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	rows := reflect.New(reflect.SliceOf(w.db.Statement.Schema.ModelType))
	if err := w.scan(found, rows); err != nil {
		return nil, err
	}
	if w.deletesRows() {
		w.old = rows.Elem()
	} else {
		w.now = rows.Elem()
	}
	return result(rows.Elem().Len()), nil
}

// scan reads the rows that a statement returns. An error of the database is returned as it
// is, and the statement did nothing then. After any other one it was done, and must not be
// committed.
func (w *write) scan(found *sql.Rows, rows reflect.Value) error {
	columns, err := found.Columns()
	if err == nil && len(columns) == 0 {
		err = errors.New("gormclean: the statement returns nothing: does it end with a comment that is not closed?")
	}
	if err != nil {
		w.undo()
		return err
	}
	if !found.Next() {
		if err := found.Err(); err != nil {
			if w.db.Statement.Context.Err() != nil {
				w.undo()
			}
			return err
		}
		return nil
	}
	err = w.session().ScanRows(found, rows.Interface())
	if err == nil {
		err = found.Err()
	}
	if err != nil {
		w.undo()
	}
	return err
}

// result is how many rows a statement has written.
type result int64

var errNoInsert = errors.New("the statement inserts nothing")

// LastInsertId returns an error.
func (result) LastInsertId() (int64, error) { return 0, errNoInsert }

// RowsAffected returns how many they are.
func (r result) RowsAffected() (int64, error) { return int64(r), nil }
