package dialect_test

import (
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/internal/dialect"
)

// of returns a dialect that is there.
func of(t *testing.T, k dialect.Kind) dialect.Dialect {
	t.Helper()
	d, err := dialect.Of(k)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStatement(t *testing.T) {
	for k, want := range map[dialect.Kind]string{
		dialect.SQLite:     `a = ? AND '?' b IN (?, ?, ?)`,
		dialect.PostgreSQL: `a = $1 AND '?' b IN ($2, $3, $4)`,
		dialect.MySQL:      `a = ? AND '?' b IN (?, ?, ?)`,
	} {
		s := dialect.In(dialect.New(of(t, k), "").Add("a = ?", 7).Raw(" AND '?'").Add(" b IN "), []string{"x", "y", "z"})
		if s.String() != want || len(s.Args()) != 4 {
			t.Errorf("%v: %s %v", of(t, k), s, s.Args())
		}
	}
	if q := of(t, dialect.MySQL).QuoteTable("app.arti`cle.s") + of(t, dialect.PostgreSQL).QuoteTable(`arti"cle`) + of(t, dialect.SQLite).Quote("a.b"); q != "`app`.`arti``cle.s`"+`"arti""cle"`+`"a.b"` {
		t.Error(q)
	}
}

// An unknown kind of database is an error, never taken for another.
func TestUnknown(t *testing.T) {
	for _, k := range []dialect.Kind{0, dialect.MySQL + 1, 255} {
		if d, err := dialect.Of(k); err == nil {
			t.Errorf("%d is %v", k, d)
		}
	}
}

// All databases have a schema for the same versions.
func TestSchema(t *testing.T) {
	versions := len(of(t, dialect.SQLite).Schema())
	for _, k := range []dialect.Kind{dialect.SQLite, dialect.PostgreSQL, dialect.MySQL} {
		all := of(t, k).Schema()
		if len(all) == 0 || len(all) != versions {
			t.Errorf("%v has %d versions of the schema, SQLite %d", of(t, k), len(all), versions)
		}
		for _, statements := range all {
			for _, s := range statements {
				if strings.Contains(s, "NOW,") || strings.HasSuffix(s, ";") || s == "" {
					t.Errorf("%v: %q", of(t, k), s)
				}
			}
		}
	}
}
