package gormclean

import "testing"

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
	} {
		if does, name := savepointIn(sql); does != want.does || name != want.name {
			t.Errorf("%q: %v %q, want %v %q", sql, does, name, want.does, want.name)
		}
	}
}
