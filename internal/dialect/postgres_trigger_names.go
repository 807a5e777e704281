package dialect

import (
	"fmt"
	"strconv"
	"strings"
)

// entries is a query for the files that a statement takes and releases, of the names that
// its rows have after it and before it, in the order of the names, so that statements lock
// them in one order. What a row had in a document that can't be parsed does not count: it
// is neither a reason not to take a name nor one to release it.
func (b *postgresTriggers) entries(event, from string) string {
	take, having := "false", " HAVING "+b.released()
	switch event {
	case onInsert:
		take, having = "true", ""
	case onUpdate:
		take, having = "bool_or(n.is_new)", " HAVING bool_and(n.is_new) OR NOT bool_or(n.is_new) AND "+b.released()
	}
	with := ""
	if others := b.others(event, from); others != "" {
		with = "others AS MATERIALIZED (" + others + "), "
	}
	return fmt.Sprintf(`WITH %sentry AS MATERIALIZED (
            SELECT %s AS storage, n.name, %s AS take, min(n.i) FILTER (WHERE NOT n.is_new%s) AS i
            FROM (%s) n
            WHERE (n.is_new OR NOT n.unsure) AND n.name <> '' AND n.name <> '.filecleangen' AND NOT (substr(n.name, 2, 1) = ':' AND n.name ~ '^[A-Za-z]:') AND octet_length(n.name) <= %d%s%s
            GROUP BY 1, 2%s ORDER BY 1, 2
        )`, with, b.storage(), take, b.notKept(), strings.Join(b.named(event, from), " UNION ALL "), MaxName, b.isText(), b.notIgnored(), having)
}

// isText is a condition for names that a program can read: a relay must not come upon others.
func (b *postgresTriggers) isText() string {
	if !b.anyBytes {
		return ""
	}
	return " AND " + b.helper("text") + "(encode(convert_to(n.name, 'SQL_ASCII'), 'hex')) IS NOT NULL"
}

// storage is the storage of the column n.i, which batches sort byte by byte, too.
func (b *postgresTriggers) storage() string {
	return b.byColumn("n.i", func(c *TriggerColumn) string { return c.Storage }) + ` COLLATE "C"`
}

// byColumn is an expression for what is to be known of a column, of which there is the
// number.
func (b *postgresTriggers) byColumn(number string, of func(c *TriggerColumn) string) string {
	var cases strings.Builder
	same := true
	for i := range b.t.Columns {
		text := of(&b.t.Columns[i])
		same = same && text == of(&b.t.Columns[0])
		fmt.Fprintf(&cases, " WHEN %d THEN %s", i, postgresLiteral(text))
	}
	if same {
		return postgresLiteral(of(&b.t.Columns[0])) + "::text"
	}
	return "CASE " + number + cases.String() + " END"
}

// kept returns the numbers of the columns whose files are never released.
func (b *postgresTriggers) kept() (numbers []string) {
	for i := range b.t.Columns {
		if b.t.Columns[i].Keep {
			numbers = append(numbers, strconv.Itoa(i))
		}
	}
	return numbers
}

// notKept is a condition for columns whose files are released.
func (b *postgresTriggers) notKept() string {
	if kept := b.kept(); len(kept) > 0 {
		return " AND n.i NOT IN (" + strings.Join(kept, ", ") + ")"
	}
	return ""
}

// released is a condition for names that a column had whose files are released.
func (b *postgresTriggers) released() string {
	if kept := b.kept(); len(kept) > 0 {
		return "bool_or(n.i NOT IN (" + strings.Join(kept, ", ") + "))"
	}
	return "true"
}

// notIgnored is a condition for names that are taken and released.
func (b *postgresTriggers) notIgnored() string {
	var all strings.Builder
	for _, storage := range b.t.storagesOf() {
		if names := b.w.Ignored[storage]; len(names) > 0 {
			fmt.Fprintf(&all, " AND NOT (%s = %s AND n.name IN (%s))", b.storage(), postgresLiteral(storage), postgresLiterals(names))
		}
	}
	return all.String()
}

// sides are the tables that have the rows of a statement, by whether they are new.
func sides(event, from string) map[bool]string {
	switch event {
	case onInsert:
		return map[bool]string{true: "filecleangen_new"}
	case onUpdate:
		return map[bool]string{true: "filecleangen_new", false: "filecleangen_old"}
	}
	return map[bool]string{false: from}
}

