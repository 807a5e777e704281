package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Triggers: they are statement triggers with transition tables, each of which is read
// as a whole: row triggers take time that grows with the square of the rows that share a
// name. A partition, or a table that inherits, has triggers of its own, which fire for
// statements that name it.
//
// What a statement takes is what its rows name after it and none of them named before. A
// name that one of them had and another one has now needs no take: the row that had it is
// locked, so that it names the file for everybody until the statement's transaction
// commits, and the other one does from that moment on; and if the row had it from this
// transaction only, it was taken then.
func (d postgres) Triggers(ctx context.Context, db Queryer, w TriggerWriter, t TriggerTable) ([]TriggerObject, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	home, err := d.home(ctx, db)
	if err != nil {
		return nil, err
	}
	tables, err := d.tree(ctx, db, t.Name)
	if err != nil {
		return nil, err
	}
	b := postgresTriggers{d: d, w: &w, t: &t, home: home}
	all := b.helpers()
	function := b.function()
	all = append(all, function)
	for _, table := range tables {
		for _, event := range []string{onInsert, onUpdate, onDelete, onTruncate} {
			all = append(all, b.trigger(table, event, function.Name))
		}
	}
	return all, nil
}

// home returns the schema that the outbox is in.
func (d postgres) home(ctx context.Context, db Queryer) (schema string, err error) {
	err = QueryRow(ctx, db, New(d, "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass('filecleangen_outbox')"), &schema)
	if err != nil {
		err = fmt.Errorf("the schema of the table filecleangen_outbox: %w", err)
	}
	return schema, err
}

// tree returns a table, its partitions and the tables that inherit from it.
func (d postgres) tree(ctx context.Context, db Queryer, table string) (tables []string, err error) {
	s := New(d, "WITH RECURSIVE tree (oid) AS (SELECT pg_catalog.to_regclass(").
		Add("?)::oid UNION SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid)", d.Quote(table)).
		Raw(" SELECT n.nspname || '.' || c.relname, c.relkind::text FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1")
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return err
		}
		switch kind {
		case "r", "p":
			tables = append(tables, name)
		case "v":
			return fmt.Errorf("%s is a view, on which no such trigger can be: name the tables that its rows are in, by references.Table", name)
		default:
			return fmt.Errorf("%s is no table that can have triggers", name)
		}
		return nil
	})
	return tables, err
}

func (d postgres) InstalledTriggers(ctx context.Context, db Queryer, program string) (all []TriggerObject, err error) {
	home, err := d.home(ctx, db)
	if err != nil {
		return nil, err
	}
	s := New(d, `SELECT t.tgname, n.nspname || '.' || c.relname, t.tgenabled IN ('D', 'R'), true
		FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
		WHERE NOT t.tgisinternal AND t.tgname LIKE 'filecleangen\_%' AND p.pronamespace = `).Add("?::regnamespace", d.Quote(home)).
		Raw(` UNION ALL SELECT p.proname, '', false, EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgfoid = p.oid)
			OR EXISTS (SELECT 1 FROM pg_catalog.pg_proc o WHERE o.pronamespace = p.pronamespace AND o.oid <> p.oid AND o.proname LIKE 'filecleangen\_%' AND pg_catalog.strpos(o.prosrc, p.proname) > 0)
		FROM pg_catalog.pg_proc p WHERE p.proname LIKE 'filecleangen\_%' AND p.pronamespace = `).Add("?::regnamespace", d.Quote(home)).
		Raw(" ORDER BY 2 DESC, 1")
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var o TriggerObject
		if err := rows.Scan(&o.Name, &o.Table, &o.Disabled, &o.Used); err != nil {
			return err
		}
		event, ours := triggerOf(o.Name, program)
		if !ours {
			return nil
		}
		o.Event, o.Drop = event, "DROP TRIGGER IF EXISTS "+d.Quote(o.Name)+" ON "+d.Quote(o.Table)
		if o.Table == "" {
			o.Drop = "DROP FUNCTION IF EXISTS " + d.Quote(home) + "." + d.Quote(o.Name)
		}
		all = append(all, o)
		return nil
	})
	return all, err
}

func (postgres) LockTimeout(d time.Duration) []string {
	return []string{"SET LOCAL lock_timeout = " + strconv.FormatInt(d.Milliseconds(), 10), "SET LOCAL statement_timeout = 0"}
}

func (postgres) TriggerHint(error) string { return "" }

func (postgres) LockRefused(err error) bool {
	return hasState(err, "55P03") || hasState(err, "40P01") || err != nil && strings.Contains(err.Error(), "lock timeout")
}

// postgresTriggers writes the functions and triggers of one table.
type postgresTriggers struct {
	d    postgres
	w    *TriggerWriter
	t    *TriggerTable
	home string // the schema of the outbox
}

