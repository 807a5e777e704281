// Package random_test runs random SQL on tables that have triggers.
package random_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const environment = "test"

// The types whose records the tables have.
var (
	album = &runtime.Type{Name: "models.Album", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "Cover", Column: "cover", Storage: "media"},
		{Path: "Banner", Column: "banner", Storage: "media"},
		{Path: "Pages", Column: "pages", Storage: "media", Shape: runtime.List},
		{Path: "Photos[].File", Column: "photos", Storage: "media", Shape: runtime.List},
	}}
	item = &runtime.Type{Name: "models.Item", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "File", Column: "file", Storage: "media"},
	}}
)

// An album's items go with it, and lose it where it gets another id.
var schema = map[references.Dialect]string{
	references.SQLite: `CREATE TABLE album (id integer PRIMARY KEY, title text, cover text, banner text, pages text, photos text);
		CREATE TABLE item (id integer PRIMARY KEY, album_id bigint REFERENCES album (id) ON DELETE CASCADE ON UPDATE SET NULL, file text)`,
	references.PostgreSQL: `CREATE TABLE album (id bigint PRIMARY KEY, title text, cover text, banner varchar(200), pages text[], photos jsonb);
		CREATE TABLE item (id bigint PRIMARY KEY, album_id bigint REFERENCES album (id) ON DELETE CASCADE ON UPDATE SET NULL, file text)`,
	references.MySQL: `CREATE TABLE album (id bigint PRIMARY KEY, title varchar(200), cover varchar(200), banner varchar(200), pages json, photos json);
		CREATE TABLE item (id bigint PRIMARY KEY, album_id bigint, file varchar(200), FOREIGN KEY (album_id) REFERENCES album (id) ON DELETE CASCADE ON UPDATE SET NULL)`,
}

// pages has how a list of names is read as JSON, where it isn't.
var pages = map[references.Dialect]string{references.SQLite: "pages", references.PostgreSQL: "array_to_json(pages)", references.MySQL: "pages"}

// world is a database with triggers, and a directory.
type world struct {
	t    *testing.T
	d    references.Dialect
	root string
	db   *sql.DB
	own  *sql.DB
	box  *outbox.Outbox
	logs *logs.Buffer
}

func newWorld(t *testing.T, d references.Dialect) *world {
	t.Helper()
	w := &world{t: t, d: d, root: t.TempDir(), logs: logs.New()}
	dsn := databases.New(t, d)
	if d == references.SQLite {
		dsn += "&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)"
	}
	if d == references.PostgreSQL {
		dsn += "&application_name=" + dsn[strings.LastIndex(dsn, "=")+1:] // by which untilQuiet knows them
	}
	w.db, w.own = w.open(dsn), w.open(dsn)
	for s := range strings.SplitSeq(schema[d], ";") {
		w.exec(s)
	}
	dir, err := storage.Dir(w.root)
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	w.must(outbox.Migrate(t.Context(), w.own, d))
	w.must(outbox.Mark(dir, environment))
	refs, err := references.New(t.Context(), w.own, d, references.Logger(w.logs.Logger()),
		references.Table(album, "album", references.Columns{"Photos[].File": {Form: map[references.Dialect]references.Form{references.SQLite: references.JSON}[d]}}),
		references.Table(item, "item"))
	w.must(err)
	clean, err := runtime.New(runtime.WithStorage("media", dir), runtime.WithTypes(album, item), runtime.WithReferences(refs), runtime.WithLogger(w.logs.Logger()))
	w.must(err)
	w.box, err = outbox.New(t.Context(), clean, refs)
	w.must(err)
	w.must(w.box.InstallTriggers(t.Context()))
	return w
}

func (w *world) open(dsn string) *sql.DB {
	w.t.Helper()
	db, err := databases.Open(w.d, dsn)
	w.must(err)
	db.SetMaxIdleConns(8)
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), databases.Rebind(w.d, query), args...)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

