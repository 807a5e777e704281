package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// cascades returns triggers on tables whose rows, when they are deleted or get another key,
// have the database delete or change rows of the tracked one: what foreign keys do fires no
// triggers. They release what the rows name, which they read with a lock: the database
// changes also those that the transaction's snapshot does not show. To release too much does
// no harm, as relays ask the rows. A parent has one trigger for each event and tracked table.
func (b *mysqlTriggers) cascades(ctx context.Context, db Queryer) ([]TriggerObject, error) {
	if fire, err := b.d.cascadesFire(ctx, db); err != nil || fire {
		return nil, err
	}
	f := foreignKeys{d: b.d, known: map[string][]foreignKey{}}
	if err := b.checkComputed(ctx, db, &f); err != nil {
		return nil, err
	}
	chains, err := b.chains(ctx, db, &f)
	if err != nil {
		return nil, err
	}
	tag := letters(shortHash(strings.TrimPrefix(b.t.Name, b.home+"."), 8))
	var all []TriggerObject
	for _, parent := range parentsOf(chains) {
		if body := b.cascadeBody(parent, chains[parent]); body != "" {
			all = append(all, b.trigger(parent, "cascade"+tag, "BEFORE DELETE", "BEGIN\n"+body+"END"))
		}
		released, taken, err := b.keyBodies(ctx, db, &f, parent, chains[parent])
		if err != nil {
			return nil, err
		}
		if released != "" {
			all = append(all, b.trigger(parent, "cascadenull"+tag, "BEFORE UPDATE", "BEGIN\n"+released+"END"))
		}
		if taken != "" {
			all = append(all, b.trigger(parent, "cascadekey"+tag, "AFTER UPDATE", "BEGIN\n"+taken+"END"))
		}
	}
	return all, nil
}

// cascadesFire reports whether what foreign keys do fires triggers, as it can on MySQL 9.7.
func (d mysql) cascadesFire(ctx context.Context, db Queryer) (fire bool, err error) {
	err = QueryAll(ctx, db, New(d, "SHOW GLOBAL VARIABLES LIKE 'enable_cascade_triggers'"), func(rows *sql.Rows) error {
		var name, value string
		err := rows.Scan(&name, &value)
		fire = value == "ON" || value == "1"
		return err
	})
	return fire, err
}

// letters writes hexadecimal digits with letters only.
func letters(digits string) string {
	return strings.Map(func(r rune) rune {
		if r <= '9' {
			return r - '0' + 'a'
		}
		return r - 'a' + 'k'
	}, digits)
}

// foreignKey is one of a table.
type foreignKey struct {
	name                string
	child, parent       string // with their schemas
	columns, referenced []string
	onDelete, onUpdate  string
}

// foreignKeys are those of tables, by their names.
type foreignKeys struct {
	d     mysql
	known map[string][]foreignKey
}

// of returns the foreign keys of a table.
func (f *foreignKeys) of(ctx context.Context, db Queryer, table string) ([]foreignKey, error) {
	if keys, ok := f.known[table]; ok {
		return keys, nil
	}
	schema, name, _ := strings.Cut(table, ".")
	s := New(f.d, "SELECT k.constraint_name, k.column_name, concat(k.referenced_table_schema, '.', k.referenced_table_name), k.referenced_column_name, r.delete_rule, r.update_rule FROM information_schema.key_column_usage k").
		Add(" JOIN information_schema.referential_constraints r ON r.constraint_schema = ? AND r.table_name = ? AND r.constraint_name = k.constraint_name", schema, name).
		Add(" WHERE k.table_schema = ? AND k.table_name = ? AND k.referenced_table_name IS NOT NULL ORDER BY k.constraint_name, k.ordinal_position", schema, name)
	var keys []foreignKey
	err := QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		k := foreignKey{child: table}
		var column, referenced string
		if err := rows.Scan(&k.name, &column, &k.parent, &referenced, &k.onDelete, &k.onUpdate); err != nil {
			return err
		}
		if len(keys) == 0 || keys[len(keys)-1].name != k.name {
			keys = append(keys, k)
		}
		last := &keys[len(keys)-1]
		last.columns, last.referenced = append(last.columns, column), append(last.referenced, referenced)
		return nil
	})
	f.known[table] = keys
	return keys, err
}

// checkComputed makes sure that foreign keys change no column that a tracked one is computed
// from.
func (b *mysqlTriggers) checkComputed(ctx context.Context, db Queryer, f *foreignKeys) error {
	keys, err := f.of(ctx, db, b.t.Name)
	if err != nil || len(keys) == 0 {
		return err
	}
	expressions, err := b.expressions(ctx, db)
	for _, k := range keys {
		changes := k.onDelete == "SET NULL" || k.onUpdate == "SET NULL" || k.onUpdate == "CASCADE"
		if changes && slices.ContainsFunc(k.columns, func(column string) bool { return strings.Contains(expressions, b.d.Quote(column)) }) {
			return fmt.Errorf("a foreign key that fires no triggers changes a column that names of files are computed from: %s; let it be ON DELETE and ON UPDATE RESTRICT, or store the names", chain{k})
		}
	}
	return err
}

