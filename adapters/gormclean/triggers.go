package gormclean

import (
	"context"
	"strings"

	"gorm.io/gorm/clause"
)

// isSeen reports whether triggers see all that the statement does to names of files, so that
// there is nothing to be read. Where that is not sure, it does no harm to do it twice.
func (w *write) isSeen(ctx context.Context, query string) bool {
	stmt := w.db.Statement
	if !w.tier.hasTriggers(ctx, tableOf(stmt)) {
		return false
	}
	if _, is := w.db.Plugins["gorm:db_resolver"]; is { // it may lead to another database
		return false
	}
	if w.db.Name() == "sqlite" && strings.Contains(strings.ToUpper(query), "REPLACE") { // without PRAGMA recursive_triggers
		return false
	}
	return w.writesItsTable() && fileColumns(w.tier.keeper().Types(), stmt.Schema) != nil && w.hasOurs()
}

// writesItsTable reports whether the statement is about the table that gorm says it is about:
// a clause may name another one.
func (w *write) writesItsTable() bool {
	clauses := w.db.Statement.Clauses
	insert, _ := clauses["INSERT"].Expression.(clause.Insert)
	update, _ := clauses["UPDATE"].Expression.(clause.Update)
	return insert.Table.Name == "" && update.Table.Name == "" && (w.kind == updates || !w.hasFrom())
}

// hasOurs reports whether the session sees a trigger of filecleangen's on the table: it might
// be in another database than that of the outbox, or in another schema. It is asked until
// one was there.
func (w *write) hasOurs() (has bool) {
	table := tableOf(w.db.Statement)
	if _, known := w.models.ours.Load(table); known {
		return true
	}
	s, at := w.session(), strings.LastIndexByte(table, '.')
	switch w.db.Name() {
	case "sqlite":
		s = s.Raw("SELECT /* filecleangen */ EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?) AND name LIKE 'filecleangen!_%' ESCAPE '!')", table[at+1:])
	case "postgres":
		s = s.Raw("SELECT /* filecleangen */ EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid = to_regclass(?) AND tgname LIKE 'filecleangen!_%' ESCAPE '!')", w.db.Statement.Quote(table))
	case "mysql":
		s = s.Raw("SELECT /* filecleangen */ EXISTS (SELECT 1 FROM information_schema.triggers WHERE event_object_schema = coalesce(nullif(?, ''), DATABASE()) AND event_object_table = ? AND trigger_name LIKE 'filecleangen!_%' ESCAPE '!')", table[:max(at, 0)], table[at+1:])
	default:
		return false
	}
	if s.Scan(&has).Error == nil && has {
		w.models.ours.Store(table, true)
	}
	return has
}

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
