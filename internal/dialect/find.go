package dialect

import (
	"fmt"
	"strings"
)

// someRows is the values of a column that are not NULL, as t.c.
func someRows(d Dialect, src Source, limit string) string {
	column := "r." + d.Quote(src.Column)
	return "(SELECT " + column + " AS c FROM " + d.Quote(src.Table) + " r WHERE " + column + " IS NOT NULL" + limit + ") t"
}

// plainRows is where a column is looked up, and what it is called there: without a
// limit in the plain form, for which an index is used.
func plainRows(d Dialect, src Source, limit string) (column, rows string) {
	if limit != "" {
		return "t.c", someRows(d, src, limit)
	}
	return "r." + d.Quote(src.Column), d.Quote(src.Table) + " r"
}

// distinct begins a query of what Find selects, and selects one for all rows.
func distinct(m Match, value string) string { return fmt.Sprintf("SELECT DISTINCT %d, %s", m, value) }

func selects(m Match, value string) string { return fmt.Sprintf("SELECT %d, %s", m, value) }

// keyed is a query for the key of rows, as one text, and their values.
func keyed(d Dialect, src Source, key func(column string) string, m Match, value string) *Statement {
	text := "''"
	for i, column := range splitKey(src.Key) {
		if i > 0 {
			text += ", ', ', "
		} else {
			text = ""
		}
		text += key("r." + d.Quote(column))
	}
	return New(d, fmt.Sprintf("SELECT CONCAT(%s), %d, %s FROM %s r WHERE r.%s IS NOT NULL", text, m, value, d.Quote(src.Table), d.Quote(src.Column)))
}

func splitKey(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ",")
}
