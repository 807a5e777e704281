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
	"strconv"
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

// insertOld inserts rows as versions 1 and 2 did.
func (w *world) insertOld(rows []oldRow) {
	w.t.Helper()
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	w.must(err)
	defer tx.Rollback()
	for _, r := range rows {
		_, err := tx.ExecContext(w.t.Context(), w.q(`INSERT INTO filecleangen_outbox
			(storage, name, state, reason, model, field, record, derived_from, created_at, not_before, attempts, last_error, claim)
			VALUES ('media', ?, ?, 'replaced', ?, ?, ?, ?, 1000, ?, ?, ?, ?)`),
			r.name, r.state, r.model, r.field, r.record, r.derivedFrom, r.notBefore, r.attempts, r.lastError, r.claim)
		w.must(err)
	}
	w.must(tx.Commit())
}

// longName is a name that is as long as the table takes.
func longName() string {
	return strings.Repeat(strings.Repeat("é", 100)+"/", 10) + strings.Repeat("x", 38)
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
		{name: "upload-taken.png", state: "upload", record: "TOKEN2", notBefore: later},
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
	w.insertOld(rows)
	for _, r := range rows {
		w.write(r.name)
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
	if w.count("state = 'parked' AND not_before = 9223372036854775807") != 1 {
		t.Error("what is parked has a time")
	}
	w.wantTakes(map[string]error{
		"upload-taken.png": nil,
		"claimed.png":      runtime.ErrGone,
		"failed-later.png": runtime.ErrGone,
		"exhausted.png":    runtime.ErrGone,
		"parked.png":       runtime.ErrGone,
	})
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
		if _, err := w.box.Commit(w.t.Context(), tx.b, tx.Tx, tx.Commit); !errors.Is(err, want) {
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
		rows := oldRows()
		for i := range rows {
			rows[i].notBefore = min(rows[i].notBefore, 5000)
		}
		m.insertOld(rows)
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
	if !slices.Equal(versions, []string{strconv.Itoa(outbox.SchemaVersion)}) || len(ids) != 1 || m.id != "" && ids[0] != m.id {
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

// TestMigrateWithTrigger: a trigger of the user that writes to the outbox is no obstacle,
// and works afterwards.
func TestMigrateWithTrigger(t *testing.T) {
	insert := "INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', old.file)"
	triggers := map[references.Dialect][]string{
		references.SQLite: {"CREATE TRIGGER t AFTER DELETE ON scan BEGIN " + insert + " ON CONFLICT DO NOTHING; END"},
		references.PostgreSQL: {
			"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + insert + " ON CONFLICT DO NOTHING; RETURN NULL; END $$",
			"CREATE TRIGGER t AFTER DELETE ON scan FOR EACH ROW EXECUTE FUNCTION f()",
		},
		references.MySQL: {"CREATE TRIGGER t AFTER DELETE ON scan FOR EACH ROW " + insert + " ON DUPLICATE KEY UPDATE name = VALUES(name)"},
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := oldWorld(t, d, 2)
		for _, s := range triggers[d] {
			w.exec(s)
		}
		w.exec("INSERT INTO scan (id, file) VALUES (1, 'a'), (2, 'b')")
		w.write("a", "b")
		w.exec("DELETE FROM scan WHERE id = 1")
		if err := outbox.Migrate(t.Context(), w.db, d); err != nil {
			w.t.Error(err)
			return
		}
		w.exec("DELETE FROM scan WHERE id = 2")
		w.open(settings{})
		w.makeRelay(settings{})
		if done := w.drain(); done.Removed != 2 {
			t.Errorf("%+v", done)
		}
	})
}

// TestMigrateSession: several processes migrate at once, whatever their sessions have
// been told.
func TestMigrateSession(t *testing.T) {
	for name, c := range map[string]struct {
		d       references.Dialect
		setting string
	}{
		"autocommit":      {references.MySQL, "&autocommit=0"},
		"safe updates":    {references.MySQL, "&sql_safe_updates=1"},
		"quotes":          {references.MySQL, "&sql_mode='ANSI'"},
		"repeatable read": {references.PostgreSQL, "&default_transaction_isolation=repeatable%20read"},
		"serializable":    {references.PostgreSQL, "&default_transaction_isolation=serializable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := oldWorld(t, c.d, 2)
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					db, err := databases.Open(c.d, w.dsn+c.setting)
					if err != nil {
						t.Error(err)
						return
					}
					defer db.Close()
					if err := outbox.Migrate(t.Context(), db, c.d); err != nil {
						w.t.Error(err)
					}
				})
			}
			all.Wait()
			var version int
			w.must(w.db.QueryRowContext(t.Context(), "SELECT version FROM filecleangen_outbox_version").Scan(&version))
			if version != outbox.SchemaVersion {
				w.t.Errorf("Migrate made version %d, and did not say so", version)
			}
		})
	}
}

