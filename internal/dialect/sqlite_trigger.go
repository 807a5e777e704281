package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Triggers: they are row triggers, as SQLite has no others. What a row names before and
// after is put into a table that is empty otherwise, and compared there as a set: a
// statement is compiled with the text of all its triggers, which would be long if each
// part of them found the names anew.
//
// A statement pays for the text of a trigger also where nothing is done, so that the
// triggers for updates name their columns. A column that is computed is set by no
// statement, but changes.
func (d sqlite) Triggers(ctx context.Context, db Queryer, w TriggerWriter, t TriggerTable) ([]TriggerObject, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	schema, table, _ := strings.Cut(t.Name, ".")
	if schema != "main" {
		return nil, fmt.Errorf("the table %s is in an attached database: SQLite lets no trigger write from one database to another; track it by an outbox of its own", t.Name)
	}
	if err := d.canHaveTriggers(ctx, db, table); err != nil {
		return nil, err
	}
	if err := d.inUTF8(ctx, db); err != nil {
		return nil, err
	}
	const columns = " (side integer NOT NULL, storage text NOT NULL, name text NOT NULL, model text NOT NULL, field text NOT NULL, keep integer NOT NULL)"
	names := triggerName(&w, columns, "names")
	all := []TriggerObject{{Name: names, Event: "names", Create: "CREATE TABLE IF NOT EXISTS main." + d.Quote(names) + columns, Drop: d.drop("table", names)}}
	of, err := d.updateOf(ctx, db, table, t.Columns)
	if err != nil {
		return nil, err
	}
	for _, event := range []string{onInsert, onUpdate, onDelete} {
		b := sqliteTrigger{d: d, w: &w, t: &t, table: table, names: names, old: event != onInsert, new: event != onDelete}
		body := fmt.Sprintf("AFTER %s%s ON %s FOR EACH ROW\nWHEN %s\nBEGIN\n%sEND", strings.ToUpper(event), map[string]string{onUpdate: of}[event], d.Quote(table), b.when(), b.body())
		name := triggerName(&w, body, event)
		all = append(all, TriggerObject{Name: name, Table: t.Name, Event: event,
			Create: "CREATE TRIGGER main." + d.Quote(name) + " " + body, Drop: d.drop("trigger", name)})
	}
	return all, nil
}

// canHaveTriggers makes sure that a table is one that has rows of its own.
func (d sqlite) canHaveTriggers(ctx context.Context, db Queryer, table string) error {
	var kind string
	if err := QueryRow(ctx, db, New(d, "SELECT type FROM ").Add("pragma_table_list(?) WHERE schema = 'main'", table), &kind); err != nil {
		return err
	}
	switch kind {
	case "view":
		return fmt.Errorf("%s is a view, on which no such trigger can be: name the tables that its rows are in, by references.Table", table)
	case "virtual":
		return fmt.Errorf("%s is a virtual table, on which no trigger can be: keep the names of files in a table of their own, or use a batch for this one", table)
	}
	return nil
}

// Unseen: what REPLACE removes fires no triggers. To look for such rows before each INSERT
// would cost more than all else: one that is not prepared took twice as long, by the text of
// the trigger, and an upsert seven times, as nobody can tell it from a REPLACE then.
func (d sqlite) Unseen(ctx context.Context, db Queryer) (string, error) {
	var on bool
	err := QueryRow(ctx, db, New(d, "PRAGMA recursive_triggers"), &on)
	if on || err != nil {
		return "", err
	}
	return "what REPLACE, INSERT OR REPLACE and UPDATE OR REPLACE remove, as PRAGMA recursive_triggers is off: the files stay. Turn it on for each connection: for those of the program, and for those of the handle given to references.New, by which this is known", nil
}

// inUTF8 makes sure that the bytes of a text are those that a program reads.
func (d sqlite) inUTF8(ctx context.Context, db Queryer) error {
	var encoding string
	err := QueryRow(ctx, db, New(d, "PRAGMA main.encoding"), &encoding)
	if err == nil && encoding != "UTF-8" {
		err = fmt.Errorf("the database is in %s, where triggers would miss names that are long, stored as blobs, or behind a prefix: copy it to one that is in UTF-8, or use a batch", encoding)
	}
	return err
}

