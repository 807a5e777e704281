package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Triggers: they are row triggers, as SQLite has no others. What a row names before and
// after is compared as a set, for each storage.
func (d sqlite) Triggers(_ context.Context, _ Queryer, w TriggerWriter, t TriggerTable) ([]TriggerObject, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	schema, table, _ := strings.Cut(t.Name, ".")
	if schema != "main" {
		return nil, fmt.Errorf("the table %s is in an attached database: SQLite lets no trigger write from one database to another; track it by an outbox of its own", t.Name)
	}
	var all []TriggerObject
	for _, event := range []string{onInsert, onUpdate, onDelete} {
		b := sqliteTrigger{d: d, w: &w, t: &t, table: table, old: event != onInsert, new: event != onDelete}
		body := fmt.Sprintf("AFTER %s ON %s FOR EACH ROW\nWHEN %s\nBEGIN\n%sEND", strings.ToUpper(event), d.Quote(table), b.when(), b.body())
		name := triggerName(&w, body, event)
		all = append(all, TriggerObject{Name: name, Table: t.Name, Event: event,
			Create: "CREATE TRIGGER main." + d.Quote(name) + " " + body, Drop: d.dropTrigger(name)})
	}
	return all, nil
}

func (d sqlite) dropTrigger(name string) string {
	return "DROP TRIGGER IF EXISTS main." + d.Quote(name)
}

func (d sqlite) InstalledTriggers(ctx context.Context, db Queryer, program string) (all []TriggerObject, err error) {
	s := New(d, "SELECT name, tbl_name FROM main.sqlite_master WHERE type = 'trigger' AND name GLOB 'filecleangen_*' ORDER BY tbl_name, name")
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var name, table string
		if err := rows.Scan(&name, &table); err != nil {
			return err
		}
		if event, ours := triggerOf(name, program); ours {
			all = append(all, TriggerObject{Name: name, Table: "main." + table, Event: event, Drop: d.dropTrigger(name)})
		}
		return nil
	})
	return all, err
}

func (sqlite) LockTimeout(time.Duration) []string { return nil } // busy_timeout is the connection's

func (sqlite) LockRefused(err error) bool {
	return err != nil && strings.Contains(err.Error(), "locked") // no driver is imported, to know its codes
}

// sqliteTrigger writes the text of one trigger.
type sqliteTrigger struct {
	d        sqlite
	w        *TriggerWriter
	t        *TriggerTable
	table    string
	old, new bool // which of the rows there are
}

// when is whether a row's names can have changed. Rows are compared byte by byte,
// whatever the collation of a column is.
func (b *sqliteTrigger) when() string {
	var all []string
	for i := range b.t.Columns {
		column := b.d.Quote(b.t.Columns[i].Column)
		switch {
		case b.old && b.new:
			all = append(all, fmt.Sprintf("OLD.%s COLLATE BINARY IS NOT NEW.%[1]s COLLATE BINARY", column))
		case b.new:
			all = append(all, fmt.Sprintf("NEW.%s <> ''", column))
		default:
			all = append(all, fmt.Sprintf("OLD.%s <> ''", column))
		}
	}
	return strings.Join(all, "\n   OR ")
}

func (b *sqliteTrigger) body() string {
	var s strings.Builder
	fmt.Fprintf(&s, "  SELECT RAISE(ABORT, 'filecleangen: the tables of the outbox have another version than the triggers; install the triggers anew') WHERE (SELECT version FROM filecleangen_outbox_version) IS NOT %d;\n", b.w.Version)
	for _, storage := range b.t.storagesOf() {
		if b.new {
			b.take(&s, storage)
		}
		if b.old {
			b.release(&s, storage)
		}
	}
	return s.String()
}

// take is what Write does for takes.
func (b *sqliteTrigger) take(s *strings.Builder, storage string) {
	names := b.names("NEW", storage, false)
	if b.old {
		names = fmt.Sprintf("SELECT v FROM (%s) EXCEPT SELECT v FROM (%s)", names, b.names("OLD", storage, false))
	} else {
		names = "SELECT v FROM (" + names + ")"
	}
	which := "storage = " + literal(storage) + " AND name IN (" + names + ")"
	gone := goneText + " a file in storage " + storage + " that a row of " + b.table +
		" is to name is being deleted, was deleted lately, or is an upload that was not closed; create it anew, under another name"
	b.takeWhere(s, which, gone)
	for _, c := range b.columnsOf(storage) {
		if c.Form == JSON { // what stands between quotes in a document that SQLite can't parse
			value := "CAST(NEW." + b.d.Quote(c.Column) + " AS TEXT)"
			b.takeWhere(s, fmt.Sprintf(`%s <> '' AND NOT json_valid(%[1]s) AND storage = %s AND instr(%[1]s, '"' || name || '"') > 0`, value, literal(storage)), gone)
		}
	}
}

