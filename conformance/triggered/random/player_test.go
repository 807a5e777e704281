package random_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// player is one session of a program after the other.
type player struct {
	w     *world
	rand  *rand.Rand
	fresh map[string][]string // names of uploads that no row has yet, by storage
	mind  map[string][]string // names that it has had at some time
	did   map[string]int
	at    func() // called between steps

	history []string
}

// restart begins a program.
func (p *player) restart(random *rand.Rand) { p.rand, p.history = random, nil }

func (p *player) one(n int) bool { return p.rand.IntN(n) == 0 }

// pause gives the others time to do much, now and then.
func (p *player) pause() {
	if p.one(6) {
		time.Sleep(time.Duration(p.rand.IntN(15)) * time.Millisecond)
	}
}

// note writes down what was done, for messages.
func (p *player) note(format string, args ...any) {
	p.history = append(p.history, time.Now().Format("15:04:05.000000 ")+fmt.Sprintf(format, args...))
}

// session is a connection, and its transaction or nil.
type session struct {
	conn   *sql.Conn
	tx     *sql.Tx
	level  sql.IsolationLevel
	failed bool // a statement has, and the transaction went on
}

// turn makes some uploads and runs a transaction, or a statement outside of one. The error
// is one that nobody may see.
func (p *player) turn(ctx context.Context) error {
	p.fresh = map[string][]string{}
	var discards sync.WaitGroup
	defer discards.Wait()
	for range p.rand.IntN(4) {
		discard, err := p.upload(ctx)
		if err != nil {
			return p.harmless(ctx, "upload", nil, err)
		}
		switch p.rand.IntN(16) {
		case 0: // it is forgotten, and goes when its time is over
		case 1:
			discard()
		case 2:
			discards.Go(discard)
		default:
			defer discard()
		}
	}
	if p.one(40) { // the client goes, at some time
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, time.Duration(p.rand.IntN(8000))*time.Microsecond)
		defer stop()
	}
	if p.one(60) {
		p.w.interrupt(ctx, p.one(2))
	}
	db := p.w.db
	if p.one(4) {
		db = p.w.deferred
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return p.harmless(ctx, "connect", nil, err)
	}
	defer func() { _ = conn.Close() }()
	s := &session{conn: conn}
	defer p.impatient(ctx, s)()
	if p.one(4) {
		return p.harmless(ctx, "statement", s, p.do(ctx, s))
	}
	return p.transaction(ctx, s)
}

// upload makes a file that a row may name, until it is discarded.
func (p *player) upload(ctx context.Context) (discard func(), err error) {
	in := media
	if p.one(5) {
		in = cdn
	}
	name := fmt.Sprintf([]string{"f%d", "f%d", "F%d", "d/f%d", `ü "%d`}[p.rand.IntN(5)], p.rand.IntN(30))
	up, err := p.w.box.Create(ctx, in, name)
	if err != nil {
		return nil, err
	}
	p.at()
	if !p.one(20) { // or it can't be taken
		if err := up.Close(); err != nil {
			up.Discard()
			return nil, err
		}
	}
	p.note("upload %s/%s", in, up.Name())
	p.fresh[in] = append(p.fresh[in], up.Name())
	return func() { p.discard(up) }, nil
}

func (p *player) discard(up *runtime.Upload) {
	p.at()
	up.Discard()
}

// impatient has a session wait for others, or for itself, for a moment only. done takes
// that back.
func (p *player) impatient(ctx context.Context, s *session) (done func()) {
	if p.w.d == references.PostgreSQL || !p.one(10) {
		return func() {}
	}
	on, off := "PRAGMA busy_timeout = 3", "PRAGMA busy_timeout = 20000"
	if p.w.d == references.MySQL {
		on, off = "SET SESSION innodb_lock_wait_timeout = 1", "SET SESSION innodb_lock_wait_timeout = DEFAULT"
		if p.w.returns {
			on, off = "SET SESSION innodb_lock_wait_timeout = 0, max_statement_time = 0.004", off+", max_statement_time = DEFAULT"
		}
	}
	_, _ = s.conn.ExecContext(ctx, on)
	return func() { _, _ = s.conn.ExecContext(context.WithoutCancel(ctx), off) }
}

