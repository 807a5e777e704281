package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// A fault is how a statement or a connection fails.
type fault struct {
	err   error
	after bool   // it is run, and its answer is lost
	then  func() // called when it was run; or nil
}

// tapped opens a handle on the database of a world. on is called before each
// statement, and before each connection, as CONNECT, is made; it may wait, and may
// return how it fails.
func (w *world) tapped(on func(query string) *fault) *sql.DB {
	w.t.Helper()
	plain, err := databases.Open(w.d, w.dsn)
	w.must(err)
	db := sql.OpenDB(&tap{driver: plain.Driver(), dsn: w.dsn, on: on, prepares: w.d == references.MySQL})
	w.must(plain.Close())
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

type tap struct {
	driver   driver.Driver
	dsn      string
	on       func(query string) *fault
	prepares bool // statements with arguments
}

func (t *tap) Driver() driver.Driver { return t.driver }

func (t *tap) Connect(ctx context.Context) (driver.Conn, error) {
	f := t.on("CONNECT")
	if f != nil && !f.after {
		return nil, f.err
	}
	c, err := t.open(ctx)
	if err == nil && f != nil && f.err != nil {
		_ = c.Close()
		err = f.err
	}
	if err != nil {
		return nil, err
	}
	return &tapConn{Conn: c, tap: t}, nil
}

func (t *tap) open(ctx context.Context) (driver.Conn, error) {
	d, ok := t.driver.(driver.DriverContext)
	if !ok {
		return t.driver.Open(t.dsn)
	}
	c, err := d.OpenConnector(t.dsn)
	if err != nil {
		return nil, err
	}
	return c.Connect(ctx)
}

// tapConn is a connection. After driver.ErrBadConn it is dead.
type tapConn struct {
	driver.Conn
	tap  *tap
	dead bool
}

// do runs a statement, unless it is to fail. instead is what happens in its place then.
func (c *tapConn) do(query string, run, instead func() error) error {
	if c.dead {
		return driver.ErrBadConn
	}
	f := c.tap.on(query)
	if f == nil {
		return run()
	}
	c.dead = errors.Is(f.err, driver.ErrBadConn)
	switch {
	case f.after:
		if err := run(); err != nil {
			return err
		}
		if f.then != nil {
			f.then()
		}
	case instead != nil && !c.dead:
		if err := instead(); err != nil {
			return err
		}
	}
	return f.err
}

func (c *tapConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.dead {
		return nil, driver.ErrBadConn
	}
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &tapStmt{Stmt: s, conn: c, query: query}, nil
}

func (c *tapConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	if c.tap.prepares && len(args) > 0 {
		return nil, driver.ErrSkip
	}
	err = c.do(query, func() (err error) {
		result, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
		return err
	}, nil)
	return result, err
}

func (c *tapConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.tap.prepares && len(args) > 0 {
		return nil, driver.ErrSkip
	}
	return c.query(query, func() (driver.Rows, error) {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	})
}

func (c *tapConn) query(query string, run func() (driver.Rows, error)) (rows driver.Rows, err error) {
	err = c.do(query, func() (err error) {
		rows, err = run()
		return err
	}, nil)
	if err != nil && rows != nil {
		_ = rows.Close()
		rows = nil
	}
	return rows, err
}

func (c *tapConn) BeginTx(ctx context.Context, options driver.TxOptions) (tx driver.Tx, err error) {
	err = c.do("BEGIN", func() (err error) {
		tx, err = c.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
		return err
	}, nil)
	if err != nil && tx != nil {
		if !c.dead {
			_ = tx.Rollback()
		}
		return nil, err
	}
	return &tapTx{Tx: tx, conn: c}, err
}

func (c *tapConn) Ping(ctx context.Context) error {
	if p, ok := c.Conn.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *tapConn) ResetSession(ctx context.Context) error {
	if c.dead {
		return driver.ErrBadConn
	}
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *tapConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !c.dead && (!ok || v.IsValid())
}

func (c *tapConn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.Conn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// tapStmt is a prepared statement.
type tapStmt struct {
	driver.Stmt
	conn  *tapConn
	query string
}

func (s *tapStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	err = s.conn.do(s.query, func() (err error) {
		result, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		return err
	}, nil)
	return result, err
}

func (s *tapStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(s.query, func() (driver.Rows, error) {
		return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	})
}

// tapTx is a transaction. A commit that is refused has rolled back, and a connection
// whose rollback is answered by an error has rolled back nevertheless.
type tapTx struct {
	driver.Tx
	conn *tapConn
}

func (tx *tapTx) Commit() error { return tx.conn.do("COMMIT", tx.Tx.Commit, tx.Tx.Rollback) }

func (tx *tapTx) Rollback() error { return tx.conn.do("ROLLBACK", tx.Tx.Rollback, tx.Tx.Rollback) }

// faults is a world, and a process in which one statement or connection fails.
type faults struct {
	*world
	ill *world // its handles are the ones that fail

	mu    sync.Mutex
	kind  fault
	of    string // what is counted: all but connections, or CONNECT
	at    int    // which one fails, from 1; 0: none
	seen  int
	query string // that failed
}

func newFaults(t *testing.T, d references.Dialect) *faults {
	t.Helper()
	f := &faults{world: newWorld(t, d, settings{})}
	f.ill = &world{t: t, d: d, root: f.root, dsn: f.dsn}
	f.ill.openFiles()
	f.must(errors.Join(f.ill.db.Close(), f.ill.own.Close()))
	f.ill.db, f.ill.own = f.ill.tapped(f.on), f.ill.tapped(f.on)
	f.ill.open(settings{})
	f.ill.makeRelay(settings{})
	return f
}

func (f *faults) on(query string) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == 0 || (query == "CONNECT") != (f.of == "CONNECT") {
		return nil
	}
	if f.seen++; f.seen != f.at {
		return nil
	}
	f.query = query
	return &f.kind
}

// during runs do while the n-th fails, and reports whether there was an n-th.
func (f *faults) during(n int, do func()) bool {
	f.mu.Lock()
	f.at, f.seen, f.query = n, 0, ""
	f.mu.Unlock()
	do()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = 0
	return f.query != ""
}

var errLost = errors.New("the answer was lost")

var kindsOfFaults = []fault{
	{err: driver.ErrBadConn},
	{err: errLost},
	{err: driver.ErrBadConn, after: true},
	{err: errLost, after: true},
}

// A work is what is done while a statement fails: prepare is done before. Each time
// it has another number.
type work struct {
	name    string
	prepare func(f *faults, id int64)
	do      func(f *faults, id int64)
}

var works = []work{
	{"upload", func(*faults, int64) {}, uploadAndName},
	{"discard", func(*faults, int64) {}, createAndDiscard},
	{"commit", nameFiles, replaceFiles},
	{"drain", promiseFiles, func(f *faults, _ int64) { _, _ = f.ill.relay.Drain(context.Background()) }},
}

// Whatever statement and whatever connection fails, no file is lost that a row names,
// and when all that was promised has had its time none is left.
func TestFaults(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		var all sync.WaitGroup
		for _, w := range works {
			all.Go(func() { t.Run(w.name, func(t *testing.T) { failEach(t, d, w) }) })
		}
		all.Wait()
	})
}

