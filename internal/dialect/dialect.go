// Package dialect knows what differs between the databases that an outbox can be
// in: nothing else in this module asks which one it has to do with. A database is
// one file here, its tables are in files of their own, by version.
package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Kind is a kind of database.
type Kind uint8

// The kinds of databases.
const (
	SQLite Kind = iota + 1
	PostgreSQL
	MySQL
)

// dialects has an entry for each kind.
var dialects = [...]Dialect{SQLite: sqlite{}, PostgreSQL: postgres{}, MySQL: mysql{}}

// Of returns the dialect of a kind of database.
func Of(k Kind) (Dialect, error) {
	if int(k) >= len(dialects) || dialects[k] == nil {
		return nil, fmt.Errorf("unknown kind of database %d", uint8(k))
	}
	return dialects[k], nil
}

// A Dialect is what one kind of database has of its own.
type Dialect interface {
	// String returns the name of the database.
	String() string

	// Now is an expression for the time of the server in milliseconds since 1970:
	// every process that shares an outbox goes by one clock.
	Now() string
	// Quote returns a name as SQL has it, and QuoteTable that of a table, which may have
	// its schema and a dot in front.
	Quote(name string) string
	QuoteTable(name string) string
	// Bind returns the placeholder of the argument with this number, from 1, and Again
	// one that stands for the same argument once more; "" if there is none.
	Bind(n int) string
	Again(n int) string
	// KeepExisting ends an INSERT that leaves a row alone that is there already; the
	// table has the column.
	KeepExisting(column string) string
	// Among appends, behind the last column of a key, the condition that it is one of the
	// names, so that the index of the key is used whatever the statistics say.
	Among(s *Statement, names []string) *Statement
	// Lock ends a SELECT that locks its rows, and SkipLocked one that leaves out those
	// that others have locked.
	Lock() string
	SkipLocked() string

	// ForceIndex comes behind a table in a SELECT or an UPDATE that is to use an index, or
	// PRIMARY, and DeleteByKey begins a DELETE that uses the primary key: a statement that
	// walks through the table would wait for rows that others have locked.
	ForceIndex(name string) string
	DeleteByKey(table string) string
	// Stale reports whether a statement was refused because the transaction reads by a
	// snapshot that is older than what it meets.
	Stale(err error) bool

	// Write does what a transaction does to the rows of files in the outbox, in that
	// transaction. The entries are sorted by storage and name, and no file is in two of
	// them. The error wraps [ErrGone] where a file can't be taken, and [ErrVersion]; the
	// transaction must be rolled back then, as after every error.
	Write(ctx context.Context, h Handle, w Writer, entries []Entry) error
	// Durable returns why a commit may not be on disk when it has returned, although
	// Transaction has done what it can; "" if it is.
	Durable(ctx context.Context, db Queryer) (doubt string, err error)

	// Triggers returns what tells the outbox of a table's rows, in the order in which it is
	// to be made: triggers, and functions that they call. They do in the transaction of
	// the statement that changes rows what Write does for a batch.
	Triggers(ctx context.Context, db Queryer, w TriggerWriter, t TriggerTable) ([]TriggerObject, error)
	// InstalledTriggers returns what there is of a program's, in the order in which it can
	// be dropped.
	InstalledTriggers(ctx context.Context, db Queryer, program string) ([]TriggerObject, error)
	// LockTimeout returns statements that let those that follow in Exclusively wait for a
	// lock for so long, and LockRefused reports whether one was refused then.
	LockTimeout(d time.Duration) []string
	LockRefused(err error) bool
	// TriggerHint says what to do about an error that the database returns when a trigger is
	// made, where its own text does not; or "".
	TriggerHint(err error) string

	// Unseen returns what triggers don't see of the statements of a session that is as this
	// one; "" if nothing depends on that.
	Unseen(ctx context.Context, db Queryer) (what string, err error)

	// OneWriter reports whether one transaction at a time can write.
	OneWriter() bool
	// Revision is an expression for what changes in a row of the outbox whenever it is
	// taken or released, where that has to be known.
	Revision() string
	// Home returns what is to be known of the database: its name, where a session can
	// come to be in another one, or how it encodes texts, where that differs.
	Home(ctx context.Context, db Queryer) (string, error)
	// Transaction runs do in a transaction in which each query sees what is
	// committed when it runs; where there is one writer, as that. Nothing that a
	// session was told before changes what is seen: what can be set is set, and what
	// can't be is an error. So is a database that is a copy of another one and may be
	// behind it. What the transaction commits is on disk then, and with it all that was
	// committed before.
	Transaction(ctx context.Context, s Session, do func(Handle) error) error
	// Reading is a Transaction that only reads, and holds up no writer.
	Reading(ctx context.Context, s Session, do func(Handle) error) error

	// Typed reports whether the types of columns say how they hold names, so that
	// Column has to be asked; only there are arrays.
	Typed() bool
	// Column finds a column, where it is whatever a session is told later, and how it
	// holds names. form is what was said of it, or Auto; many is whether the field has
	// many names. The error is [ErrNoColumn] only if it is sure that there is none. It
	// is an error if the session sees something else in the place of the table.
	Column(ctx context.Context, db Queryer, table, column string, form Form, many bool) (Source, error)
	// Shape returns a text that is another one whenever Column may say something else of a
	// column of these tables, which are as it returned them, and as it was given them. It is
	// cheaper than to ask Column of each. An error says nothing of the tables.
	Shape(ctx context.Context, db Queryer, tables []string) (string, error)
	// Find appends a query for those of the values that a column holds, and perhaps
	// others that the database takes for them: what they are, and how they are to be
	// compared, see [Match]. With a limit, " LIMIT n", it looks at so many rows. What
	// the database takes for equal must not be merged: only one may be the name. Of
	// documents it selects all, or some that surely have all that is looked for.
	Find(s *Statement, src Source, values *Values, limit string)
	// FindTails appends a query for the values of a column that begin with a prefix and
	// are no plain name behind it: there is one of ?, # and % in it, or it may be
	// spelled otherwise. It is not asked of documents.
	FindTails(s *Statement, src Source, prefix string)
	// List appends a query for all values of a column, as Find has them.
	List(s *Statement, src Source)
	// Keyed is a query for the primary key of each row, as a text, and what List has of it.
	Keyed(src Source) *Statement
	// Doubt returns why nobody can tell whether a column holds a name, whatever it is:
	// because that depends on the connection by which a program reads it. Mostly it is nil.
	Doubt(s Session, name string) error

	// Schema returns the statements that lead from each version of the tables to
	// the next.
	Schema() [][]string
	// Repeated reports whether a statement of the schema failed because it had been run
	// before, by a process that was killed then: where what changes a schema can't be
	// rolled back.
	Repeated(err error) bool
	// HasTable reports whether there is a table. It is an error if that can't be known,
	// because it may be one that the user has no right to see.
	HasTable(ctx context.Context, db Queryer, table string) (bool, error)
	// Exclusively runs do on a connection while no other process does under the same
	// name, in a transaction where the database can roll back what do does to its
	// schema.
	Exclusively(ctx context.Context, c *sql.Conn, name string, do func() error) error
}

