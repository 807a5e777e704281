package gormclean

import "strings"

// hasTriggers reports whether a table has triggers that may write a row when a statement has
// written it, so that what that returns is not what is there, or rules that make several
// statements of one. It is asked once for each table.
func (w *write) hasTriggers() (has bool, err error) {
	table := tableOf(w.db.Statement)
	if known, ok := w.models.triggers.Load(table); ok {
		return known.(bool), nil
	}
	s, name := w.session(), table[strings.LastIndexByte(table, '.')+1:]
	switch w.db.Name() {
	case "sqlite":
		s = s.Raw("SELECT /* filecleangen */ EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?) AND name NOT LIKE 'filecleangen!_%' ESCAPE '!')", name)
	case "postgres":
		quoted := w.db.Statement.Quote(table)
		s = s.Raw("SELECT /* filecleangen */ EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid = to_regclass(?) AND NOT tgisinternal AND tgtype & 2 = 0 AND tgname NOT LIKE 'filecleangen!_%' ESCAPE '!')"+
			" OR EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite WHERE ev_class = to_regclass(?))", quoted, quoted)
	default:
		return false, nil // rows are read again
	}
	if err = s.Scan(&has).Error; err == nil {
		w.models.triggers.Store(table, has)
	}
	return has, err
}
