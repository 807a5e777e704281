package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// schemaAt returns the statements that make the tables of a version.
func schemaAt(tb testing.TB, d references.Dialect, version int) []string {
	tb.Helper()
	all, err := outbox.SchemaFrom(d, 0)
	if err != nil {
		tb.Fatal(err)
	}
	later, err := outbox.SchemaFrom(d, version)
	if err != nil {
		tb.Fatal(err)
	}
	return all[:len(all)-len(later)]
}

// oldWorld is a world whose tables have an earlier version. It has no outbox yet.
func oldWorld(t *testing.T, d references.Dialect, version int) *world {
	t.Helper()
	w := &world{t: t, d: d, root: t.TempDir(), dsn: databases.New(t, d)}
	w.openFiles()
	for _, s := range schemaAt(t, d, version) {
		w.exec(s)
	}
	for s := range strings.SplitSeq(schema[d], ";") {
		w.exec(s)
	}
	w.must(outbox.Mark(w.dir, environment))
	return w
}

// oldRow is a row as versions 1 and 2 have it.
type oldRow struct {
	name, state   string
	model, field  string
	record        string
	derivedFrom   string
	notBefore     int64
	attempts      int
	lastError     string
	claim         string
	first, second string // what it has come to after the first round, and when all is due; "" if it is dropped
}

func (w *world) insertOld(r *oldRow) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), w.q(`INSERT INTO filecleangen_outbox
		(storage, name, state, reason, model, field, record, derived_from, created_at, not_before, attempts, last_error, claim)
		VALUES ('media', ?, ?, 'replaced', ?, ?, ?, ?, 1000, ?, ?, ?, ?)`),
		r.name, r.state, r.model, r.field, r.record, r.derivedFrom, r.notBefore, r.attempts, r.lastError, r.claim)
	w.must(err)
}

// longName is a name that is as long as the table takes.
func longName() string {
	name := strings.Repeat(strings.Repeat("é", 100)+"/", 10)
	return name + strings.Repeat("x", 2048-len(name)-10) + "/long.jpeg"[:10]
}

// oldRows are rows in every state. Their files are there, and rows of album name
// named.png and pages/é.png.
func oldRows() []oldRow {
	album, scan := models.AlbumFileType.ID(), models.ScanFileType.ID()
	later := time.Now().Add(time.Hour).UnixMilli()
	return []oldRow{
		{name: "free.png", state: "pending", model: album, field: "Cover", record: "1", first: "gone", second: "gone"},
		{name: "nobody.png", state: "pending", first: "gone", second: "gone"},
		{name: "named.png", state: "pending", model: album, field: "Cover", record: "1"},
		{name: "pages/é.png", state: "pending", model: album, field: "Pages", record: "1"},
		{name: "grace.png", state: "pending", model: album, field: "Banner", notBefore: later, first: "pending", second: "gone"},
		{name: "foreign.png", state: "pending", model: "example.com/other.Type", field: "File", first: "pending", second: "pending"},
		{name: "scan.png", state: "pending", model: scan, field: "File", record: "7", first: "gone", second: "gone"},
		{name: "thumbs/named.webp", state: "pending", derivedFrom: "named.png"},
		{name: "thumbs/free.webp", state: "pending", derivedFrom: "free.png", first: "gone", second: "gone"},
		{name: "éà.png", state: "pending", first: "gone", second: "gone"},
		{name: `it's "q" 'r'.png`, state: "pending", first: "gone", second: "gone"},
		{name: "100% %s %20.png", state: "pending", first: "gone", second: "gone"},
		{name: longName(), state: "pending", first: "gone", second: "gone"},
		{name: "upload-due.png", state: "upload", record: "TOKEN1", first: "gone", second: "gone"},
		{name: "upload-taken.png", state: "upload", record: "TOKEN2", notBefore: later, first: "pending"},
		{name: "upload-locked.png", state: "upload", record: "TOKEN3", claim: "OTHER", notBefore: later, first: "upload", second: "gone"},
		{name: "claimed.png", state: "deleting", claim: "DEAD", attempts: 1, notBefore: later, first: "deleting", second: "gone"},
		{name: "claimed-before.png", state: "deleting", claim: "DEAD2", attempts: 1, first: "gone", second: "gone"},
		{name: "failed.png", state: "deleting", attempts: 2, lastError: "disk on fire", first: "gone", second: "gone"},
		{name: "failed-later.png", state: "deleting", attempts: 2, lastError: "disk on fire", notBefore: later, first: "deleting", second: "gone"},
		{name: "exhausted.png", state: "deleting", claim: "DEAD3", attempts: 5, notBefore: later, first: "deleting", second: "parked"},
		{name: "parked.png", state: "parked", attempts: 5, lastError: "disk on fire", notBefore: 2000, first: "parked", second: "parked"},
	}
}