func failEach(t *testing.T, d references.Dialect, w work) {
	t.Helper()
	f := newFaults(t, d)
	id, runs := int64(0), 0
	for i, kind := range kindsOfFaults {
		for _, of := range []string{"", "CONNECT"} {
			f.kind, f.of = kind, of
			idle := 8
			if of == "CONNECT" {
				idle = -1 // every transaction makes one
			}
			f.ill.db.SetMaxIdleConns(idle)
			f.ill.own.SetMaxIdleConns(idle)
			step, n := 1, 1
			if programs(t, 0) == 0 { // each statement fails in one of the ways
				step = len(kindsOfFaults)
				n += i
			}
			for hit := true; hit && !t.Failed(); n += step {
				id++
				w.prepare(f, id)
				hit = f.during(n, func() { w.do(f, id) })
				f.recover(fmt.Sprintf("%s: %s %d fails (%+v): %q", w.name, of, n, kind, f.query))
				runs++
			}
		}
	}
	if runs < 20 {
		t.Errorf("only %d statements failed", runs)
	}
	t.Logf("%d runs", runs)
}

// uploadAndName uploads a file, and if that succeeds names it.
func uploadAndName(f *faults, id int64) {
	up, err := f.ill.box.Create(context.Background(), "media", fmt.Sprintf("d/%d", id))
	if err != nil {
		return
	}
	defer up.Discard()
	if up.Close() == nil {
		f.tryCommit(func(tx *transaction) error {
			return tx.try((&models.Album{ID: id, Cover: up.Name()}).AfterCreate, insertAlbum, append(columns(f.d, &models.Album{Cover: up.Name()}), id)...)
		})
	}
}

// createAndDiscard gives up an upload that was not closed, or forgets it as a process
// does that dies.
func createAndDiscard(f *faults, id int64) {
	for _, dies := range []bool{true, false} {
		up, err := f.ill.box.Create(context.Background(), "media", fmt.Sprintf("d/%d", id))
		if err == nil && !dies {
			up.Discard()
		}
	}
}

