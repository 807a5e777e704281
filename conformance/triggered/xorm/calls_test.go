package xorm_test

import (
	"testing"
	"time"

	"xorm.io/xorm"

	"github.com/filecleangen/filecleangen/conformance/triggered/internal/calls"
	"github.com/filecleangen/filecleangen/references"
)

// Book is deleted softly.
type Book struct {
	ID      int64 `xorm:"pk 'id'"`
	Title   string
	Cover   string
	Back    *string
	Version int       `xorm:"version"`
	Deleted time.Time `xorm:"deleted"`
}

func TestCalls(t *testing.T) {
	calls.Run(t, func(w *calls.World) {
		driver := map[references.Dialect]string{references.SQLite: "sqlite", references.PostgreSQL: "pgx", references.MySQL: "mysql"}[w.Dialect]
		engine, err := xorm.NewEngine(driver, w.DSN)
		w.Must(err)
		t.Cleanup(func() { _ = engine.Close() })
		_, err = engine.Exec("CREATE TABLE book (id bigint PRIMARY KEY, title varchar(100), cover varchar(100), back varchar(100), version int, deleted " +
			map[bool]string{true: "timestamp", false: "datetime"}[w.Dialect == references.PostgreSQL] + " NULL)") // Sync would take the schema public
		w.Must(err)
		w.Track("book.cover", "book.back")
		w.Files("a b c d e f g h")
		back := "h"

		_, err = engine.Insert(&Book{ID: 1, Cover: "a"}, []*Book{{ID: 2, Cover: "b"}, {ID: 3, Cover: "c", Back: &back}}) // several statements
		w.Want("Insert of many", err, "a b c d e f g h")
		_, err = engine.NewSession().InsertMulti([]Book{{ID: 4, Cover: "d"}, {ID: 5, Cover: "d"}})
		w.Want("InsertMulti", err, "a b c d e f g h")
		_, err = engine.ID(1).Update(&Book{Cover: "e", Version: 1}) // what is zero stays
		w.Want("Update", err, "b c d e f g h")
		_, err = engine.ID(3).NoVersionCheck().Nullable("back").Update(&Book{Title: "x"})
		w.Want("Nullable", err, "b c d e f g")
		_, err = engine.ID(2).NoVersionCheck().MustCols("cover").Update(&Book{Title: "x"})
		w.Want("MustCols", err, "c d e f g")
		_, err = engine.ID(3).NoVersionCheck().AllCols().Update(&Book{ID: 3, Cover: "f"})
		w.Want("AllCols", err, "d e f g")
		_, err = engine.ID(1).Cols("title").NoVersionCheck().Update(&Book{Cover: "x"})
		w.Want("Cols", err, "d e f g")
		_, err = engine.Table("book").Where("id = ?", 1).Update(map[string]any{"cover": "g"})
		w.Want("Update by a map", err, "d f g")
		_, err = engine.ID(1).SetExpr("cover", "'e1'").NoVersionCheck().Update(new(Book))
		w.Want("SetExpr", err, "d f")

		_, err = engine.ID(4).Delete(new(Book))
		w.Want("soft Delete", err, "d f")
		_, err = engine.ID(5).Unscoped().Delete(new(Book))
		w.Want("Unscoped Delete", err, "d f")
		_, err = engine.ID(4).Unscoped().Delete(new(Book))
		w.Want("Unscoped Delete of what is deleted", err, "f")

		session := engine.NewSession()
		w.Must(session.Begin())
		_, err = session.ID(3).Unscoped().Delete(new(Book))
		w.Must(err)
		w.Must(session.Rollback())
		w.Must(session.Close())
		w.Want("Rollback", nil, "f")
		_, err = engine.Insert(&Book{ID: 6, Cover: "d"})
		w.Gone("Insert", err)
		_, err = engine.Exec("DELETE FROM book WHERE cover = ?", "f")
		w.Want("Exec", err, "")
	})
}
