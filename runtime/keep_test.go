package runtime_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

// TestKeep: what a field with the option keep lets go of stays, whichever other
// field let go of it, too.
func TestKeep(t *testing.T) {
	typ := &runtime.Type{Name: "x.Invoice", Fields: []runtime.Field{
		{Path: "Scan", Storage: "media", Keep: true},
		{Path: "Draft", Storage: "media"},
	}}
	w := newWorld(t, "p q r", runtime.WithTypes(typ))
	b := w.begin()
	record := b.Updated(typ, runtime.IntKey(1))
	record.Release(0, "p")
	record.Release(1, "q")
	record.Release(1, "r")
	record = b.Deleted(typ, runtime.IntKey(2))
	record.Release(0, "r")
	report := w.commit(b)
	if got := w.left(); got != "p r" {
		t.Errorf("left: %s", got)
	}
	if got, _ := report.Of(runtime.Ref{Storage: "media", Name: "r"}); got.Cause != runtime.IsKept {
		t.Errorf("%s", got)
	}
}
