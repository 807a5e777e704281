package references

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// References knows which columns name files. It is safe for concurrent use.
type References struct {
	session   dialect.Session
	kind      Dialect
	dialect   dialect.Dialect
	logger    *slog.Logger
	program   string
	tables    []table
	elsewhere map[*runtime.Type]struct{} // that have no table
	mappings  map[string]Mapping         // by storage, where values are not names
	funcs     map[string][]Function      // by storage

	own    map[string][]*column // by storage
	fields []StoredField

	mu     sync.Mutex               // guards own's columns, too
	id     string                   // of the outbox in the database, once it is known
	others map[registration]*column // what other programs told of; nil for a column that is gone
	raised map[string]bool          // what was logged
	shapes map[string]shape         // by storage: columns need not be looked at again
}

// An Option configures [References].
type Option func(*References) error

// Program sets by which name other programs know this one, see [References.Register].
// Versions of one program have the same name. The default is the import path of the
// main package.
func Program(name string) Option {
	return func(r *References) error {
		if name == "" || len(name) > 512 {
			return fmt.Errorf("Program(%q): the name of a program has 1 to 512 bytes", name)
		}
		r.program = name
		return nil
	}
}

// Logger sets where it is logged what can't be returned; without it, slog.Default as
// it is when [New] is called.
func Logger(l *slog.Logger) Option {
	return func(r *References) error {
		if l == nil {
			return errors.New("the logger is nil")
		}
		r.logger = l
		return nil
	}
}

// A Function returns those of the names in a storage that some row names. It is
// asked in the transaction that decides what is deleted, with its handle. An error
// means that nobody can tell.
type Function func(ctx context.Context, db Queryer, storage string, names []string) (named []string, err error)

// Func adds a function that knows of rows that name files of a storage, for columns
// and databases that this package can't read. Other programs can't call it: where
// they share the storage, they delete nothing in it (see [References.Register]).
func Func(storage string, f Function) Option {
	return func(r *References) error {
		if f == nil {
			return errors.New("the function given to Func is nil")
		}
		r.funcs[storage] = append(r.funcs[storage], f)
		return nil
	}
}

// New finds the columns that name files, reads from each of them, and fails if that
// can't be done. Where the database has the tables of an outbox, it tells other
// programs of them: see [References.Register].
//
// own is a handle that is used for nothing else, open on the database that the
// program writes to, and not on a replica: sessions that others have changed give
// wrong answers, and at a pool that is exhausted nobody gets any. Most of what a
// session can change is set right in each transaction, and what can't be is an
// error. A few connections are enough.
//
// A document in a column of the form JSON that can't be taken apart is no error. It
// is logged, once, with its table and key, and is taken to name whatever stands in it.
func New(ctx context.Context, own *sql.DB, d Dialect, options ...Option) (*References, error) {
	known, err := dialect.Of(dialect.Kind(d))
	if own == nil || err != nil {
		return nil, errors.Join(errors.New("filecleangen: references need a database and its dialect"), err)
	}
	r := &References{
		session: dialect.Session{DB: own}, kind: d, dialect: known, logger: slog.Default(), program: programName(),
		elsewhere: map[*runtime.Type]struct{}{}, mappings: map[string]Mapping{}, funcs: map[string][]Function{},
		own: map[string][]*column{}, others: map[registration]*column{}, raised: map[string]bool{}, shapes: map[string]shape{},
	}
	var errs []error
	for _, option := range options {
		if option == nil {
			errs = append(errs, errors.New("an option is nil"))
			continue
		}
		errs = append(errs, option(r))
	}
	if err = errors.Join(errs...); err == nil {
		r.session.Home, err = known.Home(ctx, own)
	}
	if err == nil {
		err = r.find(ctx)
	}
	if err == nil {
		err = r.registerIfThere(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("filecleangen: references: %w", err)
	}
	return r, nil
}

// programName returns the import path of the main package.
func programName() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return info.Path
	}
	return "unknown"
}

