package sorted_test

import (
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/internal/sorted"
)

// TestSorter: whatever is added comes back in order, once, from memory and from files.
func TestSorter(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOf(rapid.String()).Draw(t, "texts")
		s := sorted.New(rapid.IntRange(1, 400).Draw(t, "limit"))
		for _, text := range texts {
			if err := s.Add(text); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for text, err := range s.All() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, text)
		}
		slices.Sort(texts)
		if want := slices.Compact(texts); !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
}
