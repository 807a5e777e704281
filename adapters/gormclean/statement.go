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

	db    *gorm.DB
	types func() []*runtime.Type
	read  reader           // nil if the statement has nothing to do with files
	began gorm.TxCommitter // a transaction that was begun here, or nil
	old   reflect.Value    // the rows before: a slice of the model
	ran   bool
	done  bool // and the outbox was told
}

// A reader returns rows of the model of a statement, as a slice.
type reader func(w *write) (reflect.Value, error)

// around returns a callback that runs one of gorm's and tells the outbox what it
// did. before reads the rows that it is about to change, created those that it made;
// or is nil.
func (p *Plugin) around(run func(*gorm.DB), before, created reader) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		if db.Error != nil || stmt.Schema == nil || !p.hasFiles(stmt.Schema.ModelType) {
			run(db)
			return
		}
		w := &write{ConnPool: stmt.ConnPool, db: db, read: before, types: p.box.Cleaner().Types}
		given := stmt.ConnPool
		defer func() { // also on a panic
			stmt.ConnPool = given
			w.end()
		}()
		stmt.ConnPool = w
		run(db)
		if !w.ran || w.read == nil || db.Error != nil {
			return
		}
		if err := p.tell(w, created); err != nil {
			_ = db.AddError(err)
			w.undo()
			return
		}
		db.InstanceSet(told, true)
		w.done = true
	}
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
	if _, ok := w.ConnPool.(gorm.TxCommitter); !ok {
		if err := w.beginTransaction(ctx); err != nil {
			return fmt.Errorf("gormclean: %w", err)
		}
	}
	w.old, err = w.read(w)
	if err != nil {
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
	columns := fileColumns(w.types(), stmt.Schema)
	for _, a := range set {
		if stmt.Schema.FieldsByDBName[a.Column.Name] == nil || columns[a.Column.Name] {
			return false
		}
	}
	return columns != nil
}

// beginTransaction begins a transaction of the statement's own: what is read, what
// is written and what is promised must be one.
func (w *write) beginTransaction(ctx context.Context) error {
	var tx gorm.ConnPool
	var err error
	switch pool := w.ConnPool.(type) {
	case gorm.TxBeginner:
		tx, err = pool.BeginTx(ctx, nil)
	case gorm.ConnPoolBeginner:
		tx, err = pool.BeginTx(ctx, nil)
	default:
		return fmt.Errorf("a %T can't begin a transaction; put the statement into one", pool)
	}
	if err != nil {
		return err
	}
	began, ok := tx.(gorm.TxCommitter)
	if !ok {
		return fmt.Errorf("a %T can't be committed", tx)
	}
	w.ConnPool, w.began = tx, began
	return nil
}

// end ends the transaction that was begun for the statement.
func (w *write) end() {
	switch {
	case w.began == nil:
	case w.done:
		_ = w.db.AddError(w.began.Commit())
	default:
		_ = w.began.Rollback()
	}
}

// undo makes sure that the statement is not committed, of which the outbox could
// not be told: gorm rolls back the transaction that it began for it, and nobody
// can commit another one.
func (w *write) undo() {
	if _, gorms := w.db.InstanceGet("gorm:started_transaction"); gorms {
		return
	}
	if tx, ok := w.ConnPool.(gorm.TxCommitter); ok {
		_ = tx.Rollback()
	}
}

// tell puts into the outbox what the statement let go of and took up.
func (p *Plugin) tell(w *write, created reader) error {
	after, err := w.readAgain(w.old)
	if err != nil {
		return fmt.Errorf("gormclean: reading what the rows name now: %w", err)
	}
	b := p.box.Begin()
	defer b.Rollback()
	if err := logAll(b, changed(w.old, after), changed(after, w.old), true); err != nil {
		return err
	}
	if created != nil {
		if err := w.logCreated(b, created); err != nil {
			return err
		}
	}
	_, err = p.box.Flush(w.db.Statement.Context, b, w.ConnPool)
	return err
}

// logCreated logs the rows that the statement was given to create. If it may have
// left some out, those are sure that are there.
func (w *write) logCreated(b *runtime.Batch, created reader) error {
	rows, err := created(w)
	sure := !mayConflict(w.db.Statement)
	there := reflect.Value{}
	if err == nil && !sure {
		there, err = w.readAgain(rows)
	}
	if err != nil {
		return fmt.Errorf("gormclean: what the new rows name: %w", err)
	}
	return errors.Join(logAll(b, reflect.Value{}, rows, sure), logAll(b, reflect.Value{}, there, true))
}

// logAll logs rows that are gone and rows that are there. If it is not sure that
// they are, the outbox finds out.
func logAll(b *runtime.Batch, gone, there reflect.Value, sure bool) error {
	n := int64(0)
	if sure {
		n = int64(length(gone) + length(there))
	}
	return b.Exec(func(b *runtime.Batch) {
		each(gone, func(s snapshot, key runtime.Key) { s.LogDelete(b, key) })
		each(there, func(s snapshot, key runtime.Key) { s.LogCreate(b, key) })
	}, func() (int64, error) { return n, nil })
}

func length(rows reflect.Value) int {
	if !rows.IsValid() {
		return 0
	}
	return rows.Len()
}

func each(rows reflect.Value, do func(snapshot, runtime.Key)) {
	for i := range length(rows) {
		model := rows.Index(i)
		for model.Kind() == reflect.Pointer {
			model = model.Elem()
		}
		s, ok := snapshotOf(model)
		r, hasKey := reflect.TypeAssert[record](model.Addr())
		if ok && hasKey {
			do(s, r.FileKey())
		}
	}
}

// changed returns those of the rows that are not the same among others.
func changed(rows, others reflect.Value) reflect.Value {
	if length(rows) == 0 {
		return rows
	}
	seen := map[runtime.Key]any{}
	each(others, func(s snapshot, key runtime.Key) { seen[key] = s })
	left := reflect.MakeSlice(rows.Type(), 0, rows.Len())
	for i := range rows.Len() {
		row := rows.Slice(i, i+1)
		same := false
		each(row, func(s snapshot, key runtime.Key) {
			other, ok := seen[key]
			same = ok && reflect.DeepEqual(other, s)
		})
		if !same {
			left = reflect.Append(left, rows.Index(i))
		}
	}
	return left
}

// mayConflict reports whether a statement may change or leave out rows that it was
// given to create: what they name may then not be what is there.
func mayConflict(stmt *gorm.Statement) bool {
	_, ok := stmt.Clauses["ON CONFLICT"]
	return ok
}
