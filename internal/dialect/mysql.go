package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mysql is MySQL, 8.0.19 or later, and MariaDB, 10.6 or later.
type mysql struct{}

func (mysql) String() string { return "MySQL" }

func (mysql) Now() string {
	return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
}

func (mysql) Quote(name string) string { return quote(name, "`") }

func (mysql) Bind(int) string { return "?" }

func (mysql) Again(int) string { return "" }

func (mysql) KeepExisting(column string) string {
	return " ON DUPLICATE KEY UPDATE " + column + " = " + column
}

func (mysql) Lock() string { return " FOR UPDATE" }

func (mysql) SkipLocked() string { return " FOR UPDATE SKIP LOCKED" }

// Among: see Write.
func (mysql) Among(s *Statement, names []string) *Statement {
	for i, name := range names {
		s.Raw([]string{" IN (", ","}[min(i, 1)] + bytesOf(name))
	}
	return s.Raw(")")
}

func (mysql) Revision() string { return "0" }

func (mysql) ForceIndex(name string) string { return " FORCE INDEX (" + name + ")" }

func (d mysql) DeleteByKey(table string) string {
	return "DELETE " + table + " FROM " + table + d.ForceIndex("PRIMARY")
}

// Stale: 40001 of PostgreSQL is error 1020 of a MariaDB with innodb_snapshot_isolation.
func (mysql) Stale(err error) bool { return errorCode(err) == "1020" }

func (mysql) OneWriter() bool { return false }

// errorCode returns the number of an error of the server, with which its text begins:
// drivers have it in fields of their own.
func errorCode(err error) string {
	if err == nil {
		return ""
	}
	rest, _ := strings.CutPrefix(err.Error(), "Error ")
	return rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
}

func (d mysql) Home(ctx context.Context, db Queryer) (home string, err error) {
	err = QueryRow(ctx, db, New(d, "SELECT coalesce(DATABASE(), '')"), &home)
	return home, err
}

func (d mysql) Transaction(ctx context.Context, s Session, do func(Handle) error) error {
	return d.within(ctx, s, "START TRANSACTION READ WRITE", do)
}

func (d mysql) Reading(ctx context.Context, s Session, do func(Handle) error) error {
	return d.within(ctx, s, "START TRANSACTION READ ONLY", do)
}

// mysqlSettings are what a session may have been told that changes what is seen,
// or what a statement means. What transaction there may be has ended before.
const mysqlSettings = `completion_type = 0, sql_mode = 'STRICT_ALL_TABLES', sql_select_limit = 18446744073709551615,
	max_join_size = 18446744073709551615, sql_big_selects = 1, sql_auto_is_null = 0, sql_safe_updates = 0, unique_checks = 1, lock_wait_timeout = 5
	/*M!100100 , max_statement_time = 0, system_versioning_asof = DEFAULT, in_predicate_conversion_threshold = 0 */ /*!80019 , max_execution_time = 0 */`

func (d mysql) within(ctx context.Context, s Session, begin string, do func(Handle) error) error {
	c, err := s.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return between(ctx, c, []string{"ROLLBACK AND NO CHAIN NO RELEASE", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET SESSION autocommit = 0, " + mysqlSettings,
		"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", begin, "SAVEPOINT filecleangen_whole"}, "COMMIT", "ROLLBACK", func() error {
		err := d.prove(ctx, c, s.Home)
		if err == nil {
			err = do(c)
		}
		if err != nil {
			return err
		}
		// After a deadlock, the transaction with all its locks is gone, and statements go on
		// in the next one.
		if _, err := c.ExecContext(ctx, "RELEASE SAVEPOINT filecleangen_whole"); err != nil {
			return fmt.Errorf("the database has ended the transaction: %w", err)
		}
		return nil
	})
}

