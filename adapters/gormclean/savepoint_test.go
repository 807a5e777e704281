package gormclean

import "testing"

// MySQL commits before statements that define something.
func TestCommittingStatement(t *testing.T) {
	for dialect, want := range map[string]verb{"mysql": unclear, "postgres": other, "sqlite": other} {
		if does, _ := savepointIn("create table a (b text)", dialect); does != want {
			t.Errorf("%s: %v", dialect, does)
		}
	}
}

func TestSavepointIn(t *testing.T) {
	for sql, want := range map[string]struct {
		does verb
		name string
	}{
		"SAVEPOINT sp1":                        {set, "SP1"},
		"savepoint a_b;":                       {set, "A_B"},
		" ROLLBACK TO SAVEPOINT sp1 ":          {rollbackTo, "SP1"},
		"rollback to sp1":                      {rollbackTo, "SP1"},
		"ROLLBACK WORK TO SAVEPOINT sp1":       {rollbackTo, "SP1"},
		"ROLLBACK TRANSACTION TO SAVEPOINT s;": {rollbackTo, "S"},
		"RELEASE SAVEPOINT s":                  {release, "S"},
		"RELEASE\ns":                           {release, "S"},
		"UPDATE a SET b = ?":                   {other, ""},
		"":                                     {other, ""},
		";":                                    {other, ""},
		"SAVEPOINT":                            {unclear, ""},
		`SAVEPOINT "s"`:                        {unclear, ""},
		"SAVEPOINT s; DELETE FROM a":           {unclear, ""},
		"ROLLBACK":                             {unclear, ""},
		"ROLLBACK AND CHAIN":                   {unclear, ""},
		"COMMIT":                               {unclear, ""},
		"END":                                  {unclear, ""},
		"ABORT":                                {unclear, ""},
		"BEGIN":                                {unclear, ""},
		"/* x */ ROLLBACK TO s":                {unclear, ""},
		"DELETE FROM a; commit":                {unclear, ""},
		"SAVEPOINT é":                          {unclear, ""},
		"UPDATE jobs SET committed_at = ?":     {other, ""},
		"UPDATE commits SET rollback = 1":      {other, ""},
		"CREATE TABLE commits (a text)":        {other, ""},
		"PREPARE TRANSACTION 'a'":              {unclear, ""},
		"-- x\nRELEASE a":                      {unclear, ""},
	} {
		if does, name := savepointIn(sql, "sqlite"); does != want.does || name != want.name {
			t.Errorf("%q: %v %q, want %v %q", sql, does, name, want.does, want.name)
		}
	}
}
