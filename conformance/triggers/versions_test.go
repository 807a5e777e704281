package triggers_test

import (
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Versions of a type of which one has a column that the other has not.
var (
	added = &runtime.Type{Name: "models.Scan", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "File", Column: "file", Storage: "media"},
		{Path: "Other", Column: "other", Storage: "media", Defaults: []string{"none.png"}},
		{Path: "Raw", Column: "raw", Storage: "cdn", Keep: true},
	}}
	dropped = &runtime.Type{Name: added.Name, Package: added.Package, Fields: added.Fields[1:]}
)

// While versions of a program run beside each other, whichever starts last: the triggers
// track what any of them has, and the versions don't install them by turns.
func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(200))")
		start := func(version *runtime.Type) *outbox.Outbox {
			box := w.newBoxOf([]*runtime.Type{version}, references.Table(version, "scan"))
			w.must(box.InstallTriggers(t.Context()))
			return box
		}
		before := start(scan)
		w.exec("ALTER TABLE scan ADD COLUMN other varchar(200)")
		w.exec("ALTER TABLE scan ADD COLUMN raw varchar(200)")
		after := start(added)
		was := w.installed()
		check := func(boxes ...*outbox.Outbox) {
			t.Helper()
			for _, box := range boxes {
				w.faults(box, "")
				w.newRelay(box, outbox.WithTriggers(outbox.TriggersRequired))
			}
			if now := w.installed(); now != was {
				t.Errorf("installed anew:\n%s\nwere\n%s", now, was)
			}
			w.exec("INSERT INTO scan (id, file, other, raw) VALUES (1, 'a', 'b', 'https://cdn.example/c'), (2, 'a', 'none.png', NULL)")
			w.exec("DELETE FROM scan")
			w.wantRows("pending a", "pending b")
			w.exec("DELETE FROM filecleangen_outbox")
		}
		check(before, after, start(scan), start(added), start(dropped), start(scan))

		// No process has the column file any more.
		last := start(dropped)
		w.withdraw(last)
		w.must(last.InstallTriggers(t.Context()))
		w.exec("INSERT INTO scan (id, file, other) VALUES (1, 'a', 'b')")
		w.exec("DELETE FROM scan")
		w.wantRows("pending b")
		w.faults(last, "")
	})
}

// A column that is gone from the database is not tracked, whoever told of it.
func TestVersionsDropColumn(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(200), other varchar(200), raw varchar(200))")
		box := w.newBoxOf([]*runtime.Type{added}, references.Table(added, "scan"))
		w.must(box.InstallTriggers(t.Context()))
		if d == references.SQLite { // which changes the triggers with it
			w.exec("ALTER TABLE scan RENAME COLUMN file TO old")
		} else {
			w.exec("ALTER TABLE scan DROP COLUMN file")
		}
		next := w.newBoxOf([]*runtime.Type{dropped}, references.Table(dropped, "scan"))
		w.must(next.InstallTriggers(t.Context()))
		w.faults(next, "")
		w.exec("INSERT INTO scan (id, other) VALUES (1, 'b')")
		w.exec("DELETE FROM scan")
		w.wantRows("pending b")
	})
}

// A document in which one version has files under a key that the other does not know.
func TestVersionsKeys(t *testing.T) {
	field := func(key string) runtime.Field {
		return runtime.Field{Path: "Doc." + key, Column: "file", Storage: "media", JSONKey: key}
	}
	version := func(fields ...runtime.Field) *runtime.Type {
		return &runtime.Type{Name: added.Name, Package: added.Package, Fields: fields}
	}
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(200))")
		for _, typ := range []*runtime.Type{version(field("Cover")), version(field("Cover"), field("Banner")), version(field("Cover"))} {
			columns := references.Columns{}
			for _, f := range typ.Fields {
				columns[f.Path] = references.Column{Form: references.JSON}
			}
			box := w.newBoxOf([]*runtime.Type{typ}, references.Table(typ, "scan", columns))
			w.must(box.InstallTriggers(t.Context()))
			w.faults(box, "")
		}
		w.exec(`INSERT INTO scan (id, file) VALUES (1, '{"Cover": "a", "Banner": "b", "Title": "c"}')`)
		w.exec("DELETE FROM scan")
		w.wantRows("pending a", "pending b")
	})
}

// A table that has another name, and a view for the version before in its place.
func TestVersionsRenameTable(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file varchar(200))")
		before := w.newBoxOf([]*runtime.Type{scan}, references.Table(scan, "scan"))
		w.must(before.InstallTriggers(t.Context()))
		w.exec("ALTER TABLE scan RENAME TO page")
		w.exec("CREATE VIEW scan AS SELECT id, file FROM page")
		next := w.newBoxOf([]*runtime.Type{scan}, references.Table(scan, "page"))
		w.must(next.InstallTriggers(t.Context()))
		w.faults(next, "")
		w.exec("INSERT INTO page (id, file) VALUES (1, 'a')")
		w.exec("DELETE FROM page")
		w.wantRows("pending a")
	})
}

// A version that has decided what it wants before another one made its triggers takes none
// of them away.
func TestVersionsAtOnce(t *testing.T) {
	w := bareWorld(t, references.PostgreSQL)
	w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, file text)")
	before := w.newBoxOf([]*runtime.Type{scan}, references.Table(scan, "scan"))
	w.must(before.InstallTriggers(t.Context()))
	w.exec("ALTER TABLE scan ADD COLUMN other text, ADD COLUMN raw text")
	after := w.newBoxOf([]*runtime.Type{added}, references.Table(added, "scan"))
	text, _, err := after.Triggers(t.Context())
	w.must(err)
	w.exec("DROP TRIGGER " + w.trigger("_insert") + " ON scan") // so that there is something to do

	c, err := w.db.Conn(t.Context())
	w.must(err)
	defer func() { _ = c.Close() }()
	known, err := dialect.Of(dialect.PostgreSQL)
	w.must(err)
	var pid int
	w.must(c.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
	done := make(chan error, 1)
	w.must(known.Exclusively(t.Context(), c, "filecleangen_triggers", func() error {
		go func() { done <- before.InstallTriggers(t.Context()) }()
		for n, end := 0, time.Now().Add(20*time.Second); n == 0; {
			w.must(w.db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)) AND query LIKE '%advisory%'", pid).Scan(&n))
			if time.Now().After(end) {
				t.Fatal("the installation waits for no lock")
			}
		}
		_, err := c.ExecContext(t.Context(), text)
		return err
	}))
	w.must(<-done)
	w.faults(before, "")
	w.faults(after, "")
	w.exec("INSERT INTO scan (id, file, other) VALUES (1, 'a', 'b')")
	w.exec("DELETE FROM scan")
	w.wantRows("pending a", "pending b")
}
