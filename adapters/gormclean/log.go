package gormclean

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/filecleangen/filecleangen/runtime"
)

// keep keeps what the statement let go of and took up.
func (w *write) keep() error {
	unseen, err := w.findOvertaken()
	if err != nil {
		return fmt.Errorf("gormclean: reading what other rows name: %w", err)
	}
	after, err := w.readAgain(w.old, true)
	if err != nil {
		return fmt.Errorf("gormclean: reading what the rows name now: %w", err)
	}
	var made creation
	if w.created != nil {
		if made, err = w.readCreation(); err != nil {
			return fmt.Errorf("gormclean: what the new rows name: %w", err)
		}
	}
	if gone := int64(length(w.old) - length(after)); gone > 0 && (!w.deletes() || gone > w.db.RowsAffected) {
		w.keeper.loseTrack(w.ConnPool)
	}
	none := reflect.Value{}
	return w.keeper.keep(w.db.Statement.Context, w.ConnPool, func(b *runtime.Batch) error {
		var err error
		b.Locked(func(b *runtime.Batch) { err = w.logAll(b, w.old, after, true) }) // see find
		return errors.Join(
			err,
			w.logAll(b, none, unseen, true),
			w.logAll(b, none, made.given, made.sure),
			w.logAll(b, made.before, made.there, true),
		)
	})
}

// creation is what became of the rows that a statement was given to create.
type creation struct {
	given         reflect.Value
	sure          bool          // they are there as they were given
	there, before reflect.Value // if not: those that are there, and what some of these were
}

func (w *write) readCreation() (c creation, err error) {
	c.sure = !mayConflict(w.db.Statement)
	if c.given, err = w.created(w); err != nil || c.sure {
		return c, err
	}
	if c.there, err = w.readAgain(c.given, !doesNothing(w.db.Statement)); err != nil {
		return c, err
	}
	c.before, err = w.readOverwritten(c.there)
	return c, err
}

// mayConflict reports whether a statement may change or leave out rows that it was
// given to create: what they name may then not be what is there.
func mayConflict(stmt *gorm.Statement) bool {
	_, ok := stmt.Clauses["ON CONFLICT"]
	return ok
}

// doesNothing reports whether a statement leaves rows alone that are there already.
func doesNothing(stmt *gorm.Statement) bool {
	on, is := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	return is && on.DoNothing
}

// logAll logs what became of rows: those before that are not there any more are
// deleted, those that were not there before are new, and of the others those that
// name something else are updated. If it is not sure, nobody knows whether they name
// what they were given.
func (w *write) logAll(b *runtime.Batch, before, after reflect.Value, sure bool) error {
	logs := w.differences(before, after)
	if len(logs) == 0 {
		return nil
	}
	n := int64(0)
	if sure {
		n = int64(len(logs))
	}
	return b.Exec(func(b *runtime.Batch) {
		for _, log := range logs {
			log(b)
		}
	}, func() (int64, error) { return n, nil })
}

func (w *write) differences(before, after reflect.Value) (logs []func(*runtime.Batch)) {
	was, order := map[runtime.Key]snapshot{}, []runtime.Key{}
	w.each(before, func(s snapshot, key runtime.Key) {
		if key.IsZero() { // nobody knows which it is now
			logs = append(logs, func(b *runtime.Batch) { s.LogDelete(b, key) })
			return
		}
		was[key], order = s, append(order, key)
	})
	w.each(after, func(s snapshot, key runtime.Key) {
		old, ok := was[key]
		delete(was, key)
		switch {
		case !ok:
			logs = append(logs, func(b *runtime.Batch) { s.LogCreate(b, key) })
		case !reflect.DeepEqual(old, s):
			logs = append(logs, func(b *runtime.Batch) { w.models.logUpdate(w.db.Statement.Schema.ModelType, s, b, key, old) })
		}
	})
	for _, key := range order {
		if s, gone := was[key]; gone {
			logs = append(logs, func(b *runtime.Batch) { s.LogDelete(b, key) })
		}
	}
	return logs
}

func length(rows reflect.Value) int {
	if !rows.IsValid() {
		return 0
	}
	return rows.Len()
}

// each calls do with the snapshot and the key of each row.
func (w *write) each(rows reflect.Value, do func(snapshot, runtime.Key)) {
	for i := range length(rows) {
		model := rows.Index(i)
		do(w.models.snapshot(model), w.keyOf(model))
	}
}

// keyOf returns the primary key of a row, and its table.
func (w *write) keyOf(model reflect.Value) runtime.Key {
	stmt := w.db.Statement
	var key runtime.Key
	for i, field := range stmt.Schema.PrimaryFields {
		value, _ := field.ValueOf(stmt.Context, model)
		if i == 0 {
			key = keyPart(value)
		} else {
			key = key.And(keyPart(value))
		}
	}
	return key.In(tableOf(stmt))
}

// tableOf returns the table that a statement is about, with its schema.
func tableOf(stmt *gorm.Statement) string {
	if stmt.TableExpr != nil {
		return strings.NewReplacer("`", "", `"`, "").Replace(stmt.TableExpr.SQL)
	}
	return stmt.Table
}

func keyPart(value any) runtime.Key {
	v := reflect.Indirect(reflect.ValueOf(value))
	switch {
	case !v.IsValid():
		return runtime.Key{}
	case v.CanInt():
		return runtime.IntKey(v.Int())
	case v.CanUint():
		return runtime.IntKey(v.Uint())
	default:
		return runtime.TextKey(fmt.Sprint(v.Interface()))
	}
}