// prove makes sure that the session is in the right database, that this is one
// which is written to, and that its clock is the server's.
func (d mysql) prove(ctx context.Context, c *sql.Conn, home string) error {
	var at string
	var copied bool
	var slow int64
	s := New(d, "SELECT coalesce(DATABASE(), ''), @@GLOBAL.read_only <> 0, abs(TIMESTAMPDIFF(SECOND, SYSDATE(), NOW()))")
	if err := QueryRow(ctx, c, s, &at, &copied, &slow); err != nil {
		return err
	}
	switch {
	case copied:
		return errors.New("the server is read-only, as replicas are, which may be behind the one that programs write to: give the handle of that one")
	case at != home:
		return fmt.Errorf("the connection has come to be in database %q, not %q, by a USE: give the outbox and the references a handle that nothing else uses", at, home)
	case slow > 60:
		_, err := c.ExecContext(ctx, "SET SESSION timestamp = DEFAULT")
		return err
	}
	return nil
}

func (mysql) Typed() bool { return false }

func (d mysql) Column(ctx context.Context, db Queryer, table, column string, form Form, _ bool) (Source, error) {
	schema, name, qualified := strings.Cut(table, ".")
	src := Source{Table: table, Column: column, Form: form}
	if !qualified {
		var err error
		if schema, err = d.Home(ctx, db); err != nil {
			return src, err
		}
		name = table
	}
	// The catalogue opens all tables of all databases but for those that are named, each time.
	var kind string
	err := QueryRow(ctx, db, New(d, `SELECT concat(c.table_schema, '.', c.table_name), c.data_type, coalesce(c.character_set_name, ''), coalesce(c.collation_name, ''), coalesce(c.character_maximum_length, 0), t.table_type,`).
		Add("coalesce((SELECT group_concat(k.column_name ORDER BY k.seq_in_index SEPARATOR ',') FROM information_schema.statistics k WHERE k.table_schema = ? AND k.table_name = ? AND k.index_name = 'PRIMARY'), '')", schema, name).
		Add(" FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = ? AND t.table_name = ?", schema, name).
		Add(" WHERE c.table_schema = ? AND c.table_name = ? AND lower(CONVERT(c.column_name USING utf8mb4)) COLLATE utf8mb4_bin = lower(?)", schema, name, column),
		&src.Table, &src.Type, &src.Charset, &src.Collation, &src.Length, &kind, &src.Key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return src, d.missing(ctx, db, src)
	case err != nil:
		return src, err
	case slices.Contains([]string{"enum", "set", "float", "double", "bit"}, strings.ToLower(src.Type)):
		return src, fmt.Errorf("columns of type %s can't be read; see references.Func", src.Type)
	}
	src.Type, src.Form = strings.ToLower(src.Type), form
	return src, d.visible(ctx, db, src.Table)
}

// missing returns why a column is not in the catalogue, which shows nobody what he
// has no right to.
func (d mysql) missing(ctx context.Context, db Queryer, src Source) error {
	err := QueryAll(ctx, db, New(d, "SELECT r."+d.Quote(src.Column)+" FROM "+d.Quote(src.Table)+" r LIMIT 0"), func(*sql.Rows) error { return nil })
	if slices.Contains([]string{"1146", "1054", "1049"}, errorCode(err)) { // no such table, column, database
		return ErrNoColumn
	}
	return errors.Join(errors.New("the catalogue does not show it"), err)
}

// visible makes sure that no temporary table hides another one: it comes first also
// where the schema is named.
func (d mysql) visible(ctx context.Context, db Queryer, table string) error {
	text, err := d.creating(ctx, db, table)
	if err == nil && strings.HasPrefix(text, "CREATE TEMPORARY") {
		err = fmt.Errorf("a temporary table hides %s on this connection: give the outbox and the references a handle that nothing else uses", table)
	}
	return err
}

// creating returns the statement that would make a table or a view.
func (d mysql) creating(ctx context.Context, db Queryer, table string) (text string, err error) {
	err = QueryAll(ctx, db, New(d, "SHOW CREATE TABLE "+d.Quote(table)), func(rows *sql.Rows) error {
		columns, err := rows.Columns() // of a view it has more
		if err != nil {
			return err
		}
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		err = rows.Scan(into...)
		text = values[1].String
		return err
	})
	return text, err
}

