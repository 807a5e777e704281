package triggers_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// A role with a schema of its own can't put its functions, operators, tables or types
// before those that the triggers use, which run with the rights of their owner.
func TestSearchPath(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	home, role := w.role()
	evil := "evil_" + home
	w.exec("CREATE SCHEMA " + evil + " AUTHORIZATION " + role)
	t.Cleanup(func() { _, _ = w.own.Exec("DROP SCHEMA IF EXISTS " + evil + " CASCADE") })
	w.write("a", "b", "c", "p")
	attack := []string{"SET LOCAL ROLE " + role, "SET LOCAL search_path = pg_temp, " + evil + ", pg_catalog, " + home}
	for _, schema := range []string{evil, "pg_temp"} {
		if schema == "pg_temp" {
			attack = append(attack, "CREATE TEMP TABLE filecleangen_new (cover text, banner text)", "CREATE TEMP TABLE filecleangen_old (cover text, banner text)")
		} else {
			attack = append(attack, "CREATE TABLE "+schema+".filecleangen_new (cover text)")
		}
		attack = append(attack,
			"CREATE TABLE "+schema+".filecleangen_outbox (LIKE "+home+".scan)",
			"CREATE TABLE "+schema+".filecleangen_outbox_version (version integer)",
			"CREATE TABLE "+schema+".entry (storage text, name text)",
			raising(schema, "strpos", "text, text", "integer"),
			raising(schema, "substr", "text, integer, integer", "text"),
			raising(schema, "octet_length", "text", "integer"),
			raising(schema, "chr", "integer", "text"),
			raising(schema, "unnest", "text[]", "text"),
			raising(schema, "bigger", "text, text", "boolean"),
			"CREATE OPERATOR "+schema+".<> (FUNCTION = "+schema+".bigger, LEFTARG = text, RIGHTARG = text)",
			"CREATE OPERATOR "+schema+".= (FUNCTION = "+schema+".bigger, LEFTARG = text, RIGHTARG = text)")
	}
	theirs, err := databases.Open(w.d, w.dsn) // with temporary tables, which are nobody else's
	w.must(err)
	defer func() { _ = theirs.Close() }()
	in := func(statements ...string) {
		t.Helper()
		tx, err := theirs.BeginTx(t.Context(), nil)
		w.must(err)
		w.must(execTx(t.Context(), tx, statements...))
		w.must(tx.Commit())
	}
	in(append(attack,
		"INSERT INTO "+home+".article (id, cover, banner, pages, photos) VALUES (1, 'a', 'x/../b', '{p}', '[\"p\"]')",
		"UPDATE "+home+".article SET cover = 'c', pages = NULL",
		"UPDATE "+home+".article SET banner = NULL, photos = NULL")...)
	w.wantRows("pending a", "pending b", "pending p")
	w.want("c")
	in(append(attack[:2:2], "TRUNCATE "+home+".article CASCADE")...)
	w.want("")
}

// raising makes a function that fails whoever calls it.
func raising(schema, name, arguments, result string) string {
	return "CREATE FUNCTION " + schema + "." + name + "(" + arguments + ") RETURNS " + result + " LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '" + name + " was called as %', current_user; END $$"
}

// The functions that triggers call are nobody's to call, or to put on a table that its owner
// fills with names of files that others have.
func TestFunctionsAreClosed(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	home, role := w.role()
	rows, err := w.db.QueryContext(t.Context(), "SELECT proname FROM pg_proc WHERE pronamespace = $1::regnamespace AND prosecdef", home)
	w.must(err)
	defer func() { _ = rows.Close() }()
	n := 0
	for ; rows.Next(); n++ {
		var name string
		w.must(rows.Scan(&name))
		call := "CREATE TEMP TABLE t (cover text); CREATE TRIGGER x AFTER INSERT ON t REFERENCING NEW TABLE AS filecleangen_new FOR EACH STATEMENT EXECUTE FUNCTION " + home + "." + name + "()"
		if err := w.try("SET ROLE " + role + "; " + call); state(err) != "42501" {
			t.Errorf("%s: %v", call, err)
		}
		w.exec("RESET ROLE; DROP TABLE IF EXISTS t")
	}
	if w.must(rows.Err()); n != 2 {
		t.Errorf("%d functions", n)
	}
}
