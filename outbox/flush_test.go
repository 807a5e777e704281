package outbox

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// There is one entry for each file, in the order of the names, and what is taken and
// released is both.
func TestEntries(t *testing.T) {
	ref := func(name string) runtime.Ref { return runtime.Ref{Storage: "media", Name: name} }
	long := &runtime.Result{Ref: ref(strings.Repeat("x", maxName+1))}
	h := &runtime.Promise{
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

// Text for people fits every column: no null, no part of a character, and not too long.
func TestClip(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"as it is":                      "as it is",
		"a\x00b":                        "ab",
		"a\xffb":                        "ab",
		strings.Repeat("x", 1001):       strings.Repeat("x", 1000),
		strings.Repeat("x", 999) + "é":  strings.Repeat("x", 999),
		strings.Repeat("x", 998) + "éy": strings.Repeat("x", 998) + "é",
	} {
		if got := clip(text); got != want || !utf8.ValidString(got) {
			t.Errorf("clip(%.10q… of %d bytes) is %d bytes", text, len(text), len(got))
		}
	}
}

// One row is locked once, and in the order of all: by storage, then by name.
func TestMerged(t *testing.T) {
	entry := func(storage, name, reason string, take bool) dialect.Entry {
		return dialect.Entry{Storage: storage, Name: name, Take: take, Release: reason != "", Reason: reason}
	}
	for name, c := range map[string]struct{ given, want []dialect.Entry }{
		"none": {},
		"one": {
			[]dialect.Entry{entry("m", "a", "", true)},
			[]dialect.Entry{entry("m", "a", "", true)},
		},
		"taken and released": {
			[]dialect.Entry{entry("m", "a", "", true), entry("m", "a", "updated", false)},
			[]dialect.Entry{entry("m", "a", "updated", true)},
		},
		"released twice, the last says why": {
			[]dialect.Entry{entry("m", "a", "updated", false), entry("m", "a", "deleted", false)},
			[]dialect.Entry{entry("m", "a", "deleted", false)},
		},
		"in order": {
			[]dialect.Entry{entry("n", "a", "", true), entry("m", "b", "", true), entry("m", "a", "deleted", false), entry("m", "b", "deleted", false)},
			[]dialect.Entry{entry("m", "a", "deleted", false), entry("m", "b", "deleted", true), entry("n", "a", "", true)},
		},
	} {
		if got := merged(c.given); len(got)+len(c.want) > 0 && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// What does not fit into the index of a database has no row.
func TestFits(t *testing.T) {
	for name, want := range map[string]bool{
		"a":                            true,
		strings.Repeat("x", maxName):   true,
		strings.Repeat("x", maxName+1): false,
		"":                             false,
		"../a":                         false,
		"a\x00":                        false,
	} {
		if got := fits(runtime.Ref{Storage: "media", Name: name}); got != want {
			t.Errorf("%.20q of %d bytes fits: %v", name, len(name), got)
		}
	}
	if fits(runtime.Ref{Storage: strings.Repeat("s", maxStorage+1), Name: "a"}) {
		t.Error("the name of a storage is too long, and fits")
	}
}
