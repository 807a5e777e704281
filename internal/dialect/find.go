package dialect

// someRows is the values of a column that are not NULL, as t.c.
func someRows(d Dialect, src Source, limit string) string {
	column := "r." + d.Quote(src.Column)
	return "(SELECT " + column + " AS c FROM " + d.Quote(src.Table) + " r WHERE " + column + " IS NOT NULL" + limit + ") t"
}

// findText looks for values in a column of text: without a limit in the plain form,
// for which an index is used.
func findText(s *Statement, d Dialect, src Source, values []string, limit string) {
	column, rows := "r."+d.Quote(src.Column), d.Quote(src.Table)+" r"
	if limit != "" {
		column, rows = "t.c", someRows(d, src, limit)
	}
	In(s.Raw("SELECT DISTINCT "+d.Exact(column)+" FROM "+rows+" WHERE "+column+" IN "), values)
}