// TestMigrateSchemas: on PostgreSQL the tables may be in another schema than the one in
// which new ones would be made.
func TestMigrateSchemas(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := oldWorld(t, d, 2)
		before, old, _ := strings.Cut(w.dsn, "search_path=")
		_, other, _ := strings.Cut(databases.New(t, d), "search_path=")
		w.dsn = before + "search_path=" + other + "," + old
		w.openFiles()
		w.must(outbox.Migrate(t.Context(), w.db, d))
		w.open(settings{})
		tx := w.begin()
		tx.insert(&models.Album{ID: 1, Cover: "a"})
		if _, err := w.box.Commit(t.Context(), tx.b, tx.Tx, tx.Commit); err != nil {
			w.t.Error(err)
			w.must(tx.Rollback())
			tx.b.Rollback()
		}
	}, references.PostgreSQL)
}

// newer are changes that a newer version may make, beside its number, and how they are
// taken back.
var newer = map[string]struct {
	only    references.Dialect // or 0 for all
	do, off string
}{
	"nothing": {},
	"a column": {
		do:  "ALTER TABLE filecleangen_outbox RENAME COLUMN claim TO claimed_by",
		off: "ALTER TABLE filecleangen_outbox RENAME COLUMN claimed_by TO claim",
	},
	"the table": {
		do:  "ALTER TABLE filecleangen_outbox RENAME TO filecleangen_outbox_4",
		off: "ALTER TABLE filecleangen_outbox_4 RENAME TO filecleangen_outbox",
	},
	"the function": {
		only: references.PostgreSQL,
		do:   "ALTER FUNCTION filecleangen_outbox_write RENAME TO filecleangen_outbox_write_4",
		off:  "ALTER FUNCTION filecleangen_outbox_write_4 RENAME TO filecleangen_outbox_write",
	},
}

// TestNewerSchema: a program that runs notices tables of a newer version, does nothing
// then, and goes on when they are as it knows them again.
func TestNewerSchema(t *testing.T) {
	for name, change := range newer {
		t.Run(name, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				if change.only == 0 || change.only == d {
					testNewerSchema(t, d, change.do, change.off)
				}
			})
		})
	}
}

func testNewerSchema(t *testing.T, d references.Dialect, do, off string) {
	gone := make(chan string, 10)
	after := runtime.Observer{After: func(_ context.Context, e runtime.Result) { gone <- e.Ref.Name }}
	w := newWorld(t, d, settings{cleaner: []runtime.Option{runtime.WithObserver(after)}, relay: []outbox.RelayOption{outbox.WithPoll(time.Millisecond)}})
	w.write("due.png", "held.png")
	a := &models.Album{ID: 1, Cover: "held.png"}
	w.commit(func(tx *transaction) { tx.insert(a) })
	relay, err := w.box.Relay(t.Context(), environment) // beside the one that runs
	w.must(err)
	stop := w.run()
	w.exec("UPDATE filecleangen_outbox_version SET version = 4")
	w.logs.WaitFor("they have version 4, this program knows 3") // a transaction that had begun goes on with version 3
	w.giveWork()
	if do != "" {
		w.exec(do)
	}
	w.wantNewer(relay, a)
	if off != "" {
		w.exec(off)
	}
	if w.count("name = 'due.png' AND state = 'pending'") != 1 {
		t.Error("a relay did something")
	}
	if w.count("name = 'old.png' AND state = 'gone'") != 1 {
		w.t.Error("a relay has purged tombstones")
	}
	w.exec("UPDATE filecleangen_outbox_version SET version = 3")
	waitFor(gone, "due.png")

	up := w.upload("new.png")
	w.commit(func(tx *transaction) {
		tx.remove(a)
		tx.insert(&models.Album{ID: 2, Cover: up.Name()})
	})
	up.Discard()
	waitFor(gone, "held.png")
	stop()
	w.drain()
	w.want(up.Name())
}