// updateOf is the list of columns that an update has to set to change a name; "" if it
// may be any.
func (d sqlite) updateOf(ctx context.Context, db Queryer, table string, columns []TriggerColumn) (string, error) {
	var names, computed []string
	err := QueryAll(ctx, db, New(d, "SELECT name FROM ").Add("pragma_table_xinfo(?, 'main') WHERE hidden IN (2, 3)", table), func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		computed = append(computed, strings.ToLower(name))
		return err
	})
	for i := range columns {
		if slices.Contains(computed, strings.ToLower(columns[i].Column)) {
			return "", err
		}
		names = append(names, d.Quote(columns[i].Column))
	}
	slices.Sort(names)
	return " OF " + strings.Join(slices.Compact(names), ", "), err
}

func (d sqlite) drop(what, name string) string {
	return "DROP " + strings.ToUpper(what) + " IF EXISTS main." + d.Quote(name)
}

func (d sqlite) InstalledTriggers(ctx context.Context, db Queryer, program string) (all []TriggerObject, err error) {
	s := New(d, `SELECT type, name, CASE type WHEN 'trigger' THEN 'main.' || tbl_name ELSE '' END,
			EXISTS (SELECT 1 FROM main.sqlite_master o WHERE o.type = 'trigger' AND instr(o.sql, m.name) > 0), sql
		FROM main.sqlite_master m WHERE type IN ('trigger', 'table') AND name GLOB 'filecleangen_[0-9]*' ORDER BY 3 DESC, name`)
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var kind, text string
		var o TriggerObject
		if err := rows.Scan(&kind, &o.Name, &o.Table, &o.Used, &text); err != nil {
			return err
		}
		if event, ours := triggerOf(o.Name, program); ours {
			o.Tracks = tracked(text)
			o.Event, o.Drop = event, d.drop(kind, o.Name)
			all = append(all, o)
		}
		return nil
	})
	return all, err
}

func (sqlite) LockTimeout(time.Duration) []string { return nil } // busy_timeout is the connection's

func (sqlite) TriggerHint(error) string { return "" }

func (sqlite) LockRefused(err error) bool {
	return err != nil && strings.Contains(err.Error(), "locked") // no driver is imported, to know its codes
}

// sqliteTrigger writes the text of one trigger.
type sqliteTrigger struct {
	d        sqlite
	w        *TriggerWriter
	t        *TriggerTable
	table    string
	names    string // the table of names
	old, new bool   // which of the rows there are
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
			all = append(all, fmt.Sprintf("NEW.%s COLLATE BINARY <> ''", column))
		default:
			all = append(all, fmt.Sprintf("OLD.%s COLLATE BINARY <> ''", column))
		}
	}
	return strings.Join(all, "\n   OR ")
}

func (b *sqliteTrigger) body() string {
	var s strings.Builder
	s.WriteString("  -- " + b.t.says(b.t.Name) + "\n")
	fmt.Fprintf(&s, "  SELECT RAISE(ABORT, 'filecleangen: the tables of the outbox have another version than the triggers; install the triggers anew') WHERE (SELECT version FROM filecleangen_outbox_version) IS NOT %d;\n", b.w.Version)
	fmt.Fprintf(&s, "  INSERT INTO %s (side, storage, name, model, field, keep)\n    %s;\n", b.names, b.named())
	if b.old && b.new { // a query with EXCEPT further down would not use the key of the outbox
		fmt.Fprintf(&s, "  DELETE FROM %s WHERE (storage, name) IN (SELECT storage, name FROM %[1]s GROUP BY storage, name HAVING min(side) <> max(side));\n", b.names)
	}
	if b.new {
		b.take(&s)
	}
	if b.old {
		b.release(&s)
	}
	fmt.Fprintf(&s, "  DELETE FROM %s;\n", b.names)
	return s.String()
}