// TestMigrateRows: what a row of an earlier version promises is kept.
func TestMigrateRows(t *testing.T) {
	for version := 1; version < outbox.SchemaVersion; version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) { testMigrateRows(t, d, version) })
		})
	}
}

func testMigrateRows(t *testing.T, d references.Dialect, version int) {
	w, rows := oldWorld(t, d, version), oldRows()
	for i := range rows {
		w.insertOld(&rows[i])
		w.write(rows[i].name)
	}
	w.write("thumbs/scan.webp")
	w.must(outbox.Migrate(t.Context(), w.db, d))
	w.open(settings{})
	w.makeRelay(settings{})
	// Programs that the outbox is not told of.
	pages := map[references.Dialect]string{references.PostgreSQL: `{"pages/é.png"}`}[d]
	if pages == "" {
		pages = `["pages/é.png"]`
	}
	w.exec("INSERT INTO album (id, title, cover, pages) VALUES (1, '', 'named.png', '" + pages + "')")

	if got := w.count("state = 'upload' AND claim = record"); got != 3 {
		t.Errorf("%d uploads have their token", got)
	}
	w.wantTakes(map[string]error{
		"upload-taken.png": nil,
		"claimed.png":      runtime.ErrGone,
		"failed-later.png": runtime.ErrGone,
		"exhausted.png":    runtime.ErrGone,
		"parked.png":       runtime.ErrGone,
	})
	if w.count("name = 'upload-taken.png' AND state = 'pending'") != 1 {
		t.Error("an upload that was taken is not pending")
	}
	w.exec(fmt.Sprintf("UPDATE filecleangen_outbox SET not_before = %d WHERE name = 'upload-taken.png'", time.Now().Add(time.Hour).UnixMilli()))

	w.drain()
	derived := oldRow{name: "thumbs/scan.webp", first: "gone", second: "gone"}
	w.wantRows(append(rows, derived), func(r oldRow) string { return r.first })
	w.wantIdle(1)
	w.due()
	w.drain()
	w.wantRows(append(rows, derived), func(r oldRow) string { return r.second })
	w.wantUnparked("exhausted.png", "parked.png")
	w.want(strings.Join([]string{"foreign.png", "named.png", "pages/é.png", "thumbs/named.webp", "upload-taken.png"}, " "))
}

// count returns how many rows of the outbox a condition is true of.
func (w *world) count(condition string) (n int) {
	w.t.Helper()
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT count(*) FROM filecleangen_outbox WHERE "+condition).Scan(&n))
	return n
}

// wantTakes has transactions come to name files, and checks what they get.
func (w *world) wantTakes(takes map[string]error) {
	w.t.Helper()
	id := int64(100)
	for name, want := range takes {
		id++
		tx := w.begin()
		tx.insert(&models.Album{ID: id, Cover: name})
		if _, err := w.box.Commit(w.t.Context(), tx.b, tx.Tx); !errors.Is(err, want) {
			w.t.Errorf("naming %s: %v, want %v", name, err, want)
		}
		_ = tx.Rollback()
		tx.b.Rollback()
	}
}

// wantRows checks the states of all rows, and that files are there whose rows are not
// gone.
func (w *world) wantRows(rows []oldRow, of func(oldRow) string) {
	w.t.Helper()
	want := map[string]string{}
	for _, r := range rows {
		state := of(r)
		if state != "" {
			want[r.name] = state
		}
		_, err := w.dir.Stat(r.name)
		if is := err == nil; is != (state != "gone") {
			w.t.Errorf("%q should be %q; its file is there: %v", r.name, state, is)
		}
	}
	got := w.states()
	for name := range want {
		if got[name] != want[name] {
			w.t.Errorf("the row of %q is %q, want %q", name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			w.t.Errorf("there is a row of %q: %q", name, got[name])
		}
	}
}

// states returns the states of all rows of the outbox.
func (w *world) states() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	w.rows("SELECT name, state FROM filecleangen_outbox", func(values []string) { all[values[0]] = values[1] })
	return all
}

// rows calls each for each row of a query's result, as texts.
func (w *world) rows(query string, each func([]string)) {
	w.t.Helper()
	result, err := w.db.QueryContext(w.t.Context(), query)
	w.must(err)
	defer result.Close()
	columns, err := result.Columns()
	w.must(err)
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for result.Next() {
		w.must(result.Scan(into...))
		texts := make([]string, len(columns))
		for i, v := range values {
			texts[i] = v.String
			if !v.Valid {
				texts[i] = "NULL"
			}
		}
		each(texts)
	}
	w.must(result.Err())
}