func waitFor(names chan string, name string) {
	for got := range names {
		if got == name {
			return
		}
	}
}

// giveWork gives relays something to do.
func (w *world) giveWork() {
	w.t.Helper()
	w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'due.png')")
	w.exec("INSERT INTO filecleangen_outbox (storage, name, state, gone_at, not_before) VALUES ('media', 'old.png', 'gone', 1, 9223372036854775807)")
}

// wantNewer checks that writers and relays do nothing, and say why.
func (w *world) wantNewer(relay *outbox.Relay, a *models.Album) {
	w.t.Helper()
	for what, do := range map[string]func(tx *transaction){
		"a take":    func(tx *transaction) { tx.insert(&models.Album{ID: 2, Cover: "new.png"}) },
		"a release": func(tx *transaction) { tx.remove(a) },
	} {
		tx := w.begin()
		do(tx)
		_, err := w.box.Commit(w.t.Context(), tx.b, tx.Tx, tx.Commit)
		w.wantVersions(what, err)
		_ = tx.Rollback()
		tx.b.Rollback()
	}
	var albums int
	w.must(w.db.QueryRowContext(w.t.Context(), "SELECT sum(id) FROM album").Scan(&albums))
	if albums != 1 {
		w.t.Error("what failed is committed")
	}
	done, err := relay.Drain(w.t.Context())
	if w.wantVersions("a relay", err); done != (outbox.Drained{}) {
		w.t.Errorf("%+v", done)
	}
	w.want("due.png held.png")
	up, err := w.box.Create(w.t.Context(), "media", "new.png")
	if w.wantVersions("an upload", err); err == nil {
		up.Discard()
	}
}

// wantVersions checks that an error says what is wrong.
func (w *world) wantVersions(of string, err error) {
	w.t.Helper()
	if err == nil || !strings.Contains(err.Error(), "the tables of the outbox have another version than this program") {
		w.t.Errorf("%s: the error does not tell of versions: %v", of, err)
	}
}

// oldRelease is how version 2 wrote that a file was let go of, and oldUpload that one is
// uploaded.
func oldRelease(d references.Dialect, name string) string {
	s := "INSERT INTO filecleangen_outbox (storage, name, reason, model, field, record, derived_from, created_at, not_before) VALUES ('media', '" + name + "', 'replaced', '', '', '7', '', 1000, 1000)"
	var set []string
	for _, c := range []string{"reason", "model", "field", "record", "not_before"} {
		if d == references.MySQL {
			set = append(set, fmt.Sprintf("%s = IF(state = 'pending', VALUES(%[1]s), %[1]s)", c))
		} else {
			set = append(set, fmt.Sprintf("%s = excluded.%[1]s", c))
		}
	}
	if d == references.MySQL {
		return s + " ON DUPLICATE KEY UPDATE " + strings.Join(set, ", ")
	}
	return s + " ON CONFLICT (storage, name) DO UPDATE SET " + strings.Join(set, ", ") + " WHERE filecleangen_outbox.state = 'pending'"
}

