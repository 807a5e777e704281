package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
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
	encoding, err := d.Home(ctx, db)
	if err != nil {
		return nil, err
	}
	b := postgresTriggers{d: d, w: &w, t: &t, home: home, anyBytes: encoding == "SQL_ASCII"}
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

// Unseen: who may set session_replication_role knows what it does.
func (postgres) Unseen(context.Context, Queryer) (string, error) { return "", nil }

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
		Add("?)::oid UNION SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid)", d.QuoteTable(table)).
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

// postgresTriggers writes the functions and triggers of one table.
type postgresTriggers struct {
	d        postgres
	w        *TriggerWriter
	t        *TriggerTable
	home     string // the schema of the outbox
	anyBytes bool   // whether a text can be what is no UTF-8
}

// events are what a trigger says of itself.
var postgresEvents = map[string]string{
	onInsert:   "AFTER INSERT ON %s REFERENCING NEW TABLE AS filecleangen_new",
	onUpdate:   "AFTER UPDATE ON %s REFERENCING OLD TABLE AS filecleangen_old NEW TABLE AS filecleangen_new",
	onDelete:   "AFTER DELETE ON %s REFERENCING OLD TABLE AS filecleangen_old",
	onTruncate: "BEFORE TRUNCATE ON %s",
}

func (b *postgresTriggers) trigger(table, event, function string) TriggerObject {
	body := fmt.Sprintf(postgresEvents[event], b.d.QuoteTable(table)) + " FOR EACH STATEMENT EXECUTE FUNCTION " + b.qualified(function) + "()"
	name := triggerName(b.w, body, event)
	return TriggerObject{Name: name, Table: table, Event: event, Create: "CREATE TRIGGER " + b.d.Quote(name) + " " + body,
		Drop: "DROP TRIGGER IF EXISTS " + b.d.Quote(name) + " ON " + b.d.QuoteTable(table)}
}

// qualified is the name of a function in the schema of the outbox.
func (b *postgresTriggers) qualified(function string) string {
	return quote(b.home, `"`) + "." + quote(function, `"`)
}

// makes returns a function, which belongs to who makes it, whoever had one of its name before.
// Nobody needs a right to call what a trigger calls. What that calls in turn is everybody's
// to call, as the triggers may come to be another owner's.
func (b *postgresTriggers) makes(event, head, body string) TriggerObject {
	text := head + " SET search_path = pg_catalog, pg_temp AS " + postgresDollars("\n"+body)
	name := triggerName(b.w, b.home+text, event)
	arguments, _, _ := strings.Cut(head, " ")
	create := "CREATE OR REPLACE FUNCTION " + b.qualified(name) + text + ";\nALTER FUNCTION " + b.qualified(name) + arguments + " OWNER TO CURRENT_USER"
	if strings.Contains(head, " SECURITY DEFINER ") {
		create += ";\nREVOKE ALL ON FUNCTION " + b.qualified(name) + arguments + " FROM PUBLIC"
	}
	return TriggerObject{Name: name, Event: event, Create: create, Drop: "DROP FUNCTION IF EXISTS " + b.qualified(name)}
}

// postgresDollars writes a text out between dollars, whatever names are in it.
func postgresDollars(text string) string {
	tag := "$filecleangen$"
	for n := 1; strings.Contains(text, tag); n++ {
		tag = fmt.Sprintf("$filecleangen%d$", n)
	}
	return tag + text + tag
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
