package dialect

import "fmt"

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

// selects begins a query of what Find selects.
func selects(m Match, value string) string { return fmt.Sprintf("SELECT DISTINCT %d, %s", m, value) }