func oldUpload(d references.Dialect, name string) string {
	s := "INSERT INTO filecleangen_outbox (storage, name, state, reason, record, created_at, not_before) VALUES ('media', '" + name + "', 'upload', 'unused', 'OLDTOKEN', 1000, 9000000000000)"
	if d == references.MySQL {
		return s + " ON DUPLICATE KEY UPDATE id = id"
	}
	return s + " ON CONFLICT DO NOTHING"
}

// refusedOld are statements by which programs of version 2 take names and delete files.
var refusedOld = []string{
	"SELECT id, name, state, reason, model, field, record, derived_from FROM filecleangen_outbox WHERE storage = 'media' AND name IN ('a')",
	"DELETE FROM filecleangen_outbox WHERE state IN ('pending', 'upload') AND id IN (1)",
	"UPDATE filecleangen_outbox SET claim = 'X' WHERE state = 'upload' AND id IN (1)",
	`SELECT id, name, state, reason, model, field, derived_from, attempts, last_error, not_before FROM filecleangen_outbox
		WHERE storage = 'media' AND not_before <= 5000 AND (state = 'deleting' OR state IN ('pending', 'upload') AND id < 100) AND (model = '') ORDER BY not_before, id LIMIT 1000`,
	"SELECT EXISTS (SELECT 1 FROM filecleangen_outbox WHERE storage = 'media' AND not_before <= 5000 AND state IN ('pending', 'upload') AND id >= 100 AND (model = ''))",
	"UPDATE filecleangen_outbox SET state = 'deleting', claim = 'X', attempts = attempts + 1, not_before = 5000 WHERE id IN (1)",
	"UPDATE filecleangen_outbox SET state = 'parked', claim = '', attempts = 3, last_error = '', not_before = 5000 WHERE id = 1",
	"DELETE FROM filecleangen_outbox WHERE id IN (1)",
	"DELETE FROM filecleangen_outbox WHERE claim = 'X' AND id IN (1)",
	"UPDATE filecleangen_outbox SET state = 'deleting', claim = '', last_error = '', not_before = 5000 WHERE claim = 'X' AND id = 1",
}

// TestOlderProgram: what a program of version 2 that still runs would do wrong fails. It
// can still let go of files, and on two databases begin an upload: that is harmless.
func TestOlderProgram(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		for _, s := range refusedOld {
			if _, err := w.db.ExecContext(t.Context(), s); err == nil {
				t.Errorf("no error: %s", s)
			}
		}
		states := []string{"writing", "upload", "pending", "deleting", "parked", "gone"}
		for _, state := range states {
			w.exec("INSERT INTO filecleangen_outbox (storage, name, state, not_before) VALUES ('media', '" + state + "', '" + state + "', 9000000000000)")
		}
		for _, name := range append(states, "free", "named") {
			w.write(name)
			w.exec(oldRelease(d, name))
		}
		want := map[string]string{"free": "pending", "named": "pending"}
		for _, state := range states {
			want[state] = state
		}
		if got := w.states(); !maps.Equal(got, want) {
			t.Errorf("%v", got)
		}
		if n := w.count("not_before < 9000000000000"); n != 3 {
			t.Errorf("%d rows are due", n)
		}
		w.exec("INSERT INTO scan (id, file) VALUES (1, 'named')")
		if done := w.drain(); done != (outbox.Drained{Removed: 2, Named: 1}) {
			t.Errorf("%+v", done)
		}
		w.want("deleting gone named parked upload writing")
	})
}

// TestOlderUpload: where a program of version 2 can still note an upload, it can't take
// the file, and the file goes.
func TestOlderUpload(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		if _, err := w.db.ExecContext(t.Context(), oldUpload(d, "a")); d == references.MySQL {
			if err == nil {
				t.Error("no error")
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
		w.write("a")
		w.drain()
		w.want("a")
		w.exec("UPDATE filecleangen_outbox SET not_before = 1000 WHERE storage = 'media' AND state = 'upload' AND name IN ('a') AND record IN ('OLDTOKEN')")
		w.drain()
		w.want("")
	})
}