func (p *player) transaction(ctx context.Context, s *session) error {
	if p.w.d != references.SQLite {
		s.level = []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable, sql.LevelReadUncommitted}[p.rand.IntN(4)]
	}
	tx, err := s.conn.BeginTx(ctx, &sql.TxOptions{Isolation: s.level})
	if err != nil {
		return p.harmless(ctx, "begin", s, err)
	}
	p.note("begin %v", s.level)
	s.tx = tx
	defer func() {
		if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
			s.discard()
		}
	}()
	if p.w.d == references.PostgreSQL && p.one(10) {
		if _, err := tx.ExecContext(ctx, []string{"SET LOCAL lock_timeout = 3", "SET LOCAL statement_timeout = 8"}[p.rand.IntN(2)]); err != nil {
			return p.harmless(ctx, "transaction", s, err)
		}
	}
	if p.one(3) { // what it sees may be of before what others do now
		if err := s.query(ctx, 1, "SELECT count(*) FROM album"); err != nil {
			return p.harmless(ctx, "transaction", s, err)
		}
		p.note("looked")
		p.pause()
	}
	if err := p.steps(ctx, s, 0); err != nil {
		return p.harmless(ctx, "transaction", s, err)
	}
	p.at()
	p.pause()
	if p.one(6) {
		p.note("rolled back")
		p.did["rolled back"]++
		return nil
	}
	err = tx.Commit()
	p.note("commit: %v", err)
	if err != nil {
		s.discard()
	}
	p.at()
	return p.harmless(ctx, "commit", s, err)
}

// steps are statements, and savepoints.
func (p *player) steps(ctx context.Context, s *session, depth int) error {
	for range 1 + p.rand.IntN(3) {
		p.at()
		var err error
		if depth == 3 || !p.one(4) {
			err = p.do(ctx, s)
		} else {
			err = p.savepoint(ctx, s, depth)
		}
		if err == nil {
			continue
		}
		s.failed = true
		if p.w.d == references.PostgreSQL || p.one(2) {
			return err
		}
		if err := p.harmless(ctx, "went on", s, err); err != nil { // the statement failed, and nothing else did
			return err
		}
	}
	return nil
}

// savepoint makes steps in a savepoint. What is refused there is rolled back, and the
// transaction goes on.
func (p *player) savepoint(ctx context.Context, s *session, depth int) error {
	name := fmt.Sprintf("SAVEPOINT s%d", depth)
	if err := s.exec(ctx, name); err != nil {
		return err
	}
	p.note("%s", name)
	err := p.steps(ctx, s, depth+1)
	if err != nil && !outbox.IsGone(err) && p.one(2) {
		return err
	}
	if err != nil && p.harmless(ctx, "in a savepoint", s, err) != nil {
		return err
	}
	if err != nil || p.one(3) {
		p.did["rolled back to a savepoint"]++
		name = "ROLLBACK TO " + name
	} else {
		name = "RELEASE " + name
	}
	err = s.exec(ctx, name)
	p.note("%s: %v", name, err)
	return err
}

// discard closes the connection: where the end of a transaction was interrupted, it would
// go back to the pool with the transaction.
func (s *session) discard() { _ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) }

// exec runs a statement in the transaction, if there is one.
func (s *session) exec(ctx context.Context, query string, args ...any) (err error) {
	if s.tx != nil {
		_, err = s.tx.ExecContext(ctx, query, args...)
	} else {
		_, err = s.conn.ExecContext(ctx, query, args...)
	}
	return err
}

