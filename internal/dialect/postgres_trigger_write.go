package dialect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// thisTable stands for the table whose trigger is running.
const thisTable = "\x00"

// postgresOnConflict is what filecleangen_outbox_write does about a row that is there. The
// triggers do the same in a statement of their own: what they have found would have to be
// written to a document, and read from it, for the function, which takes as long as all else.
var postgresOnConflict = sync.OnceValue(func() string {
	for _, version := range slices.Backward(schemaOf(postgres{}, "postgres")) {
		for _, s := range version {
			if i := strings.Index(s, "ON CONFLICT (storage, name) DO UPDATE"); i >= 0 && strings.Contains(s, "FUNCTION filecleangen_outbox_write(") {
				return s[i : i+strings.Index(s[i:], "RETURNING")]
			}
		}
	}
	panic("filecleangen: the schema of PostgreSQL has no filecleangen_outbox_write")
})

// theTime is a variable that postgresOnConflict has.
var theTime = regexp.MustCompile(`\bat\b`)

// function is the one that a table's triggers call. A plan that is made once does for all
// statements: none depends on a value, and to make one takes longer than to write a row.
func (b *postgresTriggers) function() TriggerObject {
	// Each partition that is emptied has its own trigger.
	truncated := strings.ReplaceAll(b.write(onTruncate, "ONLY "+thisTable), "%", "%%")
	truncated = strings.ReplaceAll(truncated, thisTable, "%1$I.%2$I")
	head := "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET jit = off SET plan_cache_mode = force_generic_plan"
	return b.makes("table", head, "-- "+b.t.says(b.t.Name)+"\n"+fmt.Sprintf(`-- The files that rows of %s name.
DECLARE
    at bigint := %s;
    until bigint := at + %d;
    takes bigint := 0;
    taken bigint := 0;
    wrote bigint := 0;
    changed boolean;
    more boolean;
    found_version integer;
    held tid[];
    refused record;
BEGIN
IF TG_OP = 'INSERT' THEN
%sELSIF TG_OP = 'UPDATE' THEN
    %s INTO changed, more;
    IF more AND NOT changed THEN
        changed := %s;
    END IF;
    IF changed THEN
%s    END IF;
ELSIF TG_OP = 'DELETE' THEN
    %s;
    GET DIAGNOSTICS wrote = ROW_COUNT;
ELSE
%s    EXECUTE format(%s, TG_TABLE_SCHEMA, TG_TABLE_NAME) USING at, until;
    GET DIAGNOSTICS wrote = ROW_COUNT;
END IF;
IF wrote > 0 OR takes > 0 THEN
    IF TG_OP NOT IN ('INSERT', 'UPDATE') THEN
        found_version := (SELECT version FROM %s);
    END IF;
    IF found_version IS DISTINCT FROM %d THEN
        RAISE EXCEPTION USING ERRCODE = 'FCVER', MESSAGE = 'filecleangen: the tables of the outbox have another version than the triggers; install the triggers anew';
    END IF;
END IF;
RETURN NULL;
END
`, strings.Join(strings.Fields(b.t.Name), " "), b.d.Now(), b.w.Wait.Milliseconds(), b.takeAndWrite(onInsert), b.begins(), b.changed(), b.takeAndWrite(onUpdate),
		b.write(onDelete, "filecleangen_old"), postgresSeesAll, postgresLiteral(truncated), b.qualified("filecleangen_outbox_version"), b.w.Version))
}

// postgresSeesAll refuses a TRUNCATE whose rows the trigger may not see: the snapshot of the
// transaction is older than the lock.
const postgresSeesAll = `    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', HINT = 'Run it in a transaction at READ COMMITTED, or use DELETE.',
            MESSAGE = format('filecleangen: TRUNCATE of %I at this isolation level removes rows that the transaction does not see, and their files would stay', TG_TABLE_NAME);
    END IF;
`

