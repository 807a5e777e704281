package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// Where the database does not keep transactions apart (READ COMMITTED), a statement
// may write rows that another transaction made after they were read here. What these
// named before is still seen by others, since this transaction is not committed.

// patience is how long a statement waits for a second connection. There may be none
// before it has ended itself.
const patience = time.Second

// findOvertaken adds to the old rows those that an UPDATE or a DELETE wrote and that
// were not read before. It returns rows of which it is only known what they name now.
func (w *write) findOvertaken() (rows reflect.Value, err error) {
	more := w.db.RowsAffected - int64(length(w.old))
	if w.created != nil || more <= 0 {
		return rows, nil
	}
	var seen reflect.Value
	if w.mayHaveSeveralDatabases() {
		err = errors.New("dbresolver may have other databases")
	} else {
		seen, err = w.readOutside(w.read)
	}
	if err == nil {
		more -= int64(w.addOld(seen))
	}
	if more <= 0 {
		return rows, nil
	}
	w.warnOvertaken(more, err)
	return w.read(w) // those that match still
}

// readOverwritten returns the rows that an upsert wrote although they were not read
// before, as they were. There are those that it was given, as they are now.
func (w *write) readOverwritten(there reflect.Value) (rows reflect.Value, err error) {
	if w.db.Name() != "postgres" || length(there) == 0 {
		return rows, nil // others lock what is not there, or can't tell
	}
	fresh := reflect.MakeSlice(there.Type(), 0, there.Len())
	known := w.keysOf(w.old)
	for i := range there.Len() {
		if !known[w.keyOf(there.Index(i))] {
			fresh = reflect.Append(fresh, there.Index(i))
		}
	}
	if w.mayHaveSeveralDatabases() || fresh.Len() == 0 {
		return rows, nil
	}
	n := int64(0) // rows that were locked before they got what they hold: not inserted
	for some := range chunks(fresh) {
		var locked int64
		query := w.session().Clauses(mark{}, w.byKeys(some)).Where("xmax::text <> '0'")
		if err := query.Count(&locked).Error; err != nil {
			return rows, err
		}
		n += locked
	}
	if n == 0 {
		return rows, nil
	}
	rows, err = w.readOutside(func(w *write) (reflect.Value, error) { return w.readAgain(fresh, false) })
	if err != nil {
		w.warnOvertaken(n, err)
	}
	return rows, nil
}

func (w *write) warnOvertaken(n int64, err error) {
	cause := ""
	if err != nil {
		cause = fmt.Sprintf(" (%v)", err)
	}
	w.db.Logger.Warn(w.db.Statement.Context, "gormclean: a statement wrote %d rows of %s that another transaction made at the same time; what they named may be left behind%s", n, w.db.Statement.Table, cause)
}

// addOld adds rows to the old ones that are not among them, and returns how many.
func (w *write) addOld(rows reflect.Value) (added int) {
	known := w.keysOf(w.old)
	for i := range length(rows) {
		if row := rows.Index(i); !known[w.keyOf(row)] {
			w.old = reflect.Append(w.old, row)
			added++
		}
	}
	return added
}

func (w *write) keysOf(rows reflect.Value) map[runtime.Key]bool {
	keys := map[runtime.Key]bool{}
	for i := range length(rows) {
		keys[w.keyOf(rows.Index(i))] = true
	}
	return keys
}

// mayHaveSeveralDatabases reports whether another connection may lead elsewhere.
func (w *write) mayHaveSeveralDatabases() bool {
	_, is := w.db.Plugins["gorm:db_resolver"]
	return is
}

// readOutside reads rows in another transaction, which does not see what this one
// wrote.
func (w *write) readOutside(read reader) (reflect.Value, error) {
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