// A Form is how a column holds the names of files.
type Form uint8

// How a column holds the names of files.
const (
	Auto  Form = iota // as its type says
	Text              // its value is a name
	JSON              // a document; every string in it is taken for a name
	Array             // an array of names
)

// A Source is a column in which names are looked for.
type Source struct {
	Table      string // with its schema
	Column     string
	Form       Form
	Type       string // as the catalogue of the database has it
	TypeSchema string // PostgreSQL
	Charset    string // of text; MySQL
	Collation  string // of text; MySQL
	Length     int    // of values that are filled up to it
	Indexed    bool   // whether an index has what is in documents and arrays; PostgreSQL
	Key        string // the columns of the primary key, with commas between
}

// ErrNoColumn says that there is no such table or column.
var ErrNoColumn = errors.New("there is no such table or column")

// A Session is a handle of our own, and what is known of its database.
type Session struct {
	DB   *sql.DB
	Home string // see [Dialect.Home]
}

// A Match says how a value that Find selects is compared with a name.
type Match int

// How a value is compared.
const (
	Exactly  Match = iota // it is the name, byte for byte
	Padded                // the same, but for spaces and zeros that fill it up
	Document              // it is a document, to be searched by [InDocument]
	Mistaken              // the same, but it may be UTF-8 that was taken for latin1, see [NotLatin1]
)
