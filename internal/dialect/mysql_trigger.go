package dialect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Triggers: they are row triggers, as MySQL has no others. A trigger makes a list of the
// names that its row had and has in columns that changed, each an entry as
// filecleangen_..._names returns it, and has the procedures in the schema of the outbox do
// the rest. What the schema of the outbox has is named without it by tables there, so that
// a copy of the database under another name has its own.
func (d mysql) Triggers(ctx context.Context, db Queryer, w TriggerWriter, t TriggerTable) ([]TriggerObject, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	home, err := d.Home(ctx, db)
	if err != nil {
		return nil, err
	}
	if err := d.canHaveTriggers(ctx, db, t.Name); err != nil {
		return nil, err
	}
	b := mysqlTriggers{d: d, w: &w, t: &t, home: home, helpers: d.triggerHelpers(&w)}
	triggers, err := b.cascades(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, event := range []string{onInsert, onUpdate, onDelete} {
		triggers = append(triggers, b.trigger(t.Name, event, "AFTER "+strings.ToUpper(event), b.body(event)))
	}
	return slices.Concat(b.helpers, b.inSchemas(triggers), triggers), nil
}

// Unseen: foreign_key_checks is turned off for a moment, and by who means it.
func (mysql) Unseen(context.Context, Queryer) (string, error) { return "", nil }

// inSchemas returns what says in which other schemas triggers are.
func (b *mysqlTriggers) inSchemas(triggers []TriggerObject) (all []TriggerObject) {
	for i := range triggers {
		if schema, _, _ := strings.Cut(triggers[i].Table, "."); schema != b.home {
			all = append(all, b.d.inSchema(b.w, schema)) // the same again is made once, see wantedTriggers
		}
	}
	return all
}

// canHaveTriggers makes sure that a table is one that rows are in, and is rolled back with the outbox.
func (d mysql) canHaveTriggers(ctx context.Context, db Queryer, table string) error {
	schema, name, _ := strings.Cut(table, ".")
	var kind, engine, transactions string
	s := New(d, "SELECT t.table_type, coalesce(t.engine, ''), coalesce((SELECT e.transactions FROM information_schema.engines e WHERE e.engine = t.engine), '') FROM information_schema.tables t").
		Add(" WHERE t.table_schema = ? AND t.table_name = ?", schema, name)
	if err := QueryRow(ctx, db, s, &kind, &engine, &transactions); err != nil {
		return err
	}
	switch {
	case strings.Contains(kind, "VIEW"):
		return fmt.Errorf("%s is a view, on which no trigger can be: name the tables that its rows are in, by references.Table", table)
	case kind == "SEQUENCE":
		return fmt.Errorf("%s is a sequence, whose numbers name no files", table)
	case transactions != "YES":
		return fmt.Errorf("%s is a table of %s, whose rows stay when a transaction is rolled back or a name is refused: make it one of InnoDB", table, engine)
	}
	return nil
}

// LockTimeout: it is a number of seconds. Exclusively sets what was before.
func (mysql) LockTimeout(d time.Duration) []string {
	return []string{"SET SESSION lock_wait_timeout = " + strconv.Itoa(max(int(d.Seconds()), 1))}
}

func (mysql) LockRefused(err error) bool { return hasCode(err, "1205", "1213") }

// TriggerHint is about what a user must have and be to make triggers.
func (mysql) TriggerHint(err error) string {
	switch {
	case hasCode(err, "1418", "1419"):
		return "the server writes a binary log, and lets nobody without SUPER make triggers: set log_bin_trust_function_creators = 1 on it (what these triggers do is the same with any binlog_format that is not STATEMENT), or install them as a user with that privilege"
	case hasCode(err, "1142", "1044", "1227", "1370"):
		return "who installs triggers needs TRIGGER and SELECT on the tables, and CREATE ROUTINE, ALTER ROUTINE, EXECUTE, SELECT, INSERT, UPDATE and DELETE in the schema of the outbox; the triggers have that user's rights, whoever changes rows"
	}
	return ""
}

// hasCode reports whether an error, which may have something in front, has one of some numbers.
func hasCode(err error, codes ...string) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if slices.Contains(codes, errorCode(err)) {
			return true
		}
	}
	return false
}