func (b *sqliteTrigger) takeWhere(s *strings.Builder, which, gone string) {
	fmt.Fprintf(s, "  UPDATE filecleangen_outbox SET revision = random(), not_before = CASE state WHEN 'upload' THEN %s + %d ELSE not_before END, state = 'pending'\n    WHERE state IN ('upload', 'pending') AND %s;\n",
		b.d.Now(), b.w.Wait.Milliseconds(), which)
	fmt.Fprintf(s, "  SELECT RAISE(ABORT, %s) FROM filecleangen_outbox\n    WHERE state <> 'pending' AND %s;\n", literal(gone), which)
}

// release is what Write does for releases. An ON CONFLICT clause would be overruled by
// one of the statement that the trigger fires for.
func (b *sqliteTrigger) release(s *strings.Builder, storage string) {
	names := b.names("OLD", storage, true)
	if names == "" {
		return
	}
	names = "SELECT v, min(i) AS i FROM (" + names + ")"
	reason := "deleted"
	if b.new {
		names += " WHERE v NOT IN (SELECT v FROM (" + b.names("NEW", storage, false) + "))"
		reason = "updated"
	}
	names += " GROUP BY v"
	model, field := b.labels(storage)
	now, wait := b.d.Now(), b.w.Wait.Milliseconds()
	fmt.Fprintf(s, `  UPDATE filecleangen_outbox SET
      not_before = CASE state WHEN 'gone' THEN %s WHEN 'pending' THEN max(not_before, %[1]s + %d) ELSE not_before END,
      reason = '%s', record = '', (model, field) = (SELECT %s, %s FROM (%s) AS r WHERE r.v = filecleangen_outbox.name),
      attempts = CASE state WHEN 'gone' THEN 1 ELSE attempts END,
      unfinished = CASE state WHEN 'deleting' THEN 0 ELSE unfinished END,
      claim = CASE state WHEN 'deleting' THEN '' ELSE claim END,
      gone_at = NULL, revision = random(),
      state = CASE state WHEN 'gone' THEN 'deleting' ELSE state END
    WHERE state <> 'parked' AND storage = %s AND name IN (SELECT v FROM (%[6]s));
`, now, wait, reason, model, field, names, literal(storage))
	fmt.Fprintf(s, "  INSERT INTO filecleangen_outbox (storage, name, reason, model, field, created_at, not_before)\n    SELECT %s, v, '%s', %s, %s, %s, %[5]s + %d FROM (%s) AS r\n    WHERE NOT EXISTS (SELECT 1 FROM filecleangen_outbox o WHERE o.storage = %[1]s AND o.name = r.v);\n",
		literal(storage), reason, model, field, now, wait, names)
}

// labels are expressions for the model and the field of the column with the number r.i.
func (b *sqliteTrigger) labels(storage string) (model, field string) {
	model, field = "CASE r.i", "CASE r.i"
	for i, c := range b.columnsOf(storage) {
		model += " WHEN " + strconv.Itoa(i) + " THEN " + literal(c.Model)
		field += " WHEN " + strconv.Itoa(i) + " THEN " + literal(c.Field)
	}
	return model + " END", field + " END"
}

func (b *sqliteTrigger) columnsOf(storage string) (columns []*TriggerColumn) {
	for i := range b.t.Columns {
		if c := &b.t.Columns[i]; c.Storage == storage {
			columns = append(columns, c)
		}
	}
	return columns
}

