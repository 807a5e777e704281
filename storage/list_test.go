package storage_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/afero"
	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/storage"
)

// listed returns what a storage lists.
func listed(tb testing.TB, files afero.Fs, from string) (names []string) {
	tb.Helper()
	for f, err := range storage.List(tb.Context(), files, from) {
		if err != nil {
			tb.Fatal(err)
		}
		names = append(names, f.Name)
	}
	return names
}

// TestListOrder: full names come in the order of their bytes, whatever is a directory, and
// from any name on.
func TestListOrder(t *testing.T) {
	part := rapid.StringMatching(`[ab.\-0 é]{1,3}`).Filter(func(s string) bool { return strings.Trim(s, ".") != "" })
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "/")
	})
	rapid.Check(t, func(rt *rapid.T) {
		root := t.TempDir()
		dir, err := storage.Dir(root)
		if err != nil {
			rt.Fatal(err)
		}
		defer dir.Close()
		memory := afero.NewMemMapFs()
		var want []string
		for _, n := range rapid.SliceOf(name).Draw(rt, "names") {
			full := filepath.Join(root, n)
			if os.MkdirAll(filepath.Dir(full), 0o755) != nil || os.WriteFile(full, nil, 0o600) != nil {
				continue // another name is a directory of its name, or the other way round
			}
			want = append(want, n)
			if err := afero.WriteFile(memory, n, nil, 0o600); err != nil {
				rt.Fatal(err)
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)
		from := name.Draw(rt, "from")
		i, _ := slices.BinarySearch(want, from)
		for _, files := range []afero.Fs{dir, memory, afero.NewBasePathFs(afero.NewOsFs(), root)} {
			if got := listed(t, files, ""); !slices.Equal(got, want) {
				rt.Fatalf("%s lists %q, want %q", files.Name(), got, want)
			}
			if got := listed(t, files, from); !slices.Equal(got, want[i:]) {
				rt.Fatalf("%s lists %q from %q, want %q", files.Name(), got, from, want[i:])
			}
		}
	})
}

// TestListManyInOneDirectory: a directory that does not fit into memory is sorted all the same.
func TestListManyInOneDirectory(t *testing.T) {
	root := t.TempDir()
	const n = 100_100
	var want []string
	for i := range n {
		want = append(want, "d/"+strconv.Itoa(i))
	}
	if err := os.Mkdir(filepath.Join(root, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(root, want[0])
	if err := os.WriteFile(first, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, name := range want[1:] {
		if err := os.Link(first, filepath.Join(root, name)); err != nil {
			if i < 1000 {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil { // a file has only so many links
				t.Fatal(err)
			}
			first = filepath.Join(root, name)
		}
	}
	if err := os.Symlink("0", filepath.Join(root, "d", "1-link")); err != nil {
		t.Fatal(err)
	}
	want = append(want, "d/1-link")
	slices.Sort(want)
	dir, err := storage.Dir(root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	i := 0
	for f, err := range dir.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != want[i] || (f.Mode&fs.ModeSymlink != 0) != (f.Name == "d/1-link") {
			t.Fatalf("file %d is %s (%s), want %s", i, f.Name, f.Mode, want[i])
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d files, want %d", i, len(want))
	}
}

// TestListWhatIsNoFile: links are not followed, and what can't be read ends the list.
func TestListWhatIsNoFile(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(outside, "secret"), nil, 0o600),
		os.Symlink(outside, filepath.Join(root, "out")),
		os.Symlink(".", filepath.Join(root, "round")),
		os.Symlink("nowhere", filepath.Join(root, "broken")),
		os.WriteFile(filepath.Join(root, "\xff"), nil, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	dir, err := storage.Dir(root)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := listed(t, dir, ""), []string{"broken", "out", "round", "\xff"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	var failed error
	for _, err := range dir.List(t.Context(), "") {
		failed = err
	}
	if !errors.Is(failed, os.ErrClosed) {
		t.Errorf("a directory that is closed: %v", failed)
	}
}

// TestListVanishing: a directory that goes meanwhile is left out, and no error.
func TestListVanishing(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a/x", "b/y", "c"} {
		full := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := storage.Dir(root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var got []string
	for f, err := range dir.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, f.Name); f.Name == "a/x" {
			if err := os.RemoveAll(filepath.Join(root, "b")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"a/x", "c"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

// TestListEnds: a list ends when its context does.
func TestListEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range storage.List(ctx, afero.NewMemMapFs(), "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
		return
	}
	t.Error("no error")
}