// Shape is the statements that would make the tables, but for where they count keys. A
// view does not say of which types its columns are.
func (d mysql) Shape(ctx context.Context, db Queryer, tables []string) (string, error) {
	var all strings.Builder
	for _, table := range tables {
		if !strings.Contains(table, ".") {
			continue // it is always in the same database, see prove
		}
		text, err := d.creating(ctx, db, table)
		if err != nil {
			return "", err
		}
		if !strings.HasPrefix(text, "CREATE TABLE ") {
			return "", fmt.Errorf("%s is no table", table)
		}
		all.WriteString(autoIncrement.ReplaceAllString(text, "") + "\n")
	}
	return all.String(), nil
}

// autoIncrement changes with each row.
var autoIncrement = regexp.MustCompile(` AUTO_INCREMENT=[0-9]+`)

// Find sends names in hexadecimal, and takes values as bytes: a connection may have
// any character set, and would change them on the way.
func (d mysql) Find(s *Statement, src Source, values *Values, limit string) {
	if src.Form == Text {
		d.findText(s, src, values.List, limit, "utf8mb4")
		if other := slices.DeleteFunc(slices.Clone(values.List), func(v string) bool { return !notASCII(v) }); len(other) > 0 && src.Charset != "" {
			// Programs with a connection in latin1 write UTF-8 that the server takes for that.
			s.Raw(" UNION ALL ")
			d.findText(s, src, other, limit, "latin1")
		}
		return
	}
	s.Raw(selects(d.document(src, "t.c")) + " FROM " + someRows(d, src, limit))
	if parts := values.few(); len(parts) > 0 && d.isASCII(src) {
		s.Raw(` WHERE INSTR(CAST(t.c AS BINARY), x'5c') > 0`)
		for _, part := range parts {
			s.Add(" OR INSTR(CAST(t.c AS BINARY), UNHEX(?)) > 0", fmt.Sprintf("%X", part))
		}
	}
}

// document is what a document in a column is, and an expression for it in UTF-8.
func (mysql) document(src Source, column string) (Match, string) {
	switch src.Charset {
	case "":
		return Document, column
	case "utf8mb4", "utf8mb3", "utf8", "ascii":
		return Mistaken, column
	}
	return Mistaken, "CONVERT(" + column + " USING utf8mb4)"
}

// isASCII reports whether an ASCII character is one byte, that character's, in a
// column, and no part of another one.
func (mysql) isASCII(src Source) bool {
	return slices.Contains([]string{"", "utf8mb4", "utf8mb3", "utf8", "ascii", "latin1", "binary"}, src.Charset)
}

// findText looks for values that a program sees whose connection has a character
// set. They are compared in the set of the column, for its index to be used.
func (d mysql) findText(s *Statement, src Source, values []string, limit, set string) {
	column, rows := plainRows(d, src, limit)
	match, value := Exactly, "CAST("+column+" AS BINARY)"
	wanted := "UNHEX(?)"
	switch {
	case src.Charset != "":
		value = "CAST(CONVERT(" + column + " USING " + set + ") AS BINARY)"
		wanted = "CONVERT(CONVERT(UNHEX(?) USING " + set + ") USING " + src.Charset + ") COLLATE " + src.Collation
	case src.Type == "binary":
		wanted = fmt.Sprintf("RPAD(UNHEX(?), %d, x'00')", src.Length)
	case !strings.HasSuffix(src.Type, "binary") && !strings.HasSuffix(src.Type, "blob"):
		value, wanted = "CAST(CAST("+column+" AS CHAR) AS BINARY)", "CONVERT(UNHEX(?) USING utf8mb4)"
	}
	if src.Type == "char" || src.Type == "binary" {
		match = Padded
	}
	s.Raw(distinct(match, value) + " FROM " + rows + " WHERE " + column + " IN ")
	inHex(s, wanted, values)
}

