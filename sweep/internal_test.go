package sweep

import (
	"io/fs"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/storage"
)

// TestShapes: what was made in the same way has one shape, and other files another one.
func TestShapes(t *testing.T) {
	for _, same := range [][2]string{
		{"covers/1.png", "covers/noon.large.PNG"},
		{"2026/11/26/a.jpg", "1999/01/02/b.jpg"},
		{"ab/cd/x", "0f/e1/y"},
		{"users/17/a.png", "users/4711/b.png"},
		{"user-17/a.png", "user-4/b.png"},
		{"9f86d081884c7d65/a", "e3b0c44298fc1c14/b"},
		{"3b241101-e2bb-4255-8caf-4136c566a962/a", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11/b"},
		{"01ARZ3NDEKTSV4RRFFQ69G5FAV/a", "01BX5ZZKBKACTAV9WEVGEMMVRZ/b"},
	} {
		if a, b := shapeOf(same[0]), shapeOf(same[1]); a != b {
			t.Errorf("%s has the shape %q, and %s %q", same[0], a, same[1], b)
		}
	}
	for _, differ := range [][2]string{
		{"covers/1.png", "covers/1.zip"}, {"covers/1.png", "avatars/1.png"}, {"covers/1.png", "1.png"}, {"covers/1.png", "covers/small/1.png"},
		{"covers/1.png", "17/1.png"}, {"a/1", "dead/1"},
	} {
		if a, b := shapeOf(differ[0]), shapeOf(differ[1]); a == b {
			t.Errorf("%s and %s have the shape %q", differ[0], differ[1], a)
		}
	}
}

// TestFolded: names that differ in case or in the form of accents are one.
func TestFolded(t *testing.T) {
	f := newFolded()
	f.add("Covers/Caf\u00e9.PNG")
	f.sort()
	if !f.has("covers/cafe\u0301.png") || f.has("covers/cafe.png") {
		t.Error("not folded, or too much")
	}
}

// TestPacked: a file comes back from a list as it was, and lists are in the order of names.
func TestPacked(t *testing.T) {
	name := rapid.StringMatching(`[a/.\x01-]{1,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a := storage.File{Name: name.Draw(t, "a"), Mode: rapid.SampledFrom([]fs.FileMode{0, fs.ModeSymlink}).Draw(t, "mode")}
		if rapid.Bool().Draw(t, "known") {
			a.Info = listed{a.Name, rapid.Int64Min(0).Draw(t, "size"), a.Mode, time.Unix(0, rapid.Int64().Draw(t, "at"))}
		}
		b := storage.File{Name: name.Draw(t, "b")}
		if got := unpacked(packed(a)); got != a {
			t.Fatalf("%+v came back as %+v", a, got)
		}
		if a.Name != b.Name && (packed(a) < packed(b)) != (a.Name < b.Name) {
			t.Fatalf("%q and %q are in another order", a.Name, b.Name)
		}
	})
}