// names is a query for the names v that a row has in a storage, and the number i of the
// column; of those that can be released, if released is set.
func (b *sqliteTrigger) names(row, storage string, released bool) string {
	var all []string
	for i, c := range b.columnsOf(storage) {
		if released && c.Keep {
			continue
		}
		values := sqliteValues(row+"."+b.d.Quote(c.Column), c.Form)
		if c.Prefix != "" {
			values = sqliteUnprefixed(values, c.Prefix)
		}
		all = append(all, fmt.Sprintf("SELECT %s COLLATE BINARY AS v, %d AS i FROM (%s)", sqliteClean, i, values))
	}
	if len(all) == 0 {
		return ""
	}
	ignored := append([]string{".filecleangen"}, b.w.Ignored[storage]...)
	return fmt.Sprintf("SELECT v, i FROM (%s) WHERE v <> '' AND v NOT GLOB '[A-Za-z]:*' AND instr(v, char(0)) = 0 AND length(CAST(v AS BLOB)) <= %d AND v NOT IN (%s)",
		strings.Join(all, " UNION ALL "), MaxName, literals(ignored))
}

// sqliteValues is a query for the values v in a column of a row.
func sqliteValues(column string, form Form) string {
	text := "CAST(" + column + " AS TEXT) COLLATE BINARY"
	if form != JSON {
		return "SELECT " + text + " AS v"
	}
	// A string in a document may be a document itself.
	return "SELECT v FROM (WITH RECURSIVE documents (d) AS (SELECT CASE WHEN json_valid(" + text + ") THEN " + text + " ELSE 'null' END" +
		" UNION ALL SELECT j.atom FROM documents, json_tree(d) j WHERE j.type = 'text' AND substr(j.atom, 1, 1) IN ('[', '{') AND json_valid(j.atom))" +
		" SELECT j.atom AS v FROM documents, json_tree(d) j WHERE j.type = 'text')"
}

// sqliteClean is the name that a value v means, as storage.OtherSpelling has it.
const sqliteClean = `CASE WHEN instr(v, '\') = 0 AND instr('/' || v || '/', '//') = 0 AND instr('/' || v || '/', '/./') = 0 AND instr('/' || v || '/', '/../') = 0 THEN v` +
	` ELSE (WITH RECURSIVE parts (rest, done) AS (SELECT replace(v, '\', '/') || '/', '' UNION ALL SELECT substr(rest, instr(rest, '/') + 1),` +
	` CASE substr(rest, 1, instr(rest, '/') - 1) WHEN '' THEN done WHEN '.' THEN done WHEN '..' THEN rtrim(rtrim(done, replace(done, '/', '')), '/') ELSE done || '/' || substr(rest, 1, instr(rest, '/') - 1) END` +
	` FROM parts WHERE rest <> '') SELECT substr(done, 2) FROM parts WHERE rest = '') END`

// sqliteUnprefixed is a query for what stands behind a prefix in values, as
// references.Prefix has it: without a query and a fragment, with escapes undone.
func sqliteUnprefixed(values, prefix string) string {
	rest := fmt.Sprintf("substr(v, %d)", len([]rune(prefix))+1)
	cut := func(text, at string) string {
		return fmt.Sprintf("CASE instr(%s, '%s') WHEN 0 THEN %[1]s ELSE substr(%[1]s, 1, instr(%[1]s, '%[2]s') - 1) END", text, at)
	}
	values = fmt.Sprintf("SELECT %s AS v FROM (%s) WHERE substr(v, 1, %d) = %s", rest, values, len([]rune(prefix)), literal(prefix))
	for _, at := range []string{"?", "#"} {
		values = "SELECT " + cut("v", at) + " AS v FROM (" + values + ")"
	}
	// A value with a percent sign that begins no escape is left as it is.
	return `SELECT CASE WHEN instr(v, '%') = 0 OR replace(v, '%', '%~') GLOB '*%~[^0-9A-Fa-f]*' OR replace(v, '%', '%~') GLOB '*%~?[^0-9A-Fa-f]*' OR v GLOB '*%' OR v GLOB '*%?' THEN v` +
		` ELSE (WITH RECURSIVE bytes (rest, done) AS (SELECT v || '%', '' UNION ALL SELECT` +
		` CASE WHEN substr(rest, 1, 1) = '%' THEN substr(rest, 4) ELSE substr(rest, instr(rest, '%')) END,` +
		` done || CASE WHEN substr(rest, 1, 1) = '%' THEN substr(rest, 2, 2) ELSE hex(substr(rest, 1, instr(rest, '%') - 1)) END` +
		` FROM bytes WHERE rest NOT IN ('%', '')) SELECT CAST(unhex(done) AS TEXT) FROM bytes WHERE rest IN ('%', '')) END AS v FROM (` + values + ")"
}
