package storage_test

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/filecleangen/filecleangen/storage"
)

// names are where the fuzz tests begin.
var names = []string{
	"a", "a/b.png", "covers/2024/noon.large.png", ".hidden", "...", "a/..b", "a.", "é/e\u0301",
	"", ".", "..", "/", "/a//b.png", `a\b.png`, `\\host\a`, "a/../../b", "C:/a", "c:a", "a\x00b", "\xff",
	storage.MarkerName, "/" + storage.MarkerName, "x/" + storage.MarkerName,
}

// checkGood: a name that CheckName lets pass is clean, and stays where it is put.
func checkGood(t *testing.T, name string) {
	t.Helper()
	switch {
	case name == "", path.Clean(name) != name, !filepath.IsLocal(name), !utf8.ValidString(name),
		strings.ContainsAny(name, "\x00\\"), name == ".", name == storage.MarkerName:
		t.Errorf("%q passes", name)
	}
	if dir := "/srv/media"; !strings.HasPrefix(path.Join(dir, name), dir+"/") {
		t.Errorf("%q leaves its directory", name)
	}
}

// FuzzCheckName: what passes is harmless, and another spelling of what does not passes.
func FuzzCheckName(f *testing.F) {
	for _, name := range names {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		other := storage.OtherSpelling(name)
		switch err := storage.CheckName(name); {
		case err == nil:
			checkGood(t, name)
			if other != "" {
				t.Errorf("%q passes, and has the other spelling %q", name, other)
			}
		case !errors.Is(err, storage.ErrBadName):
			t.Errorf("%q: %v", name, err)
		}
		if other == "" {
			return
		}
		if err := storage.CheckName(other); err != nil {
			t.Errorf("%q has the other spelling %q: %v", name, other, err)
		}
		checkGood(t, other)
	})
}

// FuzzDerive: what is derived from a good name by a good template is good, or refused.
func FuzzDerive(f *testing.F) {
	templates := []string{"thumbs/{dir}/{stem}.webp", "{dir}/{name}.txt", "{stem}", "x{stem}{ext}", "{ext}/{stem}", "{stem}/{name}", "{dir}{stem}"}
	for _, template := range templates {
		for _, name := range names {
			f.Add(template, name)
		}
	}
	f.Fuzz(func(t *testing.T, template, name string) {
		if storage.CheckTemplate(template) != nil || storage.CheckName(name) != nil {
			return
		}
		derived := storage.Derive(template, name)
		switch err := storage.CheckName(derived); {
		case err == nil:
			checkGood(t, derived)
		case !errors.Is(err, storage.ErrBadName):
			t.Errorf("%q of %q is %q: %v", template, name, derived, err)
		}
		if strings.Contains(template, "{dir}/{name}") && !strings.Contains(derived, name) {
			t.Errorf("%q of %q is %q", template, name, derived)
		}
	})
}