func (w *world) newRelay(options ...outbox.RelayOption) *outbox.Relay {
	w.t.Helper()
	relay, err := w.box.Relay(w.t.Context(), environment, append(options, outbox.WithRelayLogger(w.logs.Logger()), outbox.WithTriggers(outbox.TriggersRequired))...)
	w.must(err)
	return relay
}

// check has the outbox done, and compares the files with the names in the rows.
func (w *world) check() {
	w.t.Helper()
	w.untilQuiet()
	// Uploads are due at once that were discarded while the database was rolling back.
	w.exec("UPDATE filecleangen_outbox SET not_before = 0 WHERE state <> 'gone'")
	_, err := w.newRelay().Drain(w.t.Context())
	w.must(err)
	left, err := w.box.Stats(w.t.Context())
	w.must(err)
	if left != (outbox.Stats{}) {
		w.t.Errorf("left in the outbox: %+v", left)
	}
	named := w.named(w.t.Context())
	for name := range named {
		if _, err := os.Stat(filepath.Join(w.root, name)); err != nil {
			w.t.Errorf("LOST: %s", name)
		}
	}
	files, err := os.ReadDir(w.root)
	w.must(err)
	for _, f := range files {
		if name := f.Name(); name != outbox.MarkerName && !named[name] {
			w.t.Errorf("left behind: %s, %s", name, w.inOutbox(name))
		}
	}
}

// busy counts the sessions of a server that do something yet: clients and relays that were
// stopped leave their transactions to the server, which ends them when it has noticed.
var busy = map[references.Dialect]string{
	references.PostgreSQL: "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid() AND state <> 'idle'",
	references.MySQL:      "SELECT count(*) FROM information_schema.PROCESSLIST WHERE db = database() AND id <> connection_id() AND (command <> 'Sleep' OR id IN (SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX))",
}

// untilQuiet returns when nobody does anything in the database any more.
func (w *world) untilQuiet() {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); busy[w.d] != ""; time.Sleep(5 * time.Millisecond) {
		var n int
		w.must(w.db.QueryRowContext(w.t.Context(), busy[w.d]).Scan(&n))
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d sessions do something yet", n)
		}
	}
}

// inOutbox says what the outbox has of a file, for messages.
func (w *world) inOutbox(name string) (state string) {
	query := databases.Rebind(w.d, "SELECT state FROM filecleangen_outbox WHERE name = ?")
	if err := w.db.QueryRowContext(w.t.Context(), query, name).Scan(&state); err != nil {
		return "which is not in the outbox: " + err.Error()
	}
	return "which is in the outbox as " + state
}

// named returns the names in all rows, as a Go program reads them.
func (w *world) named(ctx context.Context) map[string]bool {
	w.t.Helper()
	all := map[string]bool{}
	for _, query := range []string{
		"SELECT cover, banner, " + pages[w.d] + ", photos FROM album",
		"SELECT file, NULL AS banner, NULL AS pages, NULL AS photos FROM item",
	} {
		w.namedBy(ctx, query, all)
	}
	delete(all, "")
	return all
}

func (w *world) namedBy(ctx context.Context, query string, all map[string]bool) {
	w.t.Helper()
	rows, err := w.db.QueryContext(ctx, query)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var cover, banner, list, document sql.NullString
		w.must(rows.Scan(&cover, &banner, &list, &document))
		all[cover.String], all[banner.String] = true, true
		for _, text := range []string{list.String, document.String} {
			if text != "" {
				var value any
				w.must(json.Unmarshal([]byte(text), &value))
				stringsIn(value, all)
			}
		}
	}
	w.must(rows.Err())
}

func stringsIn(value any, all map[string]bool) {
	switch value := value.(type) {
	case string:
		all[value] = true
	case []any:
		for _, v := range value {
			stringsIn(v, all)
		}
	case map[string]any:
		for _, v := range value {
			stringsIn(v, all)
		}
	}
}
