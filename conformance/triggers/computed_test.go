package triggers_test

import (
	"fmt"
	"testing"

	"github.com/filecleangen/filecleangen/references"
)

// A column that the database computes changes where no statement sets it.
func TestComputed(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := bareWorld(t, d)
		path := "'d/' || label"
		if d == references.MySQL {
			path = "concat('d/', label)"
		}
		w.exec("CREATE TABLE scan (id bigint PRIMARY KEY, label varchar(100), file varchar(100) GENERATED ALWAYS AS (" + path + ") STORED)")
		w.open(references.Table(scan, "scan"), references.NotStored(article), references.Func("media", nobody), references.Func("cdn", nobody))
		w.must(w.box.InstallTriggers(t.Context()))
		w.write("d/a", "d/b", "d/c")
		w.exec("INSERT INTO scan (id, label) VALUES (1, 'a'), (2, 'b')")
		w.exec("UPDATE scan SET label = 'c' WHERE id = 1")
		w.want("d/b d/c")
		w.exec("DELETE FROM scan")
		w.want("")
	})
}

// Updates that set a column of files beside others, by each way to write one.
func TestColumnsSet(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.write("a", "b", "c", "e")
		w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
		w.exec("UPDATE article SET title = 'x', banner = 'c' WHERE id = 1")
		w.want("a c e")
		if d == references.MySQL {
			w.exec("UPDATE article SET title = 'y', cover = 'e'")
			w.want("c e")
			w.exec("INSERT INTO article (id, title) VALUES (1, '') ON DUPLICATE KEY UPDATE banner = NULL")
			w.want("e")
			return
		}
		w.exec("UPDATE article SET (title, cover) = (SELECT 'y', 'e')")
		w.want("c e")
		w.exec("INSERT INTO article (id, title) VALUES (1, '') ON CONFLICT (id) DO UPDATE SET banner = NULL")
		w.want("e")
	})
}

// A statement that changes one name, of the last of many rows.
func TestOneOfMany(t *testing.T) {
	each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		const n = 250
		for i := 1; i <= n; i++ {
			w.exec("INSERT INTO article (id, cover) VALUES (?, ?)", i, fmt.Sprint("f", i))
		}
		w.write("f1", fmt.Sprint("f", n), "x")
		w.exec("UPDATE article SET title = 'x', cover = CASE id WHEN ? THEN 'x' ELSE cover END", n)
		w.wantRows(fmt.Sprint("pending f", n))
		w.want("f1 x")
	})
}
