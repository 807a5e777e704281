package dialect_test

import (
	"slices"
	"testing"

	"github.com/filecleangen/filecleangen/internal/dialect"
)

func TestKeysOf(t *testing.T) {
	for key, want := range map[string][]string{
		"Cover_file": {"coverfile"}, "cover-file": {"coverfile"}, "v1.img": {"v1.img"},
		"": nil, "_": nil, "größe": nil, "a b": nil, "a,b": nil, "a'b": nil, "\u212a": nil, // the sign for Kelvin is equal to k
	} {
		if got := dialect.KeysOf(key); !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
	if got := dialect.JoinKeys([]string{"b", "c"}, []string{"a", "b"}); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got)
	}
	if dialect.JoinKeys(nil, []string{"a"}) != nil || dialect.JoinKeys([]string{"a"}, nil) != nil {
		t.Error("the keys of a field are not known, and those of all are")
	}
}