// expressions are those that tracked columns are computed by, and those that these need.
func (b *mysqlTriggers) expressions(ctx context.Context, db Queryer) (all string, err error) {
	schema, name, _ := strings.Cut(b.t.Name, ".")
	of := map[string]string{}
	s := New(b.d, "SELECT column_name, generation_expression FROM information_schema.columns").
		Add(" WHERE table_schema = ? AND table_name = ? AND generation_expression <> ''", schema, name)
	err = QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		var column, expression string
		err := rows.Scan(&column, &expression)
		of[column] = expression
		return err
	})
	for range len(of) { // at most so many steps lead from one to the next
		for column, expression := range of {
			if b.tracks([]string{column}) || strings.Contains(all, b.d.Quote(column)) {
				all += expression
				delete(of, column)
			}
		}
	}
	return all, err
}

// A chain is foreign keys from the tracked table to one of whose rows others depend.
type chain []foreignKey

// String names the tables and keys of a chain.
func (c chain) String() string {
	var s strings.Builder
	for _, k := range slices.Backward(c) {
		fmt.Fprintf(&s, "%s (%s of %s) -> ", k.parent, k.name, k.child)
	}
	return s.String() + c[0].child
}

func parentsOf(chains map[string][]chain) (parents []string) {
	for p := range chains {
		parents = append(parents, p)
	}
	slices.Sort(parents)
	return parents
}

