package outbox

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for failures, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 100: time.Minute} {
		for range 1000 {
			if d := backoff(failures, time.Second, time.Minute); d < most/2 || d > most {
				t.Fatalf("after %d failures: %v, want %v to %v", failures, d, most/2, most)
			}
		}
	}
}

func TestStatement(t *testing.T) {
	for d, want := range map[Dialect]string{
		SQLite:     `a = ? AND '?' b IN (?, ?, ?)`,
		PostgreSQL: `a = $1 AND '?' b IN ($2, $3, $4)`,
		MariaDB:    `a = ? AND '?' b IN (?, ?, ?)`,
	} {
		s := in(d.statement("").add("a = ?", 7).raw(" AND '?'").add(" b IN "), []string{"x", "y", "z"})
		if s.String() != want || len(s.args) != 4 {
			t.Errorf("%v: %s %v", d, s, s.args)
		}
	}
	if q := MariaDB.quote("app.arti`cle") + PostgreSQL.quote(`app.arti"cle`); q != "`app`.`arti``cle`"+`"app"."arti""cle"` {
		t.Error(q)
	}
}
