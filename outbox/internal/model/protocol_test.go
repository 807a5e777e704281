package model

import "testing"

// Scenarios that rules are taken out of are small.
var (
	transactions = scenario{isolation: readCommitted, transactions: 2, relays: 1, parks: true}
	record       = scenario{isolation: readCommitted, transactions: 2, relays: 1, oneRecord: true}
	current      = scenario{isolation: currentWrites, transactions: 2, relays: 1}
	files        = scenario{isolation: readCommitted, transactions: 1, uploads: 1, relays: 2, parks: true}
	objects      = scenario{isolation: readCommitted, transactions: 1, uploads: 1, relays: 2, lateFiles: true}
	power        = scenario{isolation: readCommitted, transactions: 1, uploads: 1, relays: 1, power: true}
	sqlite       = scenario{isolation: oneWriter, transactions: 2, relays: 2}
	sqliteFiles  = scenario{isolation: oneWriter, transactions: 2, uploads: 1, relays: 1}
	words        = scenario{isolation: readCommitted, transactions: 1, uploads: 1, relays: 2, words: true}
	wordsObjects = scenario{isolation: readCommitted, transactions: 1, uploads: 1, relays: 2, lateFiles: true, parks: true, words: true}
	sqliteWords  = scenario{isolation: oneWriter, transactions: 1, uploads: 1, relays: 2, parks: true, words: true}
	sqlitePower  = scenario{isolation: oneWriter, transactions: 2, uploads: 1, relays: 1, power: true}
)

// TestProtocol finds no fault in any scenario.
func TestProtocol(t *testing.T) {
	for _, test := range []struct {
		name     string
		scenario scenario
		long     bool
	}{
		{"transactions", transactions, false},
		{"one record", record, false},
		{"files", files, false},
		{"objects", objects, false},
		{"power", power, false},
		{"words", words, false},
		{"words and objects", wordsObjects, false},
		{"words and power", scenario{transactions: 1, uploads: 1, relays: 1, power: true, words: true}, true},
		{"sqlite", sqlite, false},
		{"sqlite, words", sqliteWords, false},
		{"sqlite, files", sqliteFiles, false},
		{"sqlite, power", sqlitePower, false},
		{"two relays", scenario{transactions: 2, relays: 2, parks: true}, true},
		{"two uploads", scenario{transactions: 1, uploads: 2, relays: 1}, true},
		{"two uploads of objects", scenario{transactions: 1, uploads: 2, relays: 1, lateFiles: true}, true},
		{"transactions and files", scenario{transactions: 2, uploads: 1, relays: 1}, true},
		{"transactions, words and files", scenario{transactions: 2, uploads: 1, relays: 1, words: true}, true},
		{"two uploads of words", scenario{transactions: 1, uploads: 2, relays: 1, words: true}, true},
		{"transactions and power", scenario{transactions: 2, relays: 1, power: true}, true},
		{"repeatable read, current writes", current, true},
		{"repeatable read", scenario{isolation: repeatableRead, transactions: 2, relays: 1}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.long && (withRace || testing.Short()) {
				t.Skip("many states")
			}
			m := &model{rules: protocol, scenario: test.scenario}
			f := m.find(fine)
			t.Logf("%d states", f.states)
			if f.fault != fine {
				report(t, f)
				t.Error("the protocol has a fault")
			}
		})
	}
}

func report(t *testing.T, f found) {
	t.Helper()
	for _, step := range f.trace {
		t.Log(step)
	}
	t.Log(f.fault)
}
