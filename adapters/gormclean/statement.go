package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/filecleangen/filecleangen/runtime"
)

// write is a statement of gorm's that writes rows of a model with file fields. It
// takes the place of the statement's connection, so that it can look at the rows
// right before the statement is run, by its final conditions, and not at all where
// it is not run.
type write struct {
	gorm.ConnPool // what gorm would use, or the transaction that was begun here

	db      *gorm.DB
	keeper  keeper
	read    reader                // nil if the statement has nothing to do with files
	created reader                // or nil
	end     func(well bool) error // of the transaction that was begun here, or nil
	old     reflect.Value         // the rows before: a slice of the model
	ran     bool
}

// A reader returns rows of the model of a statement, as a slice.
type reader func(w *write) (reflect.Value, error)

// around returns a callback that runs one of gorm's and keeps what it let go of.
// before reads the rows that it is about to change, created those that it made; or is
// nil.
func (p *Plugin) around(run func(*gorm.DB), before, created reader) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		if db.Error != nil || stmt.Schema == nil || !p.hasFiles(stmt.Schema.ModelType) {
			run(db)
			return
		}
		w := &write{ConnPool: stmt.ConnPool, db: db, keeper: p.keeper, read: before, created: created}
		given, well := stmt.ConnPool, false
		defer func() { // also on a panic
			stmt.ConnPool = given
			if w.end != nil {
				_ = db.AddError(w.end(well))
			}
		}()
		stmt.ConnPool = w
		run(db)
		well = w.conclude()
	}
}

// conclude keeps what the statement let go of, when gorm has run it. It reports
// whether it may be committed.
func (w *write) conclude() bool {
	if !w.ran || w.read == nil || w.db.Error != nil {
		return w.db.Error == nil
	}
	if err := w.keep(); err != nil {
		_ = w.db.AddError(err)
		w.undo()
		return false
	}
	w.db.InstanceSet(kept, true)
	return true
}

// ExecContext is called by gorm to run the statement.
func (w *write) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return w.ConnPool.ExecContext(ctx, query, args...)
}

// QueryContext is called by gorm to run the statement, if it returns something.
func (w *write) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return w.ConnPool.QueryContext(ctx, query, args...)
}

// begin makes sure that there is a transaction, and reads the rows before the
// statement is run.
func (w *write) begin(ctx context.Context) (err error) {
	if w.ran {
		return errors.New("gormclean: gorm ran a statement twice")
	}
	w.ran = true
	if w.touchesNoFile() {
		w.read = nil
		return nil
	}
	if s := w.db.Statement.Schema; len(s.PrimaryFields) == 0 {
		return fmt.Errorf("gormclean: %s has no primary key, by which its rows are found again", s.Name)
	}
	if _, is := w.ConnPool.(gorm.TxCommitter); is {
		err = w.keeper.joins(w.ConnPool)
	} else {
		err = w.beginTransaction(ctx)
	}
	if err != nil {
		return err
	}
	if w.old, err = w.read(w); err != nil {
		return fmt.Errorf("gormclean: reading what the rows name: %w", err)
	}
	return nil
}

// touchesNoFile reports whether the statement is an UPDATE that sets no column with
// names of files.
func (w *write) touchesNoFile() bool {
	stmt := w.db.Statement
	set, ok := stmt.Clauses["SET"].Expression.(clause.Set)
	if !ok {
		return false
	}
	columns := fileColumns(w.keeper.types(), stmt.Schema)
	for _, a := range set {
		if stmt.Schema.FieldsByDBName[a.Column.Name] == nil || columns[a.Column.Name] {
			return false
		}
	}
	return columns != nil
}

// beginTransaction begins a transaction of the statement's own: what is read, what
// is written and what is promised must be one.
func (w *write) beginTransaction(ctx context.Context) (err error) {
	w.ConnPool, w.end, err = w.keeper.begin(ctx, func() (gorm.ConnPool, error) {
		switch pool := w.ConnPool.(type) {
		case gorm.TxBeginner:
			return pool.BeginTx(ctx, nil)
		case gorm.ConnPoolBeginner:
			return pool.BeginTx(ctx, nil)
		default:
			return nil, fmt.Errorf("gormclean: a %T can't begin a transaction; put the statement into one", pool)
		}
	})
	return err
}

// undo makes sure that a statement is not committed of which nothing could be kept:
// gorm rolls back the transaction that it began for it, and nobody can commit another
// one.
func (w *write) undo() {
	if _, gorms := w.db.InstanceGet(gormsOwn); gorms || w.end != nil {
		return
	}
	if tx, ok := w.ConnPool.(gorm.TxCommitter); ok {
		_ = tx.Rollback()
	}
}

// keep keeps what the statement let go of and took up.
func (w *write) keep() error {
	after, err := w.readAgain(w.old)
	if err != nil {
		return fmt.Errorf("gormclean: reading what the rows name now: %w", err)
	}
	return w.keeper.keep(w.db.Statement.Context, w.ConnPool, func(b *runtime.Batch) error {
		if err := w.logAll(b, w.changed(w.old, after), w.changed(after, w.old), true); err != nil {
			return err
		}
		if w.created == nil {
			return nil
		}
		return w.logCreated(b)
	})
}

// logCreated logs the rows that the statement was given to create. If it may have
// left some out, those are sure that are there.
func (w *write) logCreated(b *runtime.Batch) error {
	rows, err := w.created(w)
	sure := !mayConflict(w.db.Statement)
	there := reflect.Value{}
	if err == nil && !sure {
		there, err = w.readAgain(rows)
	}
	if err != nil {
		return fmt.Errorf("gormclean: what the new rows name: %w", err)
	}
	return errors.Join(w.logAll(b, reflect.Value{}, rows, sure), w.logAll(b, reflect.Value{}, there, true))
}

// logAll logs rows that are gone and rows that are there. If it is not sure that
// they are, nobody knows whether they name what they were given.
func (w *write) logAll(b *runtime.Batch, gone, there reflect.Value, sure bool) error {
	n := int64(0)
	if sure {
		n = int64(length(gone) + length(there))
	}
	return b.Exec(func(b *runtime.Batch) {
		w.each(gone, func(s snapshot, key runtime.Key) { s.LogDelete(b, key) })
		w.each(there, func(s snapshot, key runtime.Key) { s.LogCreate(b, key) })
	}, func() (int64, error) { return n, nil })
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
		model := reflect.Indirect(rows.Index(i))
		if s, ok := snapshotOf(model); ok {
			do(s, w.keyOf(model))
		}
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

// changed returns those of the rows that are not the same among others.
func (w *write) changed(rows, others reflect.Value) reflect.Value {
	if length(rows) == 0 {
		return rows
	}
	seen := map[runtime.Key]any{}
	w.each(others, func(s snapshot, key runtime.Key) { seen[key] = s })
	left := reflect.MakeSlice(rows.Type(), 0, rows.Len())
	for i := range rows.Len() {
		w.each(rows.Slice(i, i+1), func(s snapshot, key runtime.Key) {
			other, ok := seen[key]
			if !ok || key.IsZero() || !reflect.DeepEqual(other, s) {
				left = reflect.Append(left, rows.Index(i))
			}
		})
	}
	return left
}

// mayConflict reports whether a statement may change or leave out rows that it was
// given to create: what they name may then not be what is there.
func mayConflict(stmt *gorm.Statement) bool {
	_, ok := stmt.Clauses["ON CONFLICT"]
	return ok
}
