package outbox

import (
	"errors"
	"io/fs"
	"reflect"
	"testing"

	"github.com/spf13/afero"
)

// A marker has an id on each line, and may have comments.
func TestMarkerText(t *testing.T) {
	for text, want := range map[string][]string{
		"":                             nil,
		"shop\n":                       {"shop"},
		"shop":                         {"shop"},
		"# ours\r\n shop \r\n\r\nblog": {"shop", "blog"},
		"#shop\n":                      nil,
	} {
		files := afero.NewMemMapFs()
		if err := afero.WriteFile(files, MarkerName, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := owners(files); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		err := checkFence(files, "media", "blog")
		if ours := len(want) == 2; ours != (err == nil) || !ours && !errors.Is(err, ErrFence) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := checkFence(unreadable{}, "media", "blog"); !errors.Is(err, ErrFence) || !errors.Is(err, errNoMarkerRead) {
		t.Errorf("a marker that can't be read: %v", err)
	}
	if err := checkFence(afero.NewMemMapFs(), "media", "blog"); errors.Is(err, errNoMarkerRead) {
		t.Errorf("a marker that is missing can't be read: %v", err)
	}
}

// unreadable is a storage that nobody may read.
type unreadable struct{ afero.Fs }

func (unreadable) Open(string) (afero.File, error) { return nil, fs.ErrPermission }
