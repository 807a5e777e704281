package gormclean

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// write is a statement of gorm's that writes rows of a model with file fields. It
// takes the place of the statement's connection, so that it can look at the rows
// right before the statement is run, by its final conditions, and not at all where
// it is not run.
type write struct {
	gorm.ConnPool // what gorm would use, or the transaction that was begun here

	db      *gorm.DB
	tier    tier
	models  *models
	kind    kind
	text    text // where in gorm's text the conditions are
	ran     bool
	sent    bool                  // the database has accepted it
	set     clause.Set            // what an UPDATE sets; gorm forgets it
	nothing bool                  // there is nothing to be kept: it has nothing to do with files, or triggers see it
	seen    bool                  // triggers see what it does to files
	end     func(well bool) error // of the transaction that was begun here, or nil
	outside context.Context       //nolint:containedctx // of a copy that reads what other transactions see; or nil

	old reflect.Value // the rows before: a slice of the model
	now reflect.Value // the rows that the statement returned; or none

	expressed bool          // a row is created with an expression in a column of files
	triggered bool          // triggers of the table may write its rows after the statement has
	matching  reflect.Value // rows that match still, where more were written than had been read
}

// A kind is the callback of gorm's that runs a statement. What deletes softly runs an
// UPDATE.
type kind uint8

const (
	creates kind = iota
	updates
	deletes
)

// around returns a callback that runs one of gorm's and keeps what it let go of.
func (p *Plugin) around(run func(*gorm.DB), k kind) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		if db.Error != nil || stmt.Schema == nil {
			run(db)
			return
		}
		p.models.warnOfCascades(db, stmt.Schema, p.tier)
		if !p.models.hasFiles(stmt.Schema.ModelType) {
			run(db)
			return
		}
		w := &write{ConnPool: stmt.ConnPool, db: db, tier: p.tier, models: &p.models, kind: k}
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
	if w.sent && w.db.Error != nil {
		w.keepUnread()
	}
	if !w.ran || w.nothing && !w.seen || w.db.Error != nil {
		return w.db.Error == nil
	}
	if !w.seen {
		if err := w.keep(); err != nil {
			_ = w.db.AddError(err)
			w.undo()
			return false
		}
	}
	w.db.InstanceSet(kept, true)
	return true
}

// ExecContext is called by gorm to run the statement.
func (w *write) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if !w.isOwn(query) {
		return w.ConnPool.ExecContext(ctx, query, args...)
	}
	if err := w.begin(ctx, query, args); err != nil {
		return nil, err
	}
	if !w.nothing && w.returns() {
		return w.execReturning(ctx, query, args)
	}
	return w.ConnPool.ExecContext(ctx, query, args...)
}

// QueryContext is called by gorm to run the statement, if it returns something.
func (w *write) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !w.isOwn(query) {
		return w.ConnPool.QueryContext(ctx, query, args...)
	}
	if err := w.begin(ctx, query, args); err != nil {
		return nil, err
	}
	rows, err := w.ConnPool.QueryContext(ctx, query, args...)
	w.sent = err == nil && !w.nothing
	return rows, err
}

// isOwn reports whether a query is the statement's: others are run while it has no
// text, or has been run.
func (w *write) isOwn(query string) bool {
	stmt := w.db.Statement
	return !w.ran && stmt.SQL.Len() == len(query) && stmt.SQL.String() == query
}

// begin makes sure that there is a transaction, and reads the rows before the
// statement is run.
func (w *write) begin(ctx context.Context, query string, args []any) (err error) {
	w.ran = true
	w.set, _ = w.db.Statement.Clauses["SET"].Expression.(clause.Set)
	if w.touchesNoFile() {
		w.nothing = true
		return nil
	}
	if !w.isAsked() {
		return fmt.Errorf("%w: %s, of %s: add gormclean.Table(db.Table(%[2]q), …) to the references", ErrNotAsked, tableOf(w.db.Statement), w.db.Statement.Schema.Name)
	}
	if w.seen = w.isSeen(ctx, query); w.seen {
		w.nothing = true
		return nil
	}
	if err := w.check(); err != nil {
		return err
	}
	if _, is := w.ConnPool.(gorm.TxCommitter); is {
		err = w.tier.joins(w.ConnPool)
	} else {
		err = w.beginTransaction(ctx)
	}
	if err != nil {
		return err
	}
	if w.old, err = w.readBefore(query, args); err != nil {
		return fmt.Errorf("gormclean: reading what the rows name: %w", err)
	}
	return nil
}

// isAsked reports whether the rows are asked that the statement may have name files.
func (w *write) isAsked() bool {
	stmt := w.db.Statement
	return w.deletesRows() || w.models.isAsked(w.tier.keeper(), stmt.Schema.ModelType, tableOf(stmt))
}

// check refuses a statement whose rows can't be found again.
func (w *write) check() error {
	stmt := w.db.Statement
	switch {
	case len(stmt.Schema.PrimaryFields) == 0:
		return fmt.Errorf("gormclean: %s has no primary key, by which its rows are found again", stmt.Schema.Name)
	case w.kind == updates && w.hasFrom():
		return fmt.Errorf("gormclean: an UPDATE of %s with a FROM clause can't be followed, since the plugin looks at one table; say it by subqueries, in the condition and in the values", stmt.Schema.Name)
	}
	return nil
}

// ErrNotAsked is wrapped by the error of a statement that would make rows name files in
// a table that no reference knows: nobody would ask them before a file is deleted.
var ErrNotAsked = errors.New("gormclean: the references don't know the table")

// hasFrom reports whether an UPDATE is about several tables.
func (w *write) hasFrom() bool {
	from, ok := w.db.Statement.Clauses["FROM"]
	if !ok {
		return false
	}
	f, is := from.Expression.(clause.From)
	return is && len(f.Tables)+len(f.Joins) > 0
}

// deletesRows reports whether the statement is a DELETE.
func (w *write) deletesRows() bool {
	_, is := w.db.Statement.Clauses["DELETE"]
	return is
}

// touchesNoFile reports whether the statement is an UPDATE that sets no column with
// names of files, nor one of the primary key.
func (w *write) touchesNoFile() bool {
	stmt := w.db.Statement
	set, ok := stmt.Clauses["SET"].Expression.(clause.Set)
	if !ok {
		return false
	}
	columns := fileColumns(w.tier.keeper().Types(), stmt.Schema)
	for _, a := range set {
		if f := stmt.Schema.FieldsByDBName[a.Column.Name]; f == nil || f.PrimaryKey || columns[a.Column.Name] {
			return false
		}
	}
	return columns != nil
}

// beginTransaction begins a transaction of the statement's own: what is read, what
// is written and what is promised must be one.
func (w *write) beginTransaction(ctx context.Context) (err error) {
	w.ConnPool, w.end, err = w.tier.begin(ctx, func() (gorm.ConnPool, error) { return beginOn(ctx, w.ConnPool, nil) })
	return err
}

func beginOn(ctx context.Context, pool gorm.ConnPool, options *sql.TxOptions) (gorm.ConnPool, error) {
	switch pool := pool.(type) {
	case gorm.TxBeginner:
		return pool.BeginTx(ctx, options)
	case gorm.ConnPoolBeginner:
		return pool.BeginTx(ctx, options)
	default:
		return nil, fmt.Errorf("gormclean: a %T can't begin a transaction; put the statement into one", pool)
	}
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