// inHex appends a list of arguments in parentheses, each in an expression.
func inHex(s *Statement, expression string, values []string) {
	for i, v := range values {
		s.Raw([]string{"(", ", "}[min(i, 1)]).Add(expression, fmt.Sprintf("%X", v))
	}
	s.Raw(")")
}

func (d mysql) FindTails(s *Statement, src Source, prefix string) {
	_, value := d.document(src, "t.c")
	value = "CAST(" + value + " AS BINARY)"
	if src.Type == "binary" {
		value = "TRIM(TRAILING x'00' FROM " + value + ")"
	}
	rest := fmt.Sprintf("SUBSTRING(%s, %d)", value, len(prefix)+1)
	s.Raw(distinct(Exactly, value)+" FROM "+someRows(d, src, "")).Add(" WHERE LEFT("+value+", "+strconv.Itoa(len(prefix))+") = UNHEX(?)", fmt.Sprintf("%X", prefix)).
		Raw(" AND (LEFT(" + rest + ", 1) IN (x'2f', x'2e') OR RIGHT(" + rest + ", 1) = x'2f'")
	for _, part := range []string{"?", "#", "%", `\`, "//", "/."} {
		s.Raw(fmt.Sprintf(" OR INSTR(%s, x'%x') > 0", rest, part))
	}
	s.Raw(")")
}

func (d mysql) List(s *Statement, src Source) {
	s.Raw(selects(d.listed(src, "t.c")) + " FROM " + someRows(d, src, ""))
}

// listed is how a value is listed.
func (d mysql) listed(src Source, column string) (Match, string) {
	match, value := d.document(src, column)
	switch {
	case src.Form == JSON:
		return match, value
	case src.Type == "char" || src.Type == "binary":
		return Padded, value
	}
	return Exactly, value
}

func (d mysql) Keyed(src Source) *Statement {
	match, value := d.listed(src, "r."+d.Quote(src.Column))
	return keyed(d, src, func(column string) string { return "CAST(" + column + " AS CHAR)" }, match, value)
}

func (mysql) Doubt(Session, string) error { return nil } // all character sets are asked for

func (d mysql) Schema() [][]string { return schemaOf(d, "mysql") }

// Repeated: a table, column, key or primary key is there, or one that is to be dropped
// is not. A statement changes all or nothing.
func (mysql) Repeated(err error) bool {
	return slices.Contains([]string{"1050", "1060", "1061", "1068", "1091"}, errorCode(err))
}

// HasTable: the catalogue does not show what one has no right to.
func (d mysql) HasTable(ctx context.Context, db Queryer, table string) (bool, error) {
	err := QueryAll(ctx, db, New(d, "SELECT 1 FROM "+d.Quote(table)+" LIMIT 0"), func(*sql.Rows) error { return nil })
	if errorCode(err) == "1146" {
		return false, nil
	}
	return err == nil, err
}

// Exclusively: what changes a schema can't be rolled back.
func (d mysql) Exclusively(ctx context.Context, c *sql.Conn, name string, do func() error) error {
	lock := "MD5(concat(DATABASE(), ' " + name + "'))" // the names of locks are those of all databases
	release := "SET SESSION lock_wait_timeout = DEFAULT, @filecleangen_released = RELEASE_LOCK(" + lock + ")"
	return between(ctx, c, []string{"ROLLBACK AND NO CHAIN NO RELEASE", "SET SESSION autocommit = 1, " + mysqlSettings}, release, release, func() error {
		var got sql.NullInt64
		if err := QueryRow(ctx, c, New(d, "SELECT GET_LOCK("+lock+", 60)"), &got); err != nil {
			return err
		}
		if got.Int64 != 1 {
			return errors.New("another process has been at it for a minute; is it still there?")
		}
		return do()
	})
}
