package outbox

import (
	"fmt"
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
		got = append(got, fmt.Sprint(e.Storage, ":", e.Name, " ", e.Take, " ", e.Release, " ", e.Reason))
	}
	want := "a:z true false ; media:b true true updated; media:c true false ; media:d false true deleted"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if long.Status != runtime.Kept || long.Cause != runtime.UnsafeName {
		t.Errorf("%+v", long)
	}
}
