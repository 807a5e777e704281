package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Where the database does not keep transactions apart (READ COMMITTED), a statement
// may write rows that another transaction made after they were read here; and one whose
// condition is another one each time writes others anyway. What these named before is
// still seen by others, since this transaction is not committed.

// patience is how long a statement waits for a second connection.
const patience = time.Second

// readMissed adds to the old rows those that were written and had not been read before, as
// they were.
func (w *write) readMissed(given reflect.Value) error {
	var rows reflect.Value
	var err error
	switch {
	case w.kind == creates:
		rows, err = w.readOverwritten(given)
	case w.deletesRows():
	case w.returns():
		rows = w.readOvertaken()
	default:
		rows, err = w.readUncounted()
	}
	w.old = appended(w.old, rows)
	return err
}

// readOvertaken returns rows that an UPDATE wrote, as it says, and that had not been read.
func (w *write) readOvertaken() reflect.Value {
	fresh := w.without(w.now, w.old)
	if length(fresh) == 0 || w.setsKey() {
		return reflect.Value{}
	}
	rows, err := w.readOutside(func(w *write) (reflect.Value, error) { return w.readKeys(fresh) })
	if missed := length(fresh) - length(rows); missed > 0 {
		w.warnOvertaken(int64(missed), err)
	}
	return rows
}

// readUncounted returns rows that an UPDATE may have written, if it has written more than had
// been read, and finds those that match still.
func (w *write) readUncounted() (rows reflect.Value, err error) {
	missed := w.db.RowsAffected - int64(length(w.old))
	if missed <= 0 {
		return rows, nil
	}
	stmt := w.db.Statement
	where, args, err := w.conditions(stmt.SQL.String(), stmt.Vars)
	if err != nil {
		return rows, err
	}
	rows, outside := w.readOutside(func(w *write) (reflect.Value, error) { return w.find(where, args) })
	rows = w.without(rows, w.old)
	if missed -= int64(length(rows)); missed > 0 {
		w.warnOvertaken(missed, outside)
		w.matching, err = w.find(where, args)
	}
	return rows, err
}

// unseen returns what an UPDATE sets, or an upsert, as a row, unless one that was read again
// has it: rows may have it that were never seen.
func (w *write) unseen(set clause.Set, after reflect.Value) reflect.Value {
	stmt := w.db.Statement
	values := reflect.New(reflect.SliceOf(stmt.Schema.ModelType)).Elem()
	values = reflect.Append(values, reflect.Zero(stmt.Schema.ModelType))
	fields := map[*schema.Field]bool{}
	for _, a := range set {
		field := stmt.Schema.FieldsByDBName[a.Column.Name]
		if field == nil || field.PrimaryKey {
			continue
		}
		if field.Set(stmt.Context, values.Index(0), a.Value) == nil { // or it is an expression
			fields[field] = true
		}
	}
	is := w.models.snapshot(values.Index(0))
	if reflect.ValueOf(is).IsZero() {
		return reflect.Value{}
	}
	for i := range length(after) {
		row := reflect.New(stmt.Schema.ModelType).Elem()
		for field := range fields {
			value, _ := field.ValueOf(stmt.Context, after.Index(i))
			_ = field.Set(stmt.Context, row, value)
		}
		if reflect.DeepEqual(w.models.snapshot(row), is) {
			return reflect.Value{}
		}
	}
	return values
}

// assigned returns what a statement sets in rows that are there.
func (w *write) assigned() clause.Set {
	if on, ok := w.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok {
		return on.DoUpdates
	}
	return w.set
}

// setsKey reports whether an UPDATE sets a primary key.
func (w *write) setsKey() bool {
	for _, a := range w.set {
		if f := w.db.Statement.Schema.FieldsByDBName[a.Column.Name]; f != nil && f.PrimaryKey {
			return true
		}
	}
	return false
}

// readOverwritten returns the rows that an upsert wrote although they were not read
// before, as they were. There are those that it was given.
func (w *write) readOverwritten(given reflect.Value) (rows reflect.Value, err error) {
	if w.db.Name() != "postgres" || !overwrites(w.db.Statement) {
		return rows, nil // others lock what is not there, or can't tell
	}
	fresh := w.without(given, w.old)
	missed := int64(0) // rows that were locked before they got what they hold: not inserted
	keys := w.primaryKeys(fresh)
	for is := range conditionsOn(w.db.Statement.Table, w.db.Statement.Schema.PrimaryFieldDBNames, keys) {
		var n int64
		query := w.session().Clauses(mark{}, clause.Where{Exprs: []clause.Expression{is}}).Where("xmax::text <> '0'")
		if err := query.Count(&n).Error; err != nil {
			return rows, err
		}
		missed += n
	}
	if missed == 0 {
		return rows, nil
	}
	rows, err = w.readOutside(func(w *write) (reflect.Value, error) { return w.readKeys(fresh) })
	if err != nil {
		w.warnOvertaken(missed, err)
	}
	return rows, nil
}

func (w *write) warnOvertaken(n int64, err error) {
	cause := ""
	if err != nil {
		cause = fmt.Sprintf(" (%v)", err)
	}
	w.db.Logger.Warn(w.db.Statement.Context, "gormclean: a statement wrote %d rows of %s that were not there, or did not match, when the plugin looked; what they named may be left behind%s", n, w.db.Statement.Table, cause)
}

// readOutside reads rows in another transaction, which does not see what this one
// wrote.
func (w *write) readOutside(read func(w *write) (reflect.Value, error)) (reflect.Value, error) {
	if err := w.hasOutside(); err != nil {
		return reflect.Value{}, err
	}
	ctx, cancel := context.WithTimeout(w.db.Statement.Context, patience)
	defer cancel()
	tx, err := beginOn(ctx, w.db.ConnPool, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return reflect.Value{}, err
	}
	defer func() { _ = tx.(gorm.TxCommitter).Rollback() }()
	other := *w
	other.ConnPool, other.outside = tx, ctx
	return read(&other)
}

// hasOutside returns why there is no other connection to this database, or nil: one may
// lead elsewhere, or be free only when this statement has ended.
func (w *write) hasOutside() error {
	if _, is := w.db.Plugins["gorm:db_resolver"]; is {
		return errors.New("dbresolver may have other databases")
	}
	if db, err := (&gorm.DB{Config: w.db.Config}).DB(); err == nil {
		if s := db.Stats(); s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
			return fmt.Errorf("all %d connections of the pool are in use", s.InUse)
		}
	}
	return nil
}