// take is what Write does for takes.
func (b *sqliteTrigger) take(s *strings.Builder) {
	gone := goneText + " a file that a row of " + b.table + " is to name is being deleted, was deleted lately, or is an upload that was not closed; create it anew, under another name"
	b.takeWhere(s, fmt.Sprintf("(storage, name) IN (SELECT storage, name FROM %s WHERE side = 1)", b.names), gone)
	for i := range b.t.Columns {
		if c := &b.t.Columns[i]; c.Form == JSON { // what stands between quotes in a document that SQLite can't parse
			value := "CAST(NEW." + b.d.Quote(c.Column) + " AS TEXT)"
			b.takeWhere(s, fmt.Sprintf(`%s <> '' AND NOT json_valid(%[1]s) AND storage = %s AND instr(%[1]s, '"' || name || '"') > 0`, value, literal(c.Storage)), gone)
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
func (b *sqliteTrigger) release(s *strings.Builder) {
	reason := "deleted"
	fmt.Fprintf(s, "  DELETE FROM %s WHERE side = 0 AND keep;\n", b.names)
	if b.new {
		reason = "updated"
	}
	now, wait := b.d.Now(), b.w.Wait.Milliseconds()
	fmt.Fprintf(s, `  UPDATE filecleangen_outbox SET
      not_before = CASE state WHEN 'gone' THEN %s WHEN 'pending' THEN max(not_before, %[1]s + %d) ELSE not_before END,
      reason = '%s', record = '', (model, field) = (SELECT r.model, r.field FROM %s r WHERE r.side = 0 AND r.storage = filecleangen_outbox.storage AND r.name = filecleangen_outbox.name LIMIT 1),
      attempts = CASE state WHEN 'gone' THEN 1 ELSE attempts END,
      unfinished = CASE state WHEN 'deleting' THEN 0 ELSE unfinished END,
      claim = CASE state WHEN 'deleting' THEN '' ELSE claim END,
      gone_at = NULL, revision = random(),
      state = CASE state WHEN 'gone' THEN 'deleting' ELSE state END
    WHERE state <> 'parked' AND (storage, name) IN (SELECT storage, name FROM %[4]s WHERE side = 0);
`, now, wait, reason, b.names)
	fmt.Fprintf(s, "  INSERT INTO filecleangen_outbox (storage, name, reason, model, field, created_at, not_before)\n    SELECT r.storage, r.name, '%s', r.model, r.field, %s, %[2]s + %d FROM %s r\n    WHERE r.side = 0 AND NOT EXISTS (SELECT 1 FROM filecleangen_outbox o WHERE o.storage = r.storage AND o.name = r.name) GROUP BY r.storage, r.name;\n",
		reason, now, wait, b.names)
}

// named is a query for the names that a row has, after (side 1) and before (side 0).
func (b *sqliteTrigger) named() string {
	var texts, documents, prefixes, columns []string
	for i := range b.t.Columns {
		c := &b.t.Columns[i]
		columns = append(columns, fmt.Sprintf("(%d, %s, %s, %s, %d)", i, literal(c.Storage), literal(c.Model), literal(c.Field), map[bool]int{true: 1}[c.Keep]))
		for side, row := range []string{"OLD", "NEW"} {
			if side == 0 && !b.old || side == 1 && !b.new {
				continue
			}
			value := fmt.Sprintf("SELECT %d AS i, %d AS side, CAST(%s.%s AS TEXT) COLLATE BINARY AS v", i, side, row, b.d.Quote(c.Column))
			if c.Form == JSON {
				documents = append(documents, value+fmt.Sprintf(", %t AS named", c.keys() == nil))
			} else {
				texts = append(texts, value)
			}
		}
		if c.Prefix != "" {
			prefixes = append(prefixes, fmt.Sprintf("(%d, %s)", i, literal(c.Prefix)))
		}
	}
	if len(documents) > 0 {
		texts = append(texts, "SELECT i, side, v FROM ("+b.strings(strings.Join(documents, " UNION ALL "))+")")
	}
	values := strings.Join(texts, " UNION ALL ")
	if len(prefixes) > 0 {
		values = sqliteUnprefixed(values, strings.Join(prefixes, ", "))
	}
	return fmt.Sprintf(`SELECT n.side, c.column2, n.v, c.column3, c.column4, c.column5 FROM (WITH given (i, side, v) AS MATERIALIZED (%[2]s), clean (i, side, v) AS MATERIALIZED (SELECT i, side, %[1]s COLLATE BINARY FROM given WHERE v <> '') SELECT i, side, v FROM clean) n JOIN (VALUES %[3]s) c ON c.column1 = n.i
    WHERE n.v <> '' AND n.v <> '.filecleangen' AND n.v NOT GLOB '[A-Za-z]:*' AND instr(n.v, char(0)) = 0 AND length(CAST(n.v AS BLOB)) <= %[4]d%[5]s`,
		sqliteClean, values, strings.Join(columns, ", "), MaxName, b.notIgnored())
}

// notIgnored is a condition for names that are taken and released.
func (b *sqliteTrigger) notIgnored() string {
	var all strings.Builder
	for _, storage := range b.t.storagesOf() {
		if names := b.w.Ignored[storage]; len(names) > 0 {
			fmt.Fprintf(&all, " AND NOT (c.column2 = %s AND n.v IN (%s))", literal(storage), literals(names))
		}
	}
	return all.String()
}

// strings is a query for the strings v in documents that may be names; one may be a
// document itself. What is named is below the key of a name: each of its strings may be one.
func (b *sqliteTrigger) strings(documents string) string {
	value, named, where := "j.atom", "named", "j.type = 'text' AND substr(j.atom, 1, 1) IN ('[', '{') AND json_valid(j.atom)"
	if under := b.underKey(); under != "" {
		value = "CASE WHEN j.type <> 'text' THEN j.value WHEN " + under + " THEN json_quote(j.atom) ELSE j.atom END"
		named += " OR " + under
		where += " OR j.type IN ('text', 'array', 'object') AND " + under
	}
	return "WITH RECURSIVE documents (i, side, d, named) AS (SELECT i, side, CASE WHEN json_valid(v) THEN v ELSE 'null' END, named FROM (" + documents + ") WHERE v <> ''" +
		" UNION ALL SELECT i, side, " + value + ", " + named + " FROM documents, json_tree(d) j WHERE " + where + ")" +
		" SELECT i, side, j.atom AS v FROM documents, json_tree(d) j WHERE named AND j.type = 'text'"
}

// underKey is whether what stands under a key is below that of a name, and was not before;
// "" if no column has keys.
func (b *sqliteTrigger) underKey() string {
	var all strings.Builder
	for i := range b.t.Columns {
		if keys := b.t.Columns[i].keys(); keys != nil {
			fmt.Fprintf(&all, " OR i = %d AND replace(replace(lower(j.key), '_', ''), '-', '') IN (%s)", i, literals(keys))
		}
	}
	if all.Len() == 0 {
		return ""
	}
	return `(NOT named AND typeof(j.key) = 'text' AND (j.key GLOB '*[^ -~]*' OR instr(j.key, '\') > 0` + all.String() + "))"
}

// sqliteClean is the name that a value v means, as storage.OtherSpelling has it.
const sqliteClean = `CASE WHEN instr(v, '\') = 0 AND instr('/' || v || '/', '//') = 0 AND instr('/' || v || '/', '/./') = 0 AND instr('/' || v || '/', '/../') = 0 THEN v` +
	` ELSE (WITH RECURSIVE parts (rest, done) AS (SELECT replace(v, '\', '/') || '/', '' UNION ALL SELECT substr(rest, instr(rest, '/') + 1),` +
	` CASE substr(rest, 1, instr(rest, '/') - 1) WHEN '' THEN done WHEN '.' THEN done WHEN '..' THEN rtrim(rtrim(done, replace(done, '/', '')), '/') ELSE done || '/' || substr(rest, 1, instr(rest, '/') - 1) END` +
	` FROM parts WHERE rest <> '') SELECT substr(done, 2) FROM parts WHERE rest = '') END`

// sqliteUnprefixed is a query for values of which some columns have a prefix: of theirs,
// for what stands behind it, as references.Prefix has it, without a query and a fragment,
// with escapes undone. A value with a percent sign that begins no escape is left as it is.
func sqliteUnprefixed(values, prefixes string) string {
	cut := func(from, at string) string {
		return fmt.Sprintf("(i, side, p, v) AS MATERIALIZED (SELECT i, side, p, CASE WHEN p IS NULL OR instr(v, '%s') = 0 THEN v ELSE substr(v, 1, instr(v, '%[1]s') - 1) END FROM %s)", at, from)
	}
	// Each step is materialized: else the text of one would be put into the next one many times.
	steps := fmt.Sprintf("WITH behind (i, side, p, v) AS MATERIALIZED (SELECT i, side, x.column2, CASE WHEN x.column2 IS NULL THEN v WHEN substr(v, 1, length(x.column2)) = x.column2 THEN substr(v, length(x.column2) + 1) END FROM (%s) LEFT JOIN (VALUES %s) x ON x.column1 = i), ", values, prefixes) +
		"path " + cut("behind", "?") + ", plain " + cut("path", "#")
	return steps + ` SELECT i, side, CASE WHEN p IS NULL OR instr(v, '%') = 0 OR replace(v, '%', '%~') GLOB '*%~[^0-9A-Fa-f]*' OR replace(v, '%', '%~') GLOB '*%~?[^0-9A-Fa-f]*' OR v GLOB '*%' OR v GLOB '*%?' THEN v` +
		` ELSE (WITH RECURSIVE bytes (rest, done) AS (SELECT v || '%', '' UNION ALL SELECT` +
		` CASE WHEN substr(rest, 1, 1) = '%' THEN substr(rest, 4) ELSE substr(rest, instr(rest, '%')) END,` +
		` done || CASE WHEN substr(rest, 1, 1) = '%' THEN substr(rest, 2, 2) ELSE hex(substr(rest, 1, instr(rest, '%') - 1)) END` +
		` FROM bytes WHERE rest NOT IN ('%', '')) SELECT CAST(unhex(done) AS TEXT) FROM bytes WHERE rest IN ('%', '')) END AS v FROM plain`
}