// chains returns the chains by which rows of the tracked table change or go, by the table
// that they begin at.
func (b *mysqlTriggers) chains(ctx context.Context, db Queryer, f *foreignKeys) (map[string][]chain, error) {
	all := map[string][]chain{}
	var walk func(table string, below chain) error
	walk = func(table string, below chain) error {
		keys, err := f.of(ctx, db, table)
		if err != nil {
			return err
		}
		for _, k := range keys {
			c := append(slices.Clone(below), k)
			if !b.follows(c) {
				continue
			}
			if k.parent == b.t.Name || slices.ContainsFunc(c, func(o foreignKey) bool { return o.child == k.parent }) {
				return fmt.Errorf("foreign keys that fire no triggers lead round in a circle, so that it can't be said how many rows a statement deletes: %s; delete these rows in the program, with ON DELETE RESTRICT, and install the triggers then, or use a batch for this table", c)
			}
			all[k.parent] = append(all[k.parent], c)
			if k.onDelete == "CASCADE" || k.onDelete == "SET NULL" {
				if err := walk(k.parent, c); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return all, walk(b.t.Name, nil)
}

// follows reports whether what is done to the parent of a chain's last key reaches names of
// the tracked table.
func (b *mysqlTriggers) follows(c chain) bool {
	last := c[len(c)-1]
	if len(c) > 1 {
		return last.onDelete == "CASCADE" && (c[0].onDelete == "CASCADE" || c[0].onDelete == "SET NULL" && b.tracks(c[0].columns))
	}
	return last.onDelete == "CASCADE" || b.tracks(last.columns) &&
		(last.onDelete == "SET NULL" || last.onUpdate == "CASCADE" || last.onUpdate == "SET NULL")
}

// tracks reports whether one of some columns is tracked.
func (b *mysqlTriggers) tracks(columns []string) bool {
	return slices.ContainsFunc(b.t.Columns, func(c TriggerColumn) bool { return slices.Contains(columns, c.Column) })
}

// cascadeBody is what happens when a row of a parent is deleted.
func (b *mysqlTriggers) cascadeBody(parent string, chains []chain) string {
	var s strings.Builder
	for _, c := range chains {
		switch c[0].onDelete {
		case "CASCADE":
			s.WriteString(b.releaseRows(parent, c, nil, "deleted"))
		case "SET NULL":
			s.WriteString(b.releaseRows(parent, c, c[0].columns, "updated"))
		}
	}
	return s.String()
}

// releaseRows releases what the rows at the end of a chain name, in all columns or in some.
// Mostly there are none: to open a cursor takes longer than to look. The limit is for
// sessions that have one, as that of mysql --safe-updates.
func (b *mysqlTriggers) releaseRows(parent string, c chain, only []string, reason string) string {
	var names []string
	for i := range b.t.Columns {
		if t := &b.t.Columns[i]; !t.Keep && (only == nil || slices.Contains(only, t.Column)) {
			names = append(names, b.namesOf("t0."+b.d.Quote(t.Column), mysqlReleased, i))
		}
	}
	if len(names) == 0 {
		return ""
	}
	var from strings.Builder
	from.WriteString(b.tableFrom(parent, c[0].child) + " t0")
	for i, k := range c[:len(c)-1] {
		fmt.Fprintf(&from, " JOIN %s t%d ON %s", b.tableFrom(parent, k.parent), i+1, b.equal(fmt.Sprintf("t%d.", i), k.columns, fmt.Sprintf("t%d.", i+1), k.referenced))
	}
	last := c[len(c)-1]
	where := b.equal(fmt.Sprintf("t%d.", len(c)-1), last.columns, "OLD.", last.referenced)
	return fmt.Sprintf(`    IF EXISTS (SELECT 1 FROM %[2]s WHERE %[3]s LOCK IN SHARE MODE) THEN BEGIN
        DECLARE found LONGTEXT CHARACTER SET ascii;
        DECLARE done BOOLEAN DEFAULT FALSE;
        DECLARE children CURSOR FOR SELECT CONCAT(%[1]s)
            FROM %[2]s WHERE %[3]s LIMIT 18446744073709551615 LOCK IN SHARE MODE;
        DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE;
        DECLARE EXIT HANDLER FOR `+mysqlUnreadable+` BEGIN END;
        OPEN children;
        FETCH children INTO found;
        WHILE NOT done DO
        %[4]s            FETCH children INTO found;
        END WHILE;
        CLOSE children;
    END; END IF;
`, strings.Join(names, ", "), from.String(), where, b.change(reason))
}

// equal is a condition that two lists of columns are equal.
func (b *mysqlTriggers) equal(left string, some []string, right string, others []string) string {
	all := make([]string, len(some))
	for i := range some {
		all[i] = left + b.d.Quote(some[i]) + " = " + right + b.d.Quote(others[i])
	}
	return strings.Join(all, " AND ")
}

// tableFrom names a table in a trigger on another one.
func (b *mysqlTriggers) tableFrom(parent, table string) string {
	schema, name, _ := strings.Cut(table, ".")
	if at, _, _ := strings.Cut(parent, "."); at == schema {
		return b.d.Quote(name)
	}
	return quote(schema, "`") + "." + quote(name, "`")
}

// keyBodies are what happens when a row of a parent gets another key that is a name of rows
// of the tracked table: before, where they lose it, and after, where they get the new one.
func (b *mysqlTriggers) keyBodies(ctx context.Context, db Queryer, f *foreignKeys, parent string, chains []chain) (released, taken string, err error) {
	var before, after strings.Builder
	for _, c := range chains {
		k := c[0]
		if len(c) > 1 || !b.tracks(k.columns) || k.onUpdate != "CASCADE" && k.onUpdate != "SET NULL" {
			continue
		}
		above, err := f.of(ctx, db, parent)
		if err != nil {
			return "", "", err
		}
		for _, a := range above {
			if (a.onUpdate == "CASCADE" || a.onUpdate == "SET NULL") && slices.ContainsFunc(a.columns, func(column string) bool { return slices.Contains(k.referenced, column) }) {
				return "", "", fmt.Errorf("foreign keys that fire no triggers change names of files in several steps, which can't be followed: %s; name the files in a column that is no part of a foreign key", append(slices.Clone(c), a))
			}
		}
		if k.onUpdate == "SET NULL" {
			if body := b.releaseRows(parent, c, k.columns, "updated"); body != "" {
				before.WriteString("    IF " + b.changed(k.referenced) + " THEN\n" + body + "    END IF;\n")
			}
		} else {
			after.WriteString(b.renameRows(parent, k))
		}
	}
	return before.String(), after.String(), nil
}

// changed is whether some columns have changed.
func (b *mysqlTriggers) changed(columns []string) string {
	all := make([]string, len(columns))
	for i, column := range columns {
		all[i] = fmt.Sprintf("NOT (CAST(OLD.%s AS BINARY) <=> CAST(NEW.%[1]s AS BINARY))", b.d.Quote(column))
	}
	return strings.Join(all, " OR ")
}

// renameRows takes the names that rows have from a new key, and releases those that they had.
func (b *mysqlTriggers) renameRows(parent string, k foreignKey) string {
	var names []string
	for i := range b.t.Columns {
		c := &b.t.Columns[i]
		at := slices.Index(k.columns, c.Column)
		if at < 0 {
			continue
		}
		side := mysqlReleased
		if c.Keep {
			side = mysqlKept
		}
		referenced := b.d.Quote(k.referenced[at])
		names = append(names, b.namesOf("OLD."+referenced, side, i), b.namesOf("NEW."+referenced, mysqlTook, i))
	}
	return fmt.Sprintf(`    IF (%s) AND EXISTS (SELECT 1 FROM %s t0 WHERE %s) THEN
        BEGIN
            DECLARE found LONGTEXT CHARACTER SET ascii DEFAULT CONCAT(%s);
        %s        END;
    END IF;
`, b.changed(k.referenced), b.tableFrom(parent, k.child), b.equal("t0.", k.columns, "NEW.", k.referenced), strings.Join(names, ", "), b.change("updated"))
}