// events are what a trigger says of itself.
var postgresEvents = map[string]string{
	onInsert:   "AFTER INSERT ON %s REFERENCING NEW TABLE AS filecleangen_new",
	onUpdate:   "AFTER UPDATE ON %s REFERENCING OLD TABLE AS filecleangen_old NEW TABLE AS filecleangen_new",
	onDelete:   "AFTER DELETE ON %s REFERENCING OLD TABLE AS filecleangen_old",
	onTruncate: "BEFORE TRUNCATE ON %s",
}

func (b *postgresTriggers) trigger(table, event, function string) TriggerObject {
	body := fmt.Sprintf(postgresEvents[event], b.d.Quote(table)) + " FOR EACH STATEMENT EXECUTE FUNCTION " + b.qualified(function) + "()"
	name := triggerName(b.w, body, event)
	return TriggerObject{Name: name, Table: table, Event: event, Create: "CREATE TRIGGER " + b.d.Quote(name) + " " + body,
		Drop: "DROP TRIGGER IF EXISTS " + b.d.Quote(name) + " ON " + b.d.Quote(table)}
}

// qualified is the name of a function in the schema of the outbox.
func (b *postgresTriggers) qualified(function string) string {
	return quote(b.home, `"`) + "." + quote(function, `"`)
}

// makes returns a function. Nobody needs a right to call what a trigger calls.
func (b *postgresTriggers) makes(event, head, body string) TriggerObject {
	text := head + " SET search_path = pg_catalog, pg_temp AS $filecleangen$\n" + body + "$filecleangen$"
	name := triggerName(b.w, b.home+text, event)
	arguments, _, _ := strings.Cut(head, " ")
	return TriggerObject{Name: name, Event: event,
		Create: "CREATE OR REPLACE FUNCTION " + b.qualified(name) + text + ";\nREVOKE ALL ON FUNCTION " + b.qualified(name) + arguments + " FROM PUBLIC",
		Drop:   "DROP FUNCTION IF EXISTS " + b.qualified(name)}
}

// helpers are the functions that those of all tables call.
func (b *postgresTriggers) helpers() []TriggerObject {
	return []TriggerObject{b.nameFunction(), b.prefixFunction(), b.stringsFunction(), b.textFunction()}
}

