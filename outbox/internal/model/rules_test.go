package model

import (
	"reflect"
	"testing"
)

// without is the protocol without some of its rules, and what comes of it.
type without struct {
	what     string
	change   func(r *rules)
	scenario scenario
	fault    fault
}

var takes = []without{
	{"a take of a writing row passes", func(r *rules) { r.refuseWriting = false }, files, part},
	{"a take of a deleting row passes", func(r *rules) { r.refuseDeleting = false }, transactions, loss},
	{"a take of a parked row passes", func(r *rules) { r.refuseParked = false }, transactions, loss},
	{"a take of a tombstone passes", func(r *rules) { r.refuseGone = false }, transactions, loss},
	{"an unchanged name is not taken", func(r *rules) { r.takeUnchanged = false }, transactions, loss},
	{"a take deletes the row", func(r *rules) { r.takeLeavesRow = false }, transactions, leak},
	{"a take without a row makes nobody wait", func(r *rules) { r.keyWaits = false }, transactions, loss},
	{"take and release is a release", func(r *rules) { r.bothChecked = false }, transactions, loss},
	{"take and release is a take", func(r *rules) { r.bothLeft = false }, transactions, leak},
}

var releases = []without{
	{"memory says what is released", func(r *rules) { r.releaseSees = false }, current, leak},
	{"a release makes a tombstone pending", func(r *rules) { r.goneNotPending = false }, transactions, loss},
	{"a release leaves a tombstone", func(r *rules) { r.goneNotLeft = false }, objects, leak},
	{"a release leaves a deleting row to its relay", func(r *rules) { r.releaseUnclaims = false }, objects, leak},
	{"a release doesn't lock a pending row", func(r *rules) { r.lockPending = false }, transactions, leak},
	{"a release doesn't lock the row of an upload", func(r *rules) { r.lockUpload = false }, files, leak},
}

var uploads = []without{
	{"an upload begins as upload", func(r *rules) { r.writingFirst = false }, files, part},
	{"Create reuses a tombstone", func(r *rules) { r.createGone = false }, files, loss},
	{"Create reuses a deleting row", func(r *rules) { r.createDeleting = false }, files, loss},
	{"Create reuses a parked row", func(r *rules) { r.createParked = false }, files, loss},
	{"Create is not on disk before its file", func(r *rules) { r.createDurable = false }, power, leak},
	{"an upload forgets a release of a file that it found", func(r *rules) { r.existsKeepsNote = false }, files, leak},
	{"a file is made late", func(r *rules) { r.openInTime = false }, files, leak},
	{"Close that finds no row does nothing", func(r *rules) { r.closeReleases = false }, objects, leak},
	{"Discard deletes", func(r *rules) { r.discardAsks = false }, files, loss},
	{"Discard makes what was not complete pending", func(r *rules) { r.discardRefuses = false }, files, part},
}

var relays = []without{
	{"it asks before it locks, and finds no row", func(r *rules) { r.askAfterLock = false }, transactions, loss},
	{"it asks before it locks, and finds a row", func(r *rules) { r.askAfterLock = false }, transactions, leak},
	{"it asks about one column after the other", func(r *rules) { r.askAtOnce = false }, record, loss},
	{"a claim is not on disk before the file goes", func(r *rules) { r.claimDurable = false }, power, loss},
	{"it doesn't look at its lease", func(r *rules) { r.lookAtLease = false }, files, loss},
	{"it is done with what another has claimed", func(r *rules) { r.doneOwn = false }, files, leak},
	{"it drops the row of a file that it has deleted", func(r *rules) { r.dropMissing = false }, transactions, loss},
	{"it drops the row of a file that another may have deleted", func(r *rules) { r.dropFirst = false }, transactions, loss},
	{"… or is about to delete", func(r *rules) { r.dropFirst = false }, words, loss},
	{"it drops the row of an upload that has not made its file", func(r *rules) { r.dropPending = false }, objects, part},
	{"a tombstone is purged while the name is known", func(r *rules) { r.retention = false }, transactions, loss},
}

// Of SQLite's rules the one that counts is that a take touches the row. With it, there is
// nothing that asking again could find, other than what the outbox was not told of; the
// same is true of asking again about a row that was deleting already, with any database.
// Asking again is no replacement: what it finds isn't on disk, and the row may have been
// dropped and made anew.
var oneWriterRules = []without{
	{"a changed row is marked", func(r *rules) { r.markUnchanged = false }, sqlite, loss},
	{"a release doesn't touch the row", func(r *rules) { r.releaseTouches = false }, sqliteFiles, leak},
	{"a take doesn't touch the row", func(r *rules) { r.takeTouches = false }, sqlite, loss},
	{"… and power fails", func(r *rules) { r.takeTouches = false }, sqlitePower, loss},
	{"… and the relay doesn't ask after it has marked", func(r *rules) { r.takeTouches, r.askAgain = false, false }, sqlite, loss},
	{"… nor about what another has marked", func(r *rules) { r.takeTouches, r.reclaimAsks = false, false }, sqlite, loss},
}

// TestRules takes out each rule, and finds what it is there for. With -v it tells how
// that comes to be.
func TestRules(t *testing.T) {
	tested := map[string]bool{}
	for _, table := range [][]without{takes, releases, uploads, relays, oneWriterRules} {
		for _, test := range table {
			m := &model{rules: protocol, scenario: test.scenario}
			test.change(&m.rules)
			for _, name := range missing(m.rules) {
				tested[name] = true
			}
			t.Run(test.what, func(t *testing.T) {
				f := m.find(test.fault)
				if report(t, f); f.fault != test.fault {
					t.Errorf("want %s", test.fault)
				}
			})
		}
	}
	for _, name := range missing(rules{}) {
		if !tested[name] {
			t.Errorf("no test is without %s", name)
		}
	}
}

// TestComplete makes sure that the protocol has all rules.
func TestComplete(t *testing.T) {
	if names := missing(protocol); names != nil {
		t.Errorf("the protocol is without %v", names)
	}
}

// missing returns the names of the rules that are not there.
func missing(r rules) (names []string) {
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if !v.Field(i).Bool() {
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return names
}