// write is the statement that writes what is taken and released to the outbox.
func (b *postgresTriggers) write(event, from string) string {
	state, claim, reason := "'pending'", "'r'", "deleted"
	switch event {
	case onInsert:
		state, claim, reason = "'held'", "'t'", ""
	case onUpdate:
		state, claim, reason = "CASE WHEN take THEN 'held' ELSE 'pending' END", "CASE WHEN take THEN 't' ELSE 'r' END", "updated"
	}
	model, field := "''", "''"
	if event != onInsert {
		model, field = b.label(func(c *TriggerColumn) string { return c.Model }), b.label(func(c *TriggerColumn) string { return c.Field })
	}
	at, until := "at", "until"
	if event == onTruncate { // no variables are known there
		at, until = "$1", "$2"
	}
	entry, written, after := b.entries(event, from)+" ", "", ""
	if event == onInsert || event == onUpdate {
		written, after = ", written AS (", " RETURNING o.ctid AS place, o.state, o.claim)"
	}
	return fmt.Sprintf(`%s%sINSERT INTO %s AS o (storage, name, state, reason, model, field, record, derived_from, created_at, not_before, claim)
            SELECT storage, name, %s, '%s', %s, %s, '', '', %s, %s, %s FROM entry
        %s%s`, entry, written, b.qualified("filecleangen_outbox"), state, reason, model, field, at, until, claim, theTime.ReplaceAllLiteralString(postgresOnConflict(), at), after)
}

// label is what a row of the outbox says of a release.
func (b *postgresTriggers) label(of func(c *TriggerColumn) string) string {
	return "coalesce(" + b.byColumn("i", of) + ", '')"
}

// takeAndWrite is what the function does where rows come to name files. A row of the
// outbox that was made for a take alone makes others wait until the transaction ends also
// when it is deleted.
func (b *postgresTriggers) takeAndWrite(event string) string {
	return fmt.Sprintf(`        %s
        SELECT (SELECT count(*) FROM entry WHERE take), count(*) FILTER (WHERE claim = 't'), count(*), array_agg(place) FILTER (WHERE state = 'held'), (SELECT version FROM %s)
            INTO takes, taken, wrote, held, found_version FROM written;
        IF takes <> taken THEN
            %s
            SELECT e.storage, e.name INTO refused FROM entry e JOIN %s o ON o.storage = e.storage AND o.name = e.name WHERE e.take AND o.state NOT IN ('pending', 'held') LIMIT 1;
            RAISE EXCEPTION USING ERRCODE = '%s', MESSAGE = format('%s file %%s in storage %%s', refused.name, refused.storage);
        END IF;
        IF held IS NOT NULL THEN
            DELETE FROM %[4]s WHERE ctid = ANY (held);
        END IF;
`, b.write(event, ""), b.qualified("filecleangen_outbox_version"), b.entries(event, ""), b.qualified("filecleangen_outbox"), goneState, goneText)
}

// A statement that changes other columns is to cost little. The first rows of both tables
// are compared one by one: mostly these are all rows, or differ. If they don't, all rows
// are compared as sets.
const firstRows = 100

// compared are the columns that are compared, as text.
func (b *postgresTriggers) compared() (columns []string) {
	for i := range b.t.Columns {
		column := b.text(&b.t.Columns[i]) + ` COLLATE "C"`
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	return columns
}

// begins is a query for whether the first rows have other values than before, and whether
// there are more rows.
func (b *postgresTriggers) begins() string {
	first := func(table string) string {
		return fmt.Sprintf("(SELECT array_agg(r.v) FROM (SELECT * FROM %s LIMIT %d) t CROSS JOIN LATERAL (VALUES (%s)) r (v))", table, firstRows, strings.Join(b.compared(), "), ("))
	}
	return fmt.Sprintf("SELECT %s IS DISTINCT FROM %s, EXISTS (SELECT 1 FROM filecleangen_new OFFSET %d)", first("filecleangen_new"), first("filecleangen_old"), firstRows)
}

// changed is whether the rows have other values than before, all together.
func (b *postgresTriggers) changed() string {
	columns := b.compared()
	numbers := make([]string, len(columns))
	for i := range columns {
		numbers[i] = fmt.Sprintf("a.v%d", i)
		columns[i] += fmt.Sprintf(" AS v%d, ", i)
	}
	list := strings.Join(columns, "")
	return "EXISTS (SELECT 1 FROM (SELECT " + list + "1 AS n FROM filecleangen_new t UNION ALL SELECT " + list + "-1 AS n FROM filecleangen_old t) AS a GROUP BY " + strings.Join(numbers, ", ") + " HAVING sum(a.n) <> 0)"
}