// nameFunction is for what a value means that is no clean name, as storage.OtherSpelling
// has it.
func (b *postgresTriggers) nameFunction() TriggerObject {
	return b.makes("name", "(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `DECLARE
    part text;
    done text[] := '{}';
BEGIN
    FOREACH part IN ARRAY string_to_array(replace($1, chr(92), '/'), '/') LOOP
        IF part = '..' THEN
            done := done[:cardinality(done) - 1];
        ELSIF part NOT IN ('', '.') THEN
            done := done || part;
        END IF;
    END LOOP;
    RETURN array_to_string(done, '/');
END
`)
}

// prefixFunction is for what stands behind a prefix, as references.Prefix has it.
func (b *postgresTriggers) prefixFunction() TriggerObject {
	return b.makes("prefix", "(text,text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `DECLARE
    rest text := regexp_replace(substr($1, length($2) + 1), '[?#].*$', '');
    part text;
    bytes bytea := '';
BEGIN
    IF NOT starts_with($1, $2) THEN
        RETURN NULL;
    END IF;
    IF strpos(rest, '%') = 0 OR rest ~ '%(?![0-9A-Fa-f]{2})' THEN
        RETURN rest;
    END IF;
    FOR part IN SELECT m[1] FROM regexp_matches(rest, '%[0-9A-Fa-f]{2}|[^%]+', 'g') AS m LOOP
        bytes := bytes || CASE WHEN starts_with(part, '%') THEN decode(substr(part, 2), 'hex') ELSE convert_to(part, 'UTF8') END;
    END LOOP;
    RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN NULL; -- the name of no file
END
`)
}

// stringsFunction finds all strings in a document, and in strings that are documents. Of
// one that can't be parsed it returns what stands between quotes, as unsure.
func (b *postgresTriggers) stringsFunction() TriggerObject {
	return b.makes("strings", "(text) RETURNS TABLE (v text, unsure boolean) LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `DECLARE
    doc jsonb;
    inner_doc jsonb;
BEGIN
    unsure := false;
    IF $1 = '' THEN
        RETURN;
    END IF;
    BEGIN
        doc := $1::jsonb;
    EXCEPTION WHEN OTHERS THEN
        unsure := true;
    END;
    IF unsure THEN
        RAISE WARNING 'filecleangen: a document can''t be parsed: what it names is kept until it can';
        FOR v IN SELECT replace(replace(m[1], E'\\/', '/'), E'\\"', '"') FROM regexp_matches($1, E'"((?:[^"\\\\]|\\\\.)*)"', 'g') AS m LOOP
            RETURN NEXT;
        END LOOP;
        RETURN;
    END IF;
    LOOP
        inner_doc := '[]';
        FOR v IN SELECT s #>> '{}' FROM jsonb_path_query(doc, 'strict $.** ? (@.type() == "string")') AS s LOOP
            RETURN NEXT;
            IF v ~ '^[[{]' THEN
                BEGIN
                    inner_doc := inner_doc || jsonb_build_array(v::jsonb);
                EXCEPTION WHEN OTHERS THEN
                    NULL; -- it is a text
                END;
            END IF;
        END LOOP;
        EXIT WHEN inner_doc = '[]';
        doc := inner_doc;
    END LOOP;
END
`)
}

// textFunction is for names that are stored as bytes.
func (b *postgresTriggers) textFunction() TriggerObject {
	return b.makes("text", "(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE", `BEGIN
    RETURN convert_from(decode($1, 'hex'), 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN NULL; -- the name of no file
END
`)
}

// function is the one that a table's triggers call.
func (b *postgresTriggers) function() TriggerObject {
	write := fmt.Sprintf("        PERFORM %s.filecleangen_outbox_write(%d, part, %d);\n    END LOOP;\n", quote(b.home, `"`), b.w.Version, b.w.Wait.Milliseconds())
	loop := func(changed, reason string) string {
		return "    FOR part IN\n" + b.entries(changed, reason) + "    LOOP\n" + write
	}
	only := func(isNew, table string) string {
		return "SELECT DISTINCT a.i, a.v, " + isNew + " AS is_new FROM (" + b.values(table, isNew) + ") AS a"
	}
	updated := "SELECT a.i, a.v, bool_or(a.is_new) AS is_new FROM (" + b.values("filecleangen_new", "true") + " UNION ALL " + b.values("filecleangen_old", "false") +
		") AS a GROUP BY a.i, a.v HAVING bool_or(a.is_new) <> bool_or(NOT a.is_new)"
	// Each partition that is emptied has its own trigger.
	truncated := strings.ReplaceAll(strings.ReplaceAll(b.entries(only("false", thisTable), "deleted"), "%", "%%"), thisTable, "ONLY %1$I.%2$I")
	return b.makes("table", "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET jit = off", "-- The files that rows of "+strings.ReplaceAll(b.t.Name, "\n", " ")+" name.\n"+
		"DECLARE\n    part json;\nBEGIN\n"+
		"IF TG_OP = 'INSERT' THEN\n"+loop(only("true", "filecleangen_new"), "")+
		"ELSIF TG_OP = 'UPDATE' THEN\n    IF "+b.changed()+" THEN\n"+loop(updated, "updated")+"    END IF;\n"+
		"ELSIF TG_OP = 'DELETE' THEN\n"+loop(only("false", "filecleangen_old"), "deleted")+
		"ELSE\n    FOR part IN EXECUTE format($query$\n"+truncated+"    $query$, TG_TABLE_SCHEMA, TG_TABLE_NAME) LOOP\n"+write+
		"END IF;\nRETURN NULL;\nEND\n")
}

// changed is whether the rows have other values than before, all together: of statements
// that change other columns, this is what they pay.
func (b *postgresTriggers) changed() string {
	var columns []string
	for i := range b.t.Columns {
		column := b.text(&b.t.Columns[i]) + ` COLLATE "C"`
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	numbers := make([]string, len(columns))
	for i := range columns {
		numbers[i] = fmt.Sprintf("a.v%d", i)
		columns[i] += fmt.Sprintf(" AS v%d, ", i)
	}
	list := strings.Join(columns, "")
	return "EXISTS (SELECT 1 FROM (SELECT " + list + "1 AS n FROM filecleangen_new t UNION ALL SELECT " + list + "-1 AS n FROM filecleangen_old t) AS a GROUP BY " + strings.Join(numbers, ", ") + " HAVING sum(a.n) <> 0)"
}

// thisTable stands for the table whose trigger is running.
const thisTable = "\x00"

// entries is a query for what filecleangen_outbox_write takes, of the values that have
// changed: in the order of the names, so that statements lock them in one order, and in
// parts, since a value has a limit. What a row had in a document that can't be parsed does
// not count: it is neither a reason not to take a name nor one to release it.
func (b *postgresTriggers) entries(changed, reason string) string {
	return fmt.Sprintf(`        WITH changed AS MATERIALIZED (%s),
        named AS MATERIALIZED (%s),
        columns (i, storage, model, field, keep) AS (VALUES %s),
        files AS (
            SELECT c.storage, n.name, bool_or(n.is_new) AS is_new, min(n.i) FILTER (WHERE NOT n.is_new AND NOT c.keep) AS i
            FROM named n JOIN columns c ON c.i = n.i
            WHERE (n.is_new OR NOT n.unsure) AND n.name <> '' AND n.name <> '.filecleangen' AND n.name !~ '^[A-Za-z]:' AND octet_length(n.name) <= %d%s
            GROUP BY c.storage, n.name
            HAVING bool_and(n.is_new) OR NOT bool_or(n.is_new) AND bool_or(NOT c.keep)
        )
        SELECT json_agg(json_build_object('s', f.storage, 'n', f.name, 'k', CASE WHEN f.is_new THEN 't' ELSE 'r' END, 'r', '%s', 'm', coalesce(c.model, ''), 'f', coalesce(c.field, ''), 'c', '', 'd', '') ORDER BY f.storage, f.name)
        FROM (SELECT *, (row_number() OVER (ORDER BY storage, name) - 1) / 5000 AS part FROM files) f LEFT JOIN columns c ON c.i = f.i
        GROUP BY f.part ORDER BY f.part
`, changed, b.names(), b.columns(), MaxName, b.notIgnored(), reason)
}

// values is a query for the values v of all columns, with their numbers i.
func (b *postgresTriggers) values(table, isNew string) string {
	var all []string
	for i := range b.t.Columns {
		c := &b.t.Columns[i]
		column := "t." + b.d.Quote(c.Column)
		all = append(all, fmt.Sprintf(`SELECT %d AS i, %s COLLATE "C" AS v, %s AS is_new FROM %s t WHERE %s IS NOT NULL`, i, b.text(c), isNew, table, column))
	}
	return strings.Join(all, " UNION ALL ")
}

// text is an expression for a value of a column as text.
func (b *postgresTriggers) text(c *TriggerColumn) string {
	if c.Type == "bytea" {
		return "encode(t." + b.d.Quote(c.Column) + ", 'hex')"
	}
	return "t." + b.d.Quote(c.Column) + "::text"
}

// names is a query for the names that changed values mean.
func (b *postgresTriggers) names() string {
	var all []string
	for i := range b.t.Columns {
		c := &b.t.Columns[i]
		from, value, unsure := "changed a", "a.v", "false"
		if c.Type == "bytea" {
			value = b.helper("text") + "(a.v)"
		}
		switch c.Form {
		case JSON:
			from, value, unsure = from+", "+b.helper("strings")+"("+value+") s", "s.v", "s.unsure"
		case Array:
			from, value = from+", unnest(a.v::text[]) s (v)", "s.v"
		case Auto, Text:
		}
		if c.Prefix != "" {
			value = b.helper("prefix") + "(" + value + ", " + postgresLiteral(c.Prefix) + ")"
		}
		all = append(all, fmt.Sprintf(`SELECT r.i, CASE WHEN r.v ~ '(^|/)[.]{0,2}(/|$)' OR strpos(r.v, chr(92)) > 0 THEN %s(r.v) ELSE r.v END COLLATE "C" AS name, r.is_new, r.unsure FROM (SELECT a.i, %s AS v, a.is_new, %s AS unsure FROM %s WHERE a.i = %d) r`,
			b.helper("name"), value, unsure, from, i))
	}
	return strings.Join(all, " UNION ALL ")
}

// helper is the name of one of the helpers.
func (b *postgresTriggers) helper(event string) string {
	for _, o := range b.helpers() {
		if o.Event == event {
			return b.qualified(o.Name)
		}
	}
	return ""
}

// columns is a list of what is to be known of columns.
func (b *postgresTriggers) columns() string {
	all := make([]string, len(b.t.Columns))
	for i, c := range b.t.Columns {
		all[i] = fmt.Sprintf("(%d, %s, %s, %s, %t)", i, postgresLiteral(c.Storage), postgresLiteral(c.Model), postgresLiteral(c.Field), c.Keep)
	}
	return strings.Join(all, ", ")
}

// notIgnored is a condition for names that are taken and released.
func (b *postgresTriggers) notIgnored() string {
	var all strings.Builder
	for _, storage := range b.t.storagesOf() {
		if names := b.w.Ignored[storage]; len(names) > 0 {
			fmt.Fprintf(&all, " AND NOT (c.storage = %s AND n.name IN (%s))", postgresLiteral(storage), postgresLiterals(names))
		}
	}
	return all.String()
}

// postgresLiteral writes a text out so that no setting of a session changes what it means.
func postgresLiteral(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
}

func postgresLiterals(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = postgresLiteral(text)
	}
	return strings.Join(all, ", ")
}
