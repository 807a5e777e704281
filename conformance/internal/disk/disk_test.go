package disk

import (
	"database/sql"
	"math/rand/v2"
	"testing"
)

// What SQLite has committed is lost, or it is not, as its documentation says.
func TestLoss(t *testing.T) {
	for _, c := range []struct {
		journal, synchronous string
		kept                 int
	}{
		{"wal", "off", 0}, {"wal", "normal", 0}, {"wal", "full", 2}, {"wal", "extra", 2},
		{"delete", "off", 0}, {"delete", "normal", 1}, {"delete", "full", 1}, {"delete", "extra", 2},
		{"truncate", "normal", 1}, {"truncate", "full", 2},
		{"persist", "normal", 2}, {"persist", "full", 2},
	} {
		t.Run(c.journal+", "+c.synchronous, func(t *testing.T) {
			d := New(t, func() {})
			open := func() *sql.DB {
				db, err := d.Open("journal_mode("+c.journal+")", "synchronous("+c.synchronous+")")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				return db
			}
			db := open()
			for i, s := range []string{"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"} {
				if _, err := db.ExecContext(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					d.Sync()
				}
			}
			d.Fail()
			if _, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (3)"); err == nil {
				t.Error("a row was inserted although the power was off")
			}
			d.Start(All, rand.New(rand.NewPCG(1, 1)))
			var kept int
			if err := open().QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&kept); err != nil || kept != c.kept {
				t.Errorf("%d rows, %v, want %d", kept, err, c.kept)
			}
		})
	}
}
