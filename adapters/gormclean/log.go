package gormclean

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// keep keeps what the statement let go of and took up.
func (w *write) keep() (err error) {
	var given reflect.Value
	if w.kind == creates {
		given = w.readGiven()
	}
	err = w.readMissed(given)
	var after reflect.Value
	if err == nil {
		after, err = w.readAfter(given)
	}
	if err == nil && w.expressed && length(w.without(given, after)) > 0 {
		err = fmt.Errorf("a row of %s is created with an expression in a column of files, and can't be found again: give it its key, or the name itself", w.db.Statement.Schema.Name)
	}
	if err != nil {
		return fmt.Errorf("gormclean: reading what the rows name: %w", err)
	}
	if w.kind == creates || !w.returns() {
		given = appended(given, w.unseen(w.assigned(), after))
	}
	if gone := length(w.old) - length(after); w.deletesRows() && int64(gone) < w.db.RowsAffected {
		w.warnOvertaken(w.db.RowsAffected-int64(gone), nil)
	}
	return w.tier.keep(w.db.Statement.Context, w.ConnPool, func(b *runtime.Batch) error {
		var err error
		// The rows have been locked since they were read, see readMatching; or were read as they
		// were committed, by readOutside, when this transaction had locked them.
		b.Locked(func(b *runtime.Batch) { err = log(b, w.changes(w.old, after)) })
		return errors.Join(err, log(b, w.creations(given, after)))
	})
}

// readAfter returns what the rows name when the statement has run, and those that it was
// given to create.
func (w *write) readAfter(given reflect.Value) (reflect.Value, error) {
	switch {
	case w.deletesRows() && w.returns():
		return reflect.Value{}, nil
	case w.returns():
		return w.now, nil
	}
	rows := appended(w.old, w.without(w.matching, w.old))
	return w.readKeys(appended(rows, w.without(given, rows)))
}

// log logs what became of rows. Nobody knows yet what will be committed of it.
func log(b *runtime.Batch, logs []func(*runtime.Batch)) error {
	if len(logs) == 0 {
		return nil
	}
	return b.Exec(func(b *runtime.Batch) {
		for _, log := range logs {
			log(b)
		}
	}, func() (int64, error) { return 0, nil })
}

// changes says what became of rows: those before that are not there any more are deleted,
// those that were not there before are new, and of the others those that name something
// else are updated.
func (w *write) changes(before, after reflect.Value) (logs []func(*runtime.Batch)) {
	was, order := w.snapshots(before)
	w.each(before, func(s snapshot, key runtime.Key) {
		if key.IsZero() { // nobody knows which it is now
			logs = append(logs, func(b *runtime.Batch) { s.LogDelete(b, key) })
		}
	})
	w.each(after, func(s snapshot, key runtime.Key) {
		old, ok := was[key]
		delete(was, key)
		switch {
		case !ok:
			logs = append(logs, func(b *runtime.Batch) { s.LogCreate(b, key) })
		case !reflect.DeepEqual(old, s):
			logs = append(logs, w.update(s, key, old))
		}
	})
	for _, key := range order {
		if s, gone := was[key]; gone {
			logs = append(logs, func(b *runtime.Batch) { s.LogDelete(b, key) })
		}
	}
	return logs
}

// creations says what became of rows that a statement was given to create, or may have
// written: those that are there may name something else, and it is not known of others, which
// may be there under another key.
func (w *write) creations(given, after reflect.Value) (logs []func(*runtime.Batch)) {
	is, _ := w.snapshots(after)
	w.each(given, func(s snapshot, key runtime.Key) {
		now, ok := is[key]
		switch {
		case !ok:
			logs = append(logs, func(b *runtime.Batch) {
				s.LogCreate(b, runtime.Key{})
				s.LogDelete(b, runtime.Key{})
			})
		case !reflect.DeepEqual(now, s):
			if w.guessesKeys() { // it may be another row
				logs = append(logs, func(b *runtime.Batch) { s.LogCreate(b, runtime.Key{}) })
			}
			logs = append(logs, w.update(now, key, s))
		}
	})
	return logs
}

// guessesKeys reports whether gorm has counted the keys that a statement made, from the
// first.
func (w *write) guessesKeys() bool {
	_, told := w.db.Statement.Clauses["RETURNING"]
	return w.kind == creates && w.db.Name() == "mysql" && !told
}

// keepUnread keeps what a statement was given, which the database has done although gorm can't
// read what it returned, or has failed to do: then the rows say so.
func (w *write) keepUnread() {
	var given reflect.Value
	if w.kind == creates {
		given = w.readGiven()
	}
	given = appended(given, w.unseen(w.assigned(), reflect.Value{}))
	err := w.tier.keep(context.WithoutCancel(w.db.Statement.Context), w.ConnPool, func(b *runtime.Batch) error {
		return log(b, w.creations(given, reflect.Value{}))
	})
	if errors.Is(err, runtime.ErrGone) || w.db.Statement.Context.Err() != nil {
		w.undo()
	}
}

func (w *write) update(s snapshot, key runtime.Key, old snapshot) func(*runtime.Batch) {
	return func(b *runtime.Batch) { w.models.logUpdate(w.db.Statement.Schema.ModelType, s, b, key, old) }
}

// snapshots returns those of rows that have a key, and the order in which they came.
func (w *write) snapshots(rows reflect.Value) (of map[runtime.Key]snapshot, order []runtime.Key) {
	of = make(map[runtime.Key]snapshot, length(rows))
	w.each(rows, func(s snapshot, key runtime.Key) {
		if !key.IsZero() {
			of[key], order = s, append(order, key)
		}
	})
	return of, order
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
	if stmt.TableExpr == nil {
		return stmt.Table
	}
	name := strings.NewReplacer("`", "", `"`, "").Replace(stmt.TableExpr.SQL)
	name, _, _ = strings.Cut(name, " ") // of "table AS alias"
	return name
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