// tryCommit runs a transaction in which anything may fail.
func (f *faults) tryCommit(do func(tx *transaction) error) {
	ctx := context.Background()
	b := f.ill.clean.Begin()
	defer b.Rollback()
	tx, err := f.ill.db.BeginTx(ctx, nil)
	if err != nil {
		return
	}
	defer tx.Rollback()
	if err = do(&transaction{Tx: tx, b: b, w: f.ill}); err == nil {
		_, _ = f.ill.box.Commit(ctx, b, tx, tx.Commit)
	}
}

// nameFiles makes a row that names files.
func nameFiles(f *faults, id int64) {
	old, stays := fmt.Sprintf("old%d", id), fmt.Sprintf("stays%d", id)
	f.write(old, stays)
	f.commit(func(tx *transaction) { tx.insert(&models.Album{ID: id, Cover: old, Banner: null(stays)}) })
}

// replaceFiles replaces one of them by an upload.
func replaceFiles(f *faults, id int64) {
	now := &models.Album{ID: id, Banner: null(fmt.Sprintf("stays%d", id))}
	before := models.AlbumFiles{Cover: fmt.Sprintf("old%d", id), Banner: now.Banner.String}
	up, err := f.ill.box.Create(context.Background(), "media", fmt.Sprintf("new%d", id))
	if err != nil {
		return
	}
	defer up.Discard()
	if up.Close() != nil {
		return
	}
	now.Cover = up.Name()
	f.tryCommit(func(tx *transaction) error {
		return tx.try(func(b *runtime.Batch) { now.BeforeUpdate(b, before) },
			"UPDATE album SET title = ?, cover = ?, banner = ?, pages = ?, photos = ? WHERE id = ?", append(columns(f.d, now), id)...)
	})
}

// promiseFiles promises files of which one is named, one is derived from another, and
// one was uploaded.
func promiseFiles(f *faults, id int64) {
	goes, stays, scan := fmt.Sprintf("goes%d", id), fmt.Sprintf("stays%d", id), fmt.Sprintf("scan%d", id)
	f.write(goes, stays, scan+".png", "thumbs/"+scan+".webp")
	row, s := &models.Album{ID: id, Cover: goes, Banner: null(stays)}, &models.Scan{ID: id, File: scan + ".png"}
	f.commit(func(tx *transaction) {
		tx.insert(row)
		f.must(tx.try(s.AfterCreate, "INSERT INTO scan (id, file) VALUES (?, ?)", id, s.File))
	})
	f.commit(func(tx *transaction) {
		tx.remove(row)
		f.must(tx.try(func(b *runtime.Batch) { s.AfterDelete(b, s.FileSnapshot()) }, "DELETE FROM scan WHERE id = ?", id))
	})
	up, err := f.box.Create(f.t.Context(), "media", fmt.Sprintf("up%d", id))
	f.must(err)
	f.must(up.Close())
	up.Discard()
	_, err = f.db.ExecContext(f.t.Context(), f.q("INSERT INTO album (id, title, cover) VALUES (?, '', ?)"), id, stays)
	f.must(err)
}

// recover waits until all that was promised has had its time, and compares files with
// rows.
func (f *faults) recover(when string) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; { // servers take their time to roll back what a dead connection has begun
		f.due()
		f.drain()
		if s, err := f.box.Stats(f.t.Context()); err != nil || s == (outbox.Stats{}) || time.Now().After(deadline) {
			f.must(err)
			break
		}
	}
	f.check(when)
	f.exec("DELETE FROM album")
	f.exec("DELETE FROM scan")
	f.exec("DELETE FROM filecleangen_outbox")
	f.must(filepath.WalkDir(f.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == outbox.MarkerName {
			return err
		}
		return os.Remove(path)
	}))
}

// illFs is a storage that fails, panics or hangs when it is to remove a file.
type illFs struct {
	afero.Fs
	how   string
	at    int64  // which call is ill, from 1; 0: none
	name  string // or which file always is; or empty
	calls atomic.Int64
	goOn  chan struct{}
}

func (s *illFs) Remove(name string) error {
	if s.calls.Add(1) == s.at || name == s.name {
		switch s.how {
		case "fails":
			return errors.New("I/O error")
		case "panics":
			panic("nil map")
		case "hangs":
			<-s.goOn
		}
	}
	return s.Fs.Remove(name)
}

// illStorage makes a world in which three files are promised to go from a storage that
// is ill.
func illStorage(t *testing.T, d references.Dialect, ill *illFs) *world {
	t.Helper()
	ill.goOn = make(chan struct{})
	t.Cleanup(func() { close(ill.goOn) })
	return letGo(t, d, settings{
		wrap:    func(fs afero.Fs) afero.Fs { ill.Fs = fs; return ill },
		cleaner: []runtime.Option{runtime.WithTimeout(50 * time.Millisecond), runtime.WithWorkers(1)},
		relay:   []outbox.RelayOption{outbox.WithAttempts(3, 0, 0), outbox.WithLease(time.Second)},
	}, "a", "b", "c")
}