// Check makes sure that the rows of no type of a cleaner are forgotten, and that
// values are understood as it understands them. The cleaner, and outbox.New, call it.
func (r *References) Check(c *runtime.Cleaner) error {
	known := map[*runtime.Type]struct{}{}
	for t := range r.elsewhere {
		known[t] = struct{}{}
	}
	for _, t := range r.tables {
		known[t.typ] = struct{}{}
	}
	var errs []error
	for _, t := range c.Types() {
		if _, ok := known[t]; !ok {
			errs = append(errs, fmt.Errorf("nobody said where records of %s are stored: add references.Table(…); or references.NotStored(…) if they are parts of other records, in a column of these", t.Name))
		}
	}
	for _, t := range c.Types() {
		if _, ok := r.elsewhere[t]; ok {
			errs = append(errs, r.checkHeld(t))
		}
	}
	for _, storage := range c.Storages() {
		if _, hasNames := c.Storage(storage); hasNames && r.mappings[storage].Name == nil {
			errs = append(errs, fmt.Errorf("columns don't hold the names of files in storage %q: add references.Values(%[1]q, …)", storage))
		}
	}
	return errors.Join(errs...)
}

// checkHeld makes sure that somebody is asked about the files of a type that is not
// stored: a column of the records that hold it, or a function.
func (r *References) checkHeld(t *runtime.Type) error {
	for i := range t.Fields {
		f := &t.Fields[i]
		if len(r.funcs[f.Storage]) == 0 && !r.isHeld(f) {
			return fmt.Errorf("%s has files in storage %q, but no field of a type that has a table leads to its %s, so that nobody is asked about them: write file:\"\" at the field that holds it and generate again; or add references.Func(%[2]q, …) for rows that only a function can ask; or, if no row ever has such files, write //filecleangen:ignore above the type", t.Name, f.Storage, f.Path)
		}
	}
	return nil
}

// isHeld reports whether a field is a part of one that has a column.
func (r *References) isHeld(part *runtime.Field) bool {
	for _, t := range r.tables {
		for i := range t.typ.Fields {
			f := &t.typ.Fields[i]
			if f.Storage == part.Storage && (f.Path == part.Path || f.Opaque || strings.HasSuffix(f.Path, "."+part.Path)) {
				return true
			}
		}
	}
	return false
}

// Has reports whether somebody asks about the files of records of a type in a table, or
// a function may. The table is spelled as for [Table]; without a schema it is one of that
// name in any.
func (r *References) Has(t *runtime.Type, name string) bool {
	for i := range r.tables {
		if k := &r.tables[i]; k.typ == t && sameTable(k.name, name) {
			return true
		}
	}
	for i := range t.Fields {
		if len(r.funcs[t.Fields[i].Storage]) == 0 {
			return false
		}
	}
	return true
}

// sameTable reports whether two names may be of one table.
func sameTable(a, b string) bool {
	schemaA, nameA := cutSchema(a)
	schemaB, nameB := cutSchema(b)
	return strings.EqualFold(nameA, nameB) && (schemaA == "" || schemaB == "" || strings.EqualFold(schemaA, schemaB))
}

func cutSchema(table string) (schema, name string) {
	if i := strings.LastIndexByte(table, '.'); i >= 0 {
		return table[:i], table[i+1:]
	}
	return "", table
}

// Dialect returns the kind of the database.
func (r *References) Dialect() Dialect { return r.kind }

// DB returns the handle that was given to [New]. It is for what has to be in the same
// transaction as the question, as an outbox is.
func (r *References) DB() *sql.DB { return r.session.DB }

// Transaction runs do in a transaction in which [References.AskIn] is right. Each of
// its statements sees what is committed when it runs; on SQLite it is the one that
// writes, from its beginning. It fails where the database is not the one that New
// was given.
func (r *References) Transaction(ctx context.Context, do func(runtime.Tx) error) error {
	return r.dialect.Transaction(ctx, r.session, func(tx dialect.Handle) error { return r.proved(ctx, tx, do) })
}

// Reading is a Transaction that only reads: it holds up nobody.
func (r *References) Reading(ctx context.Context, do func(runtime.Tx) error) error {
	return r.dialect.Reading(ctx, r.session, func(tx dialect.Handle) error { return r.proved(ctx, tx, do) })
}

// proved runs do if the database is the one that it was, by the random id of its outbox.
func (r *References) proved(ctx context.Context, tx dialect.Handle, do func(runtime.Tx) error) error {
	r.mu.Lock()
	was := r.id
	r.mu.Unlock()
	if was != "" {
		id, err := r.outboxID(ctx, tx, "")
		if err != nil {
			return fmt.Errorf("is this the database that it was? Its outbox can't be read: %w", err)
		}
		if id != was {
			return fmt.Errorf("this is another database than it was: its outbox has the id %s, and had %s", id, was)
		}
	}
	return do(tx)
}
