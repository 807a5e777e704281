package outbox

import (
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

// There is one entry for each file, in the order of the names, and what is taken and
// released is both.
func TestEntries(t *testing.T) {
	ref := func(name string) runtime.Ref { return runtime.Ref{Storage: "media", Name: name} }
	long := &runtime.Result{Ref: ref(strings.Repeat("x", maxName+1))}
	h := &runtime.Handover{
		Takes:    []runtime.Ref{ref("c"), ref("b"), {Storage: "a", Name: "z"}, ref("../x")},
		Releases: []*runtime.Result{{Ref: ref("d"), Reason: "deleted"}, {Ref: ref("b"), Reason: "updated"}, long},
	}
	var got []string
	for _, e := range entriesOf(h) {
		text := e.Storage + ":" + e.Name
		if e.Take {
			text += " taken"
		}
		if e.Release {
			text += " released " + e.Reason
		}
		got = append(got, text)
	}
	want := "a:z taken; media:b taken released updated; media:c taken; media:d released deleted"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if long.Status != runtime.Kept || long.Cause != runtime.UnsafeName {
		t.Errorf("%+v", long)
	}
}
