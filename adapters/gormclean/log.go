package gormclean

import (
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// keep keeps what the statement let go of and took up.
func (w *write) keep() error {
	unseen, err := w.findOvertaken()
	if err != nil {
		return fmt.Errorf("gormclean: reading what other rows name: %w", err)
	}
	after, err := w.readAgain(w.old)
	if err != nil {
		return fmt.Errorf("gormclean: reading what the rows name now: %w", err)
	}
	return w.keeper.keep(w.db.Statement.Context, w.ConnPool, func(b *runtime.Batch) error {
		err := errors.Join(w.logAll(b, w.old, after, true), w.logAll(b, reflect.Value{}, unseen, true))
		if err != nil || w.created == nil {
			return err
		}
		return w.logCreated(b)
	})
}

// logCreated logs the rows that the statement was given to create. If it may have
// left some out, those are sure that are there.
func (w *write) logCreated(b *runtime.Batch) error {
	rows, err := w.created(w)
	sure := !mayConflict(w.db.Statement)
	var there, before reflect.Value
	if err == nil && !sure {
		there, err = w.readAgain(rows)
	}
	if err == nil && !sure {
		before, err = w.readOverwritten(there)
	}
	if err != nil {
		return fmt.Errorf("gormclean: what the new rows name: %w", err)
	}
	return errors.Join(w.logAll(b, reflect.Value{}, rows, sure), w.logAll(b, before, there, true))
}

// mayConflict reports whether a statement may change or leave out rows that it was
// given to create: what they name may then not be what is there.
func mayConflict(stmt *gorm.Statement) bool {
	_, ok := stmt.Clauses["ON CONFLICT"]
	return ok
}

// logAll logs what became of rows: those before that are not there any more are
// deleted, those that were not there before are new, and of the others those that
// name something else are updated. If it is not sure, nobody knows whether they name
// what they were given.
func (w *write) logAll(b *runtime.Batch, before, after reflect.Value, sure bool) error {
	logs := w.differences(before, after)
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
	return key.In(stmt.Table)
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