// wantIdle checks that a relay finds nothing to do: it would look for the marker.
func (w *world) wantIdle(parked int) {
	w.t.Helper()
	marker := filepath.Join(w.root, outbox.MarkerName)
	w.must(os.Remove(marker))
	if done := w.drain(); done != (outbox.Drained{}) {
		w.t.Errorf("%+v", done)
	}
	w.must(outbox.Mark(w.dir, environment))
	s, err := w.box.Stats(w.t.Context())
	w.must(err)
	if s.Parked != parked {
		w.t.Errorf("%+v", s)
	}
}

// wantUnparked checks that these files are parked, and go when they are not any more.
func (w *world) wantUnparked(names ...string) {
	w.t.Helper()
	parked, err := w.box.Parked(w.t.Context(), 100)
	w.must(err)
	var got []string
	for _, f := range parked {
		got = append(got, f.Ref.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, names) {
		w.t.Errorf("parked: %q", got)
	}
	_, err = w.box.Unpark(w.t.Context())
	w.must(err)
	if done := w.drain(); done.Removed != len(names) {
		w.t.Errorf("%+v", done)
	}
}

// TestMigrateKilled: a process that migrates is killed before or after any statement,
// and the next one makes it good.
func TestMigrateKilled(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		m := newMigration(t, d)
		for version := range outbox.SchemaVersion {
			for _, after := range []bool{false, true} {
				n := 1
				for ; m.killed(version, n, after); n++ {
				}
				t.Logf("from version %d there are %d statements", version, n-1)
			}
		}
	})
}

// TestMigrateKilledOften: as often as there are statements, one statement later each
// time.
func TestMigrateKilledOften(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		m := newMigration(t, d)
		for version := range outbox.SchemaVersion {
			for _, after := range []bool{false, true} {
				m.reset(version)
				for n := 1; m.attempt(n, after); n++ {
				}
				m.check(version)
			}
		}
	})
}

// TestMigrateBeside: two processes migrate, and one of them is killed.
func TestMigrateBeside(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		m := newMigration(t, d)
		for version := range outbox.SchemaVersion {
			n := 0
			for more := true; more; {
				n++
				m.reset(version)
				var both sync.WaitGroup
				both.Go(func() { more = m.attempt(n, true) })
				both.Go(func() {
					if err := outbox.Migrate(t.Context(), m.own, d); err != nil {
						t.Errorf("from version %d, beside one that is killed after statement %d: %v", version, n, err)
					}
				})
				both.Wait()
				m.check(version)
			}
		}
	})
}

// migration is a world in which the tables are made from different versions.
type migration struct {
	*world
	id     string         // of the outbox, if it had one before
	schema string         // of the tables, when nothing disturbs who makes them
	rows   map[int]string // the same, by the version from which
}

func newMigration(t *testing.T, d references.Dialect) *migration {
	m := &migration{world: &world{t: t, d: d, root: t.TempDir(), dsn: databases.New(t, d)}, rows: map[int]string{}}
	m.openFiles()
	for version := range outbox.SchemaVersion {
		m.reset(version)
		m.must(outbox.Migrate(t.Context(), m.own, d))
		if version == 0 {
			m.schema = m.describe()
		}
		m.rows[version] = m.content()
		m.check(version)
		if want := len(oldRows()); version > 0 && strings.Count(m.rows[version], "\n") != want {
			t.Errorf("from version %d: want %d rows\n%s", version, want, m.rows[version])
		}
	}
	if m.rows[1] != m.rows[2] {
		t.Errorf("%s\n%s", m.rows[1], m.rows[2])
	}
	return m
}

// reset makes the tables of a version, with rows of it.
func (m *migration) reset(version int) {
	m.t.Helper()
	for _, table := range []string{"", "_version", "_column", "_id"} {
		m.exec("DROP TABLE IF EXISTS filecleangen_outbox" + table)
	}
	if m.d == references.PostgreSQL {
		m.exec("DROP FUNCTION IF EXISTS filecleangen_outbox_write")
	}
	for _, s := range schemaAt(m.t, m.d, version) {
		m.exec(s)
	}
	if version > 0 {
		for _, r := range oldRows() {
			if r.notBefore > 5000 {
				r.notBefore = 5000
			}
			m.insertOld(&r)
		}
	}
	if m.id = ""; version > 1 {
		m.must(m.db.QueryRowContext(m.t.Context(), "SELECT id FROM filecleangen_outbox_id").Scan(&m.id))
	}
}

// killed kills a process at a statement, and has another one migrate. It reports false
// if the process had come to its end before.
func (m *migration) killed(version, n int, after bool) bool {
	m.t.Helper()
	m.reset(version)
	was := m.attempt(n, after)
	if err := outbox.Migrate(m.t.Context(), m.own, m.d); err != nil {
		m.t.Fatalf("from version %d, after one that was killed at statement %d (after it: %v): %v", version, n, after, err)
	}
	m.check(version)
	return was
}