// plain reports whether a value of a column is the name of a file as it is.
func (c *TriggerColumn) plain() bool {
	return c.Form != JSON && c.Form != Array && c.Prefix == "" && c.Type != "bytea"
}

// named are queries for the names that rows have.
func (b *postgresTriggers) named(event, from string) (all []string) {
	for _, isNew := range []bool{true, false} {
		if table := sides(event, from)[isNew]; table != "" {
			if query := b.plainNames(table, isNew); query != "" {
				all = append(all, query)
			}
		}
	}
	for i := range b.t.Columns {
		if !b.t.Columns[i].plain() {
			all = append(all, b.otherNames(i))
		}
	}
	return all
}

// plainNames is a query for the names in all columns whose values are names: it reads the
// rows once.
func (b *postgresTriggers) plainNames(table string, isNew bool) string {
	var values []string
	for i := range b.t.Columns {
		if c := &b.t.Columns[i]; c.plain() {
			values = append(values, fmt.Sprintf(`(%d, %s COLLATE "C")`, i, b.text(c)))
		}
	}
	if len(values) == 0 {
		return ""
	}
	return fmt.Sprintf("(SELECT r.i, %s AS name, %t AS is_new, false AS unsure FROM %s t CROSS JOIN LATERAL (VALUES %s) r (i, v) WHERE r.v <> '' OFFSET 0)",
		b.clean(), isNew, table, strings.Join(values, ", "))
}

// clean is an expression for the name that the value r.v means.
func (b *postgresTriggers) clean() string {
	return fmt.Sprintf(`CASE WHEN strpos('/' || r.v || '/', '//') > 0 OR strpos('/' || r.v || '/', '/./') > 0 OR strpos('/' || r.v || '/', '/../') > 0 OR strpos(r.v, chr(92)) > 0 THEN %s(r.v) ELSE r.v END COLLATE "C"`,
		b.helper("name"))
}

// others is a query for the values of columns that are more than names: of an update, for
// those that have changed.
func (b *postgresTriggers) others(event, from string) string {
	var all []string
	for _, isNew := range []bool{true, false} {
		table := sides(event, from)[isNew]
		for i := range b.t.Columns {
			if c := &b.t.Columns[i]; table != "" && !c.plain() {
				all = append(all, fmt.Sprintf(`SELECT %d AS i, %s COLLATE "C" AS v, %t AS is_new FROM %s t WHERE t.%s IS NOT NULL`, i, b.text(c), isNew, table, b.d.Quote(c.Column)))
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	query := "SELECT a.i, a.v, bool_or(a.is_new) AS is_new FROM (" + strings.Join(all, " UNION ALL ") + ") AS a GROUP BY a.i, a.v"
	if event == onUpdate {
		query += " HAVING bool_or(a.is_new) <> bool_or(NOT a.is_new)"
	}
	return query
}

// otherNames is a query for the names that changed values of a column mean.
func (b *postgresTriggers) otherNames(i int) string {
	c := &b.t.Columns[i]
	from, value, unsure := "others a", "a.v", "false"
	if c.Type == "bytea" {
		value = b.helper("text") + "(a.v)"
	}
	switch c.Form {
	case JSON:
		from, value, unsure = from+", "+b.helper("strings")+"("+value+", "+postgresLiteral("{"+strings.Join(c.keys(), ",")+"}")+") s", "s.v", "s.unsure"
	case Array:
		from, value = from+", unnest(a.v::text[]) s (v)", "s.v"
	case Auto, Text:
	}
	if c.Prefix != "" {
		value = b.helper("prefix") + "(" + value + ", " + postgresLiteral(c.Prefix) + ")"
	}
	return fmt.Sprintf(`SELECT r.i, %s AS name, r.is_new, r.unsure FROM (SELECT a.i, %s AS v, a.is_new, %s AS unsure FROM %s WHERE a.i = %d OFFSET 0) r`,
		b.clean(), value, unsure, from, i)
}

// text is an expression for a value of a column as text.
func (b *postgresTriggers) text(c *TriggerColumn) string {
	if c.Type == "bytea" {
		return "encode(t." + b.d.Quote(c.Column) + ", 'hex')"
	}
	return "t." + b.d.Quote(c.Column) + "::text"
}