// query runs a statement, and reads some of the rows that it returns.
func (s *session) query(ctx context.Context, most int, query string, args ...any) (err error) {
	on := s.conn.QueryContext
	if s.tx != nil {
		on = s.tx.QueryContext
	}
	rows, err := on(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for n := 0; n < most && rows.Next(); n++ {
	}
	return rows.Err()
}

// do runs a random statement that writes.
func (p *player) do(ctx context.Context, s *session) (err error) {
	st := p.statement(s)
	query := databases.Rebind(p.w.d, st.query)
	what, _, _ := strings.Cut(st.query, " ")
	switch {
	case st.run != nil:
		err = st.run(ctx, s)
	case p.one(5) && p.canReturn(query):
		what += " RETURNING"
		query += " RETURNING 1"
		err = s.query(ctx, p.rand.IntN(4), query, st.args...)
	default:
		err = s.exec(ctx, query, st.args...)
	}
	p.note("%s %q: %v", query, st.args, err)
	if err != nil {
		return fmt.Errorf("%s %q: %w", query, st.args, err)
	}
	p.did["statement "+what]++
	return nil
}

// canReturn reports whether a statement may have RETURNING.
func (p *player) canReturn(query string) bool {
	starts := []string{"INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"}
	if p.w.d == references.MySQL {
		starts = []string{"INSERT", "REPLACE", "DELETE FROM"}
	}
	return p.w.returns && (p.w.d != references.MySQL || !strings.Contains(query, " USING ")) && slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(query, s) })
}

// interrupt ends a session of this database, whoever's it is, also a relay's, or what it
// does now.
func (w *world) interrupt(ctx context.Context, session bool) {
	var id int64
	if sessions[w.d] == "" || w.db.QueryRowContext(ctx, sessions[w.d]).Scan(&id) != nil {
		return // nobody is there
	}
	kill := map[references.Dialect]string{references.PostgreSQL: "SELECT pg_terminate_backend(%d)", references.MySQL: "KILL %d"}
	if !session {
		kill = map[references.Dialect]string{references.PostgreSQL: "SELECT pg_cancel_backend(%d)", references.MySQL: "KILL QUERY %d"}
	}
	_, _ = w.db.ExecContext(ctx, fmt.Sprintf(kill[w.d], id))
}

var sessions = map[references.Dialect]string{
	references.PostgreSQL: "SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1",
	references.MySQL:      "SELECT id FROM information_schema.PROCESSLIST WHERE db = database() AND id <> connection_id() ORDER BY rand() LIMIT 1",
}

// contains reports whether the text of an error has one of some parts.
func contains(err error, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(err.Error(), part) })
}

// killed reports whether an error says that the session has been ended, or what it did.
func killed(err error) bool {
	return contains(err, "57P01", "57014", "unexpected EOF", "conn closed", "bad connection", "invalid connection", "reset by peer", "broken pipe", "Error 1927", "Error 1317")
}

// harmless returns nil for errors that are part of the play: two transactions were in each
// other's way, a file is gone, or the client.
func (p *player) harmless(ctx context.Context, what string, s *session, err error) error {
	_, leaves := ctx.Deadline() // a client that goes hears of it from whoever is the first to see it
	switch {
	case err == nil:
		p.did[what]++
		return nil
	case outbox.IsGone(err):
		p.did[what+": gone"]++
		return nil
	case leaves, killed(err):
		p.did[what+": interrupted"]++
		return nil
	case s != nil && s.failed && contains(err, "no transaction is active", "no such savepoint", "Error 1305", "unexpectedly resulted in rollback"):
		p.did[what+": the transaction had ended"]++
		return nil
	case databases.Refused(err), contains(err,
		"SQLSTATE 23503", "Error 1452", "Error 1451", // an album that is not there
		"SQLSTATE 21000", "SQLSTATE 27000", // one row is changed twice
		"SQLSTATE 0A000", "SQLSTATE 22000", "SQLSTATE 2202E", // an array has another shape
		"SQLSTATE 55P03", "Error 1969", "Error 1329", "could not note", // it took too long, also in the loop of a trigger
		"has an error in its body", // MariaDB could not read a trigger for once, it seems where it was interrupted
	):
		p.did[what+": refused"]++
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