// attempt migrates, and is killed at a statement, if it comes to it.
func (m *migration) attempt(n int, after bool) (killed bool) {
	k := &killer{driver: m.db.Driver(), dsn: m.dsn, left: n, after: after}
	db := sql.OpenDB(k)
	defer db.Close()
	err := outbox.Migrate(m.t.Context(), db, m.d)
	switch {
	case k.left > 0 && err != nil:
		m.t.Errorf("statement %d was not reached: %v", n, err)
	case k.left <= 0 && !errors.Is(err, errKilled):
		m.t.Errorf("killed at statement %d: %v", n, err)
	}
	return k.left <= 0
}

// check makes sure that the tables are as they are when nothing was disturbed.
func (m *migration) check(version int) {
	m.t.Helper()
	if got := m.describe(); got != m.schema {
		m.t.Errorf("from version %d: the schema is\n%s\nwant\n%s", version, got, m.schema)
	}
	if got := m.content(); got != m.rows[version] {
		m.t.Errorf("from version %d: the rows are\n%s\nwant\n%s", version, got, m.rows[version])
	}
	var versions, ids []string
	m.world.rows("SELECT version FROM filecleangen_outbox_version", func(v []string) { versions = append(versions, v[0]) })
	m.world.rows("SELECT id FROM filecleangen_outbox_id", func(v []string) { ids = append(ids, v[0]) })
	if !slices.Equal(versions, []string{fmt.Sprint(outbox.SchemaVersion)}) || len(ids) != 1 || m.id != "" && ids[0] != m.id {
		m.t.Errorf("from version %d: versions %q, ids %q; the id was %q", version, versions, ids, m.id)
	}
}

// content returns all rows of the outbox, one a line.
func (m *migration) content() string {
	var b strings.Builder
	m.world.rows(`SELECT storage, name, state, reason, model, field, record, derived_from, created_at, not_before, attempts, unfinished, last_error, claim, gone_at
		FROM filecleangen_outbox ORDER BY storage, name`, func(values []string) { fmt.Fprintf(&b, "%q\n", values) })
	return b.String()
}

// describe returns what the catalogue of the database has of the tables.
func (m *migration) describe() string {
	var b strings.Builder
	line := func(values []string) { b.WriteString(strings.Join(values, " ") + "\n") }
	switch m.d {
	case references.SQLite:
		m.world.rows("SELECT type, name, sql FROM sqlite_master ORDER BY type, name", line)
	case references.PostgreSQL:
		m.world.rows(`SELECT table_name, ordinal_position - (SELECT count(*) FROM pg_attribute WHERE attrelid = table_name::regclass AND attisdropped),
			column_name, data_type, column_default, is_nullable, collation_name, is_identity
			FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position`, line)
		m.world.rows("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname", line)
		m.world.rows("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2", line)
		m.world.rows("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace ORDER BY proname", line)
		m.world.rows("SELECT relname, relkind FROM pg_class WHERE relnamespace = current_schema()::regnamespace ORDER BY relname", line)
	case references.MySQL:
		var tables []string
		m.world.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name", func(v []string) { tables = append(tables, v[0]) })
		for _, table := range tables {
			m.world.rows("SHOW CREATE TABLE "+table, line)
		}
	}
	return b.String()
}

// errKilled is what a process that is killed never gets to see.
var errKilled = errors.New("killed")

// killer makes a connection that is closed before or after a statement.
type killer struct {
	driver driver.Driver
	dsn    string
	left   int // statements until then
	after  bool
}

// Connect makes the connection.
func (k *killer) Connect(context.Context) (driver.Conn, error) {
	c, err := k.driver.Open(k.dsn)
	return &killedConn{c, k}, err
}

// Driver returns the driver of the database.
func (k *killer) Driver() driver.Driver { return k.driver }

type killedConn struct {
	driver.Conn
	killer *killer
}

// ExecContext runs a statement, if the connection lives.
func (c *killedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return statement(c, func() (driver.Result, error) {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	})
}

// QueryContext runs a query, if the connection lives.
func (c *killedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return statement(c, func() (driver.Rows, error) {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	})
}

// statement runs a statement, unless the connection is closed before.
func statement[T any](c *killedConn, run func() (T, error)) (result T, err error) {
	k := c.killer
	k.left--
	if k.left < 0 || k.left == 0 && !k.after {
		_ = c.Close()
		return result, fmt.Errorf("%w: %w", errKilled, driver.ErrBadConn)
	}
	if result, err = run(); k.left > 0 {
		return result, err
	}
	if rows, ok := any(result).(driver.Rows); ok && err == nil {
		_ = rows.Close()
	}
	_ = c.Close()
	var none T
	return none, errors.Join(errKilled, err)
}

var _ = maps.Keys[map[string]int]
