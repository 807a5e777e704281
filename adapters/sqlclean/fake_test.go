package sqlclean_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a database that keeps what it is told, and fails where it is to.
type fake struct {
	mu    sync.Mutex
	said  []string
	names map[string]string // of savepoints -> in which order they were set
	ended chan struct{}     // gets one for each COMMIT and ROLLBACK

	fail   map[string]error // by the beginning of what it is told
	on     func(told string)
	result driver.Result
	row    []driver.Value // what a query returns; or nil, for no row
}

func newFake(t *testing.T) (*fake, *sql.DB) {
	t.Helper()
	f := &fake{names: map[string]string{}, ended: make(chan struct{}, 10), fail: map[string]error{}, result: driver.RowsAffected(1)}
	db := sql.OpenDB(f)
	t.Cleanup(func() { _ = db.Close() })
	return f, db
}

var savepointName = regexp.MustCompile(`filecleangen_\w+`)

// tell keeps what the database is told, and returns the error for it.
func (f *fake) tell(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	what = savepointName.ReplaceAllStringFunc(what, func(name string) string {
		if f.names[name] == "" {
			f.names[name] = fmt.Sprintf("s%d", len(f.names)+1)
		}
		return f.names[name]
	})
	f.said = append(f.said, what)
	if f.on != nil {
		f.on(what)
	}
	for beginning, err := range f.fail {
		if strings.HasPrefix(what, beginning) {
			return err
		}
	}
	return nil
}

// want checks what the database was told, when its transaction has ended.
func (f *fake) want(t *testing.T, told ...string) {
	t.Helper()
	select { // database/sql may roll back in the background
	case <-f.ended:
	case <-time.After(10 * time.Second):
		t.Error("the transaction was not ended")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if got, want := strings.Join(f.said, "\n"), strings.Join(told, "\n"); got != want {
		t.Errorf("the database was told:\n%s\nwant:\n%s", got, want)
	}
}

// Connect and the following are called by database/sql.
func (f *fake) Connect(context.Context) (driver.Conn, error) { return conn{f}, nil }
func (f *fake) Driver() driver.Driver                        { return nil }

type conn struct{ *fake }

func (conn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }
func (conn) Close() error                        { return nil }
func (conn) Begin() (driver.Tx, error)           { return nil, errors.New("not without options") }

func (c conn) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	begin := "BEGIN"
	if o.Isolation != 0 {
		begin += " " + sql.IsolationLevel(o.Isolation).String()
	}
	if o.ReadOnly {
		begin += " read only"
	}
	return c, c.tell(begin)
}

func (c conn) Commit() error {
	defer func() { c.ended <- struct{}{} }()
	return c.tell("COMMIT")
}

func (c conn) Rollback() error {
	defer func() { c.ended <- struct{}{} }()
	return c.tell("ROLLBACK")
}

func (c conn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	return c.result, c.tell(query)
}

func (c conn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	return &rows{left: c.row}, c.tell(query)
}

// rows has one row, or none.
type rows struct{ left []driver.Value }

func (r *rows) Columns() []string { return []string{"id"} }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(to []driver.Value) error {
	if r.left == nil {
		return io.EOF
	}
	copy(to, r.left)
	r.left = nil
	return nil
}

// inserted is the result of an INSERT whose key the database made.
type inserted struct {
	id  int64
	err error
}

func (i inserted) LastInsertId() (int64, error) { return i.id, i.err }
func (i inserted) RowsAffected() (int64, error) { return 1, nil }