// A call of the storage fails, panics, or does not return: all files go in the end.
func TestStorageIllOnce(t *testing.T) {
	for _, how := range []string{"fails", "panics", "hangs"} {
		t.Run(how, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				for at := int64(1); at <= 3; at++ {
					w := illStorage(t, d, &illFs{how: how, at: at})
					for range 4 { // what hangs comes again when its lease is over
						w.drain()
						w.due()
					}
					w.want("")
					w.wantStats(0, 0)
				}
			})
		})
	}
}

// So it is with one file at each attempt: it is parked, and its neighbours go.
func TestStorageIllForOneFile(t *testing.T) {
	for _, how := range []string{"fails", "panics", "hangs"} {
		t.Run(how, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				for _, bad := range []string{"a", "c"} {
					w := illStorage(t, d, &illFs{how: how, name: bad})
					for range 4 {
						w.drain()
						w.leaseOver()
					}
					w.want(bad)
					w.wantStats(0, 1)
				}
			})
		})
	}
}

// leaseOver has the leases of rows be over, in the order in which they were given.
func (w *world) leaseOver() {
	w.t.Helper()
	w.exec("UPDATE filecleangen_outbox SET not_before = not_before - 1000000 WHERE state = 'deleting'")
}

// The removal of a file kills its process each time: it is parked, and its neighbours
// go.
func TestRemovalKills(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{}, "a", "b", "c")
		deaths := 0
		for range 5 {
			cmd, _, _ := w.child(childTask{Do: "die", Name: "b"})
			var exit *exec.ExitError
			err := cmd.Wait()
			if err == nil {
				break
			}
			if !errors.As(err, &exit) || exit.ExitCode() != diesWith {
				t.Fatal(err)
			}
			deaths++
			w.leaseOver()
		}
		if deaths != 3 {
			t.Errorf("%d processes died of the file, want one for each attempt", deaths)
		}
		w.want("b")
		w.wantStats(0, 1)
	})
}

func init() {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // which tells of each connection that is gone
}

// Sessions are killed at any time while programs and relays run.
func TestSessionsKilled(t *testing.T) {
	databases.EachServer(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		kill := w.killer()
		named := w.dsn
		if d == references.PostgreSQL {
			w.dsn += "&application_name=" + killable
		}
		relay := w.another(outbox.WithPoll(5 * time.Millisecond))
		var players []*player
		for seed := range uint64(2) {
			p := newPlayer(w.another(), seed+40)
			p.fair = true
			p.at = func() {
				if p.one(10) {
					kill()
				}
			}
			players = append(players, p)
		}
		w.dsn = named
		failed := 0
		for n := range programs(t, 6) {
			ctx, stop := context.WithCancel(t.Context())
			var relaying, playing sync.WaitGroup
			relaying.Go(func() { _ = relay.relay.Run(ctx) })
			errs := make(chan error, 100)
			for _, p := range players {
				playing.Go(func() {
					for range 15 {
						errs <- p.play(t.Context())
					}
				})
			}
			playing.Wait()
			stop()
			relaying.Wait()
			close(errs)
			for err := range errs {
				if err != nil {
					failed++
				}
			}
			w.checkCrash(fmt.Sprintf("program %d", n))
		}
		if failed == 0 {
			t.Error("no transaction failed: the test tests nothing")
		}
	})
}

const killable = "filecleangen_killable"

// killer returns a function that kills a session of the others in this world.
func (w *world) killer() (kill func()) {
	ctx := context.Background()
	if w.d == references.PostgreSQL {
		return func() {
			_, _ = w.db.ExecContext(ctx, "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = '"+killable+"' ORDER BY random() LIMIT 1) s")
		}
	}
	config, err := mysql.ParseDSN(w.dsn)
	w.must(err)
	own := w.db
	return func() {
		c, err := own.Conn(ctx)
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		var id int64
		err = c.QueryRowContext(ctx, "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> connection_id() ORDER BY rand() LIMIT 1", config.DBName).Scan(&id)
		if err == nil {
			_, _ = c.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
		}
	}
}

// dieOnce drains the outbox, and dies when a certain file is to be removed.
func dieOnce(w *world, task childTask) {
	with := settings{
		wrap:    func(fs afero.Fs) afero.Fs { return &dyingFs{fs, task.Name} },
		cleaner: []runtime.Option{runtime.WithWorkers(1)},
		relay:   []outbox.RelayOption{outbox.WithAttempts(3, 0, 0)},
	}
	w.openFiles()
	w.open(with)
	w.makeRelay(with)
	w.drain()
}

const diesWith = 7

type dyingFs struct {
	afero.Fs
	name string
}

func (s *dyingFs) Remove(name string) error {
	if name == s.name {
		os.Exit(diesWith)
	}
	return s.Fs.Remove(name)
}
