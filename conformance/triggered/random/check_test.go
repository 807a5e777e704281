package random_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// check has the outbox done, and compares the files with the names in the rows.
func (w *world) check() {
	w.t.Helper()
	w.untilQuiet()
	// Uploads are due at once that were discarded while the database was rolling back, or
	// whose process was killed, and what a relay had in hand that was.
	w.exec("UPDATE filecleangen_outbox SET not_before = 0 WHERE state <> 'gone'")
	var left outbox.Stats
	w.again(func() (err error) {
		if _, err = w.drain.Drain(w.t.Context()); err == nil {
			left, err = w.box.Stats(w.t.Context())
		}
		return err
	})
	if left != (outbox.Stats{}) {
		w.t.Errorf("left in the outbox: %+v", left)
	}
	named := w.named()
	for path, where := range named {
		if _, err := os.Stat(filepath.Join(w.root, filepath.FromSlash(path))); err != nil {
			w.t.Errorf("LOST: %s, which %s names, %s", path, where, w.inOutbox(path))
		}
	}
	w.files(func(path string) {
		if named[path] == "" && !w.kept[path] {
			w.t.Errorf("left behind: %s, %s", path, w.inOutbox(path))
		}
	})
}

// files calls found for each file that is not there in any case.
func (w *world) files(found func(path string)) {
	w.t.Helper()
	w.must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != outbox.MarkerName {
			path, _ = filepath.Rel(w.root, path)
			if path = filepath.ToSlash(path); path != media+"/"+blank {
				found(path)
			}
		}
		return err
	}))
}

// forget is for names that were given out once to be given out again: tombstones go, as
// after the retention, when nobody has such a name in mind.
func (w *world) forget(players []*player) {
	w.t.Helper()
	for _, p := range players {
		clear(p.mind)
	}
	w.exec("DELETE FROM asset") // which has names, and is not tracked
	named := w.named()
	w.files(func(path string) {
		if named[path] == "" {
			w.must(os.Remove(filepath.Join(w.root, filepath.FromSlash(path)))) // it was kept
			delete(w.kept, path)
		}
	})
	w.exec("DELETE FROM filecleangen_outbox WHERE state = 'gone'")
	w.exec("DELETE FROM kept")
}

// busy is what the sessions of a server do yet: clients and relays that were stopped leave
// their transactions to the server, which ends them when it has noticed.
func (w *world) busy() (what string, err error) {
	switch w.d {
	case references.PostgreSQL:
		err = w.db.QueryRowContext(w.t.Context(), "SELECT coalesce(string_agg(state || ': ' || query, '; '), '') FROM pg_stat_activity"+
			" WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid() AND state <> 'idle'").Scan(&what)
	case references.MySQL:
		return w.busyInMySQL()
	case references.SQLite:
	}
	return what, err
}

// activeThread matches a transaction that is open, and whose it is. The table INNODB_TRX has
// them, too, but not anew while anybody reads it more often than ten times a second.
var activeThread = regexp.MustCompile(`---TRANSACTION [^,\n]*, ACTIVE[^-]*?thread id (\d+)`)

func (w *world) busyInMySQL() (what string, err error) {
	var kind, name, status string
	if err := w.db.QueryRowContext(w.t.Context(), "SHOW ENGINE INNODB STATUS").Scan(&kind, &name, &status); err != nil {
		return "", err
	}
	open := []string{"0"}
	for _, m := range activeThread.FindAllStringSubmatch(status, -1) {
		open = append(open, m[1])
	}
	err = w.db.QueryRowContext(w.t.Context(), "SELECT COALESCE(GROUP_CONCAT(CONCAT_WS(' ', id, time, command, state, COALESCE(info, '')) SEPARATOR '; '), '') FROM information_schema.PROCESSLIST"+
		" WHERE db = database() AND id <> connection_id() AND (command NOT IN ('Sleep', 'Killed') OR id IN ("+strings.Join(open, ", ")+"))").Scan(&what)
	return what, err
}

// untilQuiet returns when nobody does anything in the database any more.
func (w *world) untilQuiet() {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(2 * time.Millisecond) {
		var what string
		w.again(func() (err error) {
			what, err = w.busy()
			return err
		})
		if what == "" {
			return
		}
		if time.Now().After(end) {
			w.t.Errorf("sessions do something yet: %s", what)
			return
		}
	}
}

// untilDone returns when relays have done what is due, or after a while.
func (w *world) untilDone() {
	w.t.Helper()
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var left outbox.Stats
		w.again(func() (err error) {
			left, err = w.box.Stats(w.t.Context())
			return err
		})
		if left.Pending+left.Deleting == 0 {
			return
		}
	}
}

// inOutbox says what the outbox has of a file, for messages.
func (w *world) inOutbox(path string) (state string) {
	storage, name, _ := strings.Cut(path, "/")
	query := databases.Rebind(w.d, "SELECT state FROM filecleangen_outbox WHERE storage = ? AND name = ?")
	if err := w.db.QueryRowContext(w.t.Context(), query, storage, name).Scan(&state); err != nil {
		return "which is not in the outbox: " + err.Error()
	}
	return "which is in the outbox as " + state
}

// named returns the files that rows name, by "storage/name", with the column that does, as a
// Go program reads them. It adds to those that may be left behind.
func (w *world) named() map[string]string {
	w.t.Helper()
	parts := []string{"SELECT -1 AS n, name AS value FROM kept"}
	for i, c := range columns {
		parts = append(parts, fmt.Sprintf("SELECT %d AS n, %s AS value FROM %s", i, c.read(w.d), c.table))
	}
	var all map[string]string
	w.again(func() error {
		all = map[string]string{media + "/" + blank: "a default"}
		return w.read(strings.Join(parts, " UNION ALL "), func(n int, value string) error {
			if n < 0 {
				w.kept[media+"/"+value] = true
				return nil
			}
			return namedBy(&columns[n], value, all)
		})
	})
	return all
}

func (w *world) read(query string, each func(n int, value string) error) error {
	rows, err := w.db.QueryContext(w.t.Context(), query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n int
		var value sql.NullString
		if err := rows.Scan(&n, &value); err != nil {
			return err
		}
		if value.String == "" {
			continue
		}
		if err := each(n, value.String); err != nil {
			return err
		}
	}
	return rows.Err()
}

func namedBy(c *column, value string, all map[string]string) error {
	add := func(name string) {
		if name != "" {
			all[c.storage+"/"+name] = c.table + "." + c.name
		}
	}
	if !c.json {
		add(strings.TrimPrefix(value, map[string]string{cdn: prefix}[c.storage]))
		return nil
	}
	var document any
	if err := json.Unmarshal([]byte(value), &document); err != nil {
		return err
	}
	stringsIn(document, add)
	return nil
}

func stringsIn(value any, found func(string)) {
	switch value := value.(type) {
	case string:
		found(value)
	case []any:
		for _, v := range value {
			stringsIn(v, found)
		}
	case map[string]any:
		for _, v := range value {
			stringsIn(v, found)
		}
	}
}
