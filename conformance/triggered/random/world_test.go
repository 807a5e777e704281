// Package random_test runs random SQL on tables that have triggers.
package random_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const environment = "test"

// world is a database with triggers, and a directory for each storage, as one process has
// them.
type world struct {
	t        *testing.T
	d        references.Dialect
	dsn      string
	root     string
	db       *sql.DB
	deferred *sql.DB // whose transactions don't begin with a lock; or the same
	own      *sql.DB
	box      *outbox.Outbox
	drain    *outbox.Relay
	logs     *logs.Buffer
	returns  bool // whether the database has RETURNING
	kept     map[string]bool
}

// newWorld makes a database and what it needs.
func newWorld(t *testing.T, d references.Dialect, lane uint64) *world {
	t.Helper()
	w := &world{t: t, d: d, dsn: databases.New(t, d), root: t.TempDir(), kept: map[string]bool{}}
	switch d {
	case references.SQLite:
		w.dsn += "&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)"
		if lane%3 == 1 {
			w.dsn = strings.Replace(w.dsn, "journal_mode(wal)", "journal_mode(delete)", 1)
		}
	case references.PostgreSQL: // deadlocks are found at once, and sessions are known by their name
		w.dsn += "&deadlock_timeout=20ms&application_name=" + w.dsn[strings.LastIndex(w.dsn, "=")+1:]
	case references.MySQL:
		if lane%3 > 0 { // a statement is sent at once, with its values in it
			w.dsn += "&interpolateParams=true"
		}
	}
	w.openFiles()
	for _, s := range schema(d) {
		w.exec(s)
	}
	w.must(outbox.Migrate(t.Context(), w.own, d))
	for _, name := range []string{media, cdn} {
		w.must(os.Mkdir(filepath.Join(w.root, name), 0o755))
	}
	w.must(os.WriteFile(filepath.Join(w.root, media, blank), nil, 0o644))
	w.open(nil)
	w.must(w.box.InstallTriggers(t.Context()))
	w.drain = w.newRelay()
	return w
}

// openFiles opens the database.
func (w *world) openFiles() {
	w.t.Helper()
	w.logs = logs.New()
	w.db, w.own = w.connect(w.dsn), w.connect(w.dsn)
	w.own.SetMaxOpenConns(4) // a server has some tens of connections for all
	w.deferred = w.db
	if w.d == references.SQLite {
		w.deferred = w.connect(strings.Replace(w.dsn, "_txlock=immediate", "_txlock=deferred", 1))
	}
	var version string
	if w.d == references.MySQL {
		w.must(w.db.QueryRowContext(w.t.Context(), "SELECT version()").Scan(&version))
	}
	w.returns = version == "" || strings.Contains(version, "MariaDB")
}

func (w *world) connect(dsn string) *sql.DB {
	w.t.Helper()
	db, err := databases.Open(w.d, dsn)
	w.must(err)
	db.SetMaxIdleConns(8)
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

// open makes the cleaner and the outbox. wrap goes around storages, unless it is nil.
func (w *world) open(wrap func(afero.Fs) afero.Fs) {
	w.t.Helper()
	storages := map[string]afero.Fs{}
	for _, name := range []string{media, cdn} {
		dir, err := storage.Dir(filepath.Join(w.root, name))
		w.must(err)
		w.t.Cleanup(func() { _ = dir.Close() })
		w.must(outbox.Mark(dir, environment))
		storages[name] = dir
		if wrap != nil {
			storages[name] = wrap(dir)
		}
	}
	refs, err := references.New(w.t.Context(), w.own, w.d, append(stored(w.d), references.Logger(w.logs.Logger()))...)
	w.must(err)
	clean, err := runtime.New(
		runtime.WithStorage(media, storages[media], runtime.Exclusive()),
		runtime.WithStorage(cdn, storages[cdn], runtime.Exclusive(), runtime.Names(references.Prefix(prefix).Name)),
		runtime.WithTypes(album, item, part, note, loan, scan, archive, tree),
		runtime.WithReferences(refs),
		runtime.WithLogger(w.logs.Logger()))
	w.must(err)
	w.box, err = outbox.New(w.t.Context(), clean, refs)
	w.must(err)
}

func (w *world) newRelay(options ...outbox.RelayOption) *outbox.Relay {
	w.t.Helper()
	relay, err := w.box.Relay(w.t.Context(), environment, append(options, outbox.WithRelayLogger(w.logs.Logger()), outbox.WithTriggers(outbox.TriggersRequired))...)
	w.must(err)
	return relay
}

// newPlayer makes a player, who has to be told what his moves depend on.
func (w *world) newPlayer() *player {
	return &player{w: w, mind: map[string][]string{}, did: map[string]int{}, at: func() {}}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(query string) {
	w.t.Helper()
	w.again(func() error {
		_, err := w.db.ExecContext(w.t.Context(), query)
		return err
	})
}

// again does what can be done twice, until it is done: a pool may have connections yet whose
// sessions have been ended.
func (w *world) again(do func() error) {
	w.t.Helper()
	err := do()
	for tries := 0; err != nil && killed(err) && tries < 20; tries++ {
		err = do()
	}
	w.must(err)
}
