package triggers_test

import (
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// A relay warns, once, where REPLACE removes rows unseen in sessions like its own.
func TestUnseen(t *testing.T) {
	w := newWorld(t, references.SQLite)
	if strings.Contains(w.logs.String(), "recursive_triggers") {
		t.Errorf("%s", w.logs)
	}
	var err error
	own := w.own
	w.own, err = databases.Open(w.d, strings.Replace(w.dsn, "recursive_triggers(1)", "recursive_triggers(0)", 1))
	w.must(err)
	defer func() { w.must(w.own.Close()); w.own = own }()
	w.open(w.tables(scan)...)
	w.drain()
	if n := strings.Count(w.logs.String(), "PRAGMA recursive_triggers is off"); n != 1 {
		t.Errorf("%d warnings: %s", n, w.logs)
	}
	w.must(w.box.RemoveTriggers(t.Context()))
	_ = w.newRelay(w.box)
	if n := strings.Count(w.logs.String(), "PRAGMA recursive_triggers is off"); n != 1 {
		t.Errorf("%d warnings: %s", n, w.logs)
	}
}