func (d mysql) dropTrigger(kind, schema, name string) string {
	return "DROP " + kind + " IF EXISTS " + quote(schema, "`") + "." + d.Quote(name)
}

// mysqlIfNotExists is IF NOT EXISTS where the server has it.
const mysqlIfNotExists = "/*M!100104 IF NOT EXISTS */ /*!80029 IF NOT EXISTS */ "

// mysqlTriggers writes the triggers of one table.
type mysqlTriggers struct {
	d       mysql
	w       *TriggerWriter
	t       *TriggerTable
	home    string // the schema of the outbox
	helpers []TriggerObject
}

// trigger returns a trigger on a table. Its text has no name of the schema of the outbox: a
// dump has the text as it was, also for a database of another name.
func (b *mysqlTriggers) trigger(table, event, when, body string) TriggerObject {
	schema, name, _ := strings.Cut(table, ".")
	home, at := "", ""
	if schema != b.home {
		home, at = quote(b.home, "`")+".", quote(schema, "`")+"."
	}
	text := when + " ON " + quote(name, "`") + " FOR EACH ROW\n" + strings.ReplaceAll(body, mysqlHome, home)
	o := TriggerObject{Name: triggerName(b.w, text, event), Table: table, Event: event}
	o.Create = "CREATE TRIGGER " + mysqlIfNotExists + at + quote(o.Name, "`") + " " + strings.Replace(text, " ON ", " ON "+at, 1)
	o.Drop = b.d.dropTrigger("TRIGGER", schema, o.Name)
	return o
}

// mysqlHome stands for the schema of the outbox in the text of a trigger.
const mysqlHome = "\x00"

// helper is the name of one of the helpers.
func (b *mysqlTriggers) helper(event string) string {
	for _, o := range b.helpers {
		if o.Event == event {
			return mysqlHome + b.d.Quote(o.Name)
		}
	}
	return ""
}

// mysqlReasons are what a row of the outbox says of a release.
var mysqlReasons = map[string]string{onInsert: "", onUpdate: "updated", onDelete: "deleted"}

// mysqlUnreadable are the errors for a value with a character that Unicode does not have: a
// program can't read it either.
const mysqlUnreadable = "1300, 1977, 3854"

// body is what a trigger does. Rows are compared byte by byte, whatever the collation of
// a column is.
func (b *mysqlTriggers) body(event string) string {
	var s strings.Builder
	add := func(i int, row string) string {
		return "SET part = " + b.names(row, i) + ";\n            SET found = CONCAT(found, part);"
	}
	s.WriteString("BEGIN\n    DECLARE found LONGTEXT CHARACTER SET ascii DEFAULT '';\n    DECLARE part LONGTEXT CHARACTER SET ascii;\n" +
		b.says() + "    BEGIN\n        DECLARE CONTINUE HANDLER FOR " + mysqlUnreadable + " SET part = '';\n")
	for i := range b.t.Columns {
		c := &b.t.Columns[i]
		switch column := b.d.Quote(c.Column); {
		case event == onInsert:
			fmt.Fprintf(&s, "        IF NEW.%s IS NOT NULL THEN\n            %s\n        END IF;\n", column, add(i, "NEW."))
		case event == onUpdate:
			fmt.Fprintf(&s, "        IF NOT (%s <=> %s) THEN\n            %s\n            %s\n        END IF;\n",
				b.bytes("OLD."+column, c), b.bytes("NEW."+column, c), add(i, "OLD."), add(i, "NEW."))
		case !c.Keep:
			fmt.Fprintf(&s, "        IF OLD.%s IS NOT NULL THEN\n            %s\n        END IF;\n", column, add(i, "OLD."))
		}
	}
	s.WriteString("    END;\n" + b.change(mysqlReasons[event]) + "END")
	return s.String()
}

// says is a line that does nothing but say what is tracked: the command mysql leaves out
// comments. It has the table without the schema of the outbox, see Triggers.
func (b *mysqlTriggers) says() string {
	table := b.t.Name
	if name, is := strings.CutPrefix(table, b.home+"."); is {
		table = "." + name
	}
	return "    IF FALSE THEN SET part = '" + b.t.says(table) + "'; END IF;\n"
}

// change does what the names ask for. A list that is longer than the server lets it be is
// NULL.
func (b *mysqlTriggers) change(reason string) string {
	labels := make([]string, len(b.t.Columns))
	for i, c := range b.t.Columns {
		labels[i] = fmt.Sprintf("%X.%X.%X", c.Storage, c.Model, c.Field)
	}
	return fmt.Sprintf("    IF NOT (found <=> '') THEN CALL %s(found, '%s', '%s'); END IF;\n", b.helper("change"), strings.Join(labels, ","), reason)
}

// names is a list of what a value of a column names. An entry of it has one digit for what
// is to be done, see [mysqlTook], four for the column, four for the storage, and the name in
// hexadecimal.
func (b *mysqlTriggers) names(row string, i int) string {
	c := &b.t.Columns[i]
	side := mysqlTook
	switch {
	case row == "OLD." && c.Keep:
		side = mysqlKept
	case row == "OLD.":
		side = mysqlReleased
	}
	return b.namesOf(row+b.d.Quote(c.Column), side, i)
}

// What an entry stands for: a name that a row had, that it has, or that it had in a column
// whose files are kept. Released comes first: of several entries with a name the least counts.
const (
	mysqlReleased = 0
	mysqlTook     = 1
	mysqlKept     = 2
)

func (b *mysqlTriggers) namesOf(value string, side, i int) string {
	c := &b.t.Columns[i]
	storage := slices.Index(b.t.storagesOf(), c.Storage)
	prefix := "NULL"
	if c.Prefix != "" {
		prefix = bytesOf(c.Prefix)
	}
	helper, keys := "names", ""
	if c.Form == JSON {
		helper, keys = "strings", ", '"+hexList(c.keys())+"'"
	}
	return fmt.Sprintf("%s('%d%04d%04d', %s, '%s', %t, %s%s)", b.helper(helper), side, i+1, storage, prefix, hexList(b.w.Ignored[c.Storage]), c.Charset != "", b.text(value, c), keys)
}

// hexList is a list in which each text has a comma before and after it.
func hexList(texts []string) string {
	var all strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&all, ",%X,", text)
	}
	return all.String()
}

// text is an expression for what a program reads of a value, in the bytes of UTF-8.
func (b *mysqlTriggers) text(value string, c *TriggerColumn) string {
	switch {
	case c.Charset != "" || c.Type == "json":
		value = "CAST(CONVERT(" + value + " USING utf8mb4) AS BINARY)"
	case c.isBytes():
		value = "CAST(" + value + " AS BINARY)"
	default:
		value = "CAST(CAST(" + value + " AS CHAR CHARACTER SET utf8mb4) AS BINARY)"
	}
	switch c.Type {
	case "char":
		return "TRIM(TRAILING x'20' FROM " + value + ")"
	case "binary":
		return "TRIM(TRAILING x'00' FROM " + value + ")"
	}
	return value
}

// bytes is an expression for a value as it is compared.
func (b *mysqlTriggers) bytes(value string, c *TriggerColumn) string {
	if c.Charset != "" || c.isBytes() {
		return "CAST(" + value + " AS BINARY)"
	}
	return b.text(value, c)
}

// isBytes reports whether a column's values are bytes.
func (c *TriggerColumn) isBytes() bool {
	return strings.HasSuffix(c.Type, "binary") || strings.HasSuffix(c.Type, "blob")
}
