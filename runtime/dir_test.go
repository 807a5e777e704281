package runtime_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// newDir makes a directory with a neighbour that must not be touched, and
// opens it.
func newDir(t *testing.T) (media *runtime.DirFs, path string) {
	t.Helper()
	top := t.TempDir()
	path = filepath.Join(top, "media")
	for _, name := range []string{"media/sub/p", "media/q", "media-private/secret", "outside/victim"} {
		name = filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	media, err := runtime.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { media.Close() })
	return media, path
}

func TestDirContains(t *testing.T) {
	media, path := newDir(t)
	outside := filepath.Join(filepath.Dir(path), "outside")
	names := []string{
		"../media-private/secret", "sub/../../outside/victim", "..", "../media",
		filepath.Join(outside, "victim"), "a\x00b", "",
	}
	if err := os.Symlink(outside, filepath.Join(path, "link")); err == nil {
		names = append(names, "link/victim")
	}
	if err := os.Symlink("../outside", filepath.Join(path, "rellink")); err == nil {
		names = append(names, "rellink/victim")
	}
	for _, name := range names {
		for op, do := range map[string]func() error{
			"Remove":    func() error { return media.Remove(name) },
			"RemoveAll": func() error { return media.RemoveAll(name) },
			"Rename":    func() error { return media.Rename(name, "stolen") },
			"RenameTo":  func() error { return media.Rename("q", name) },
			"Open":      func() error { _, err := media.Open(name); return err },
			"Create":    func() error { _, err := media.Create(name); return err },
			"OpenFile":  func() error { _, err := media.OpenFile(name, os.O_RDWR, 0); return err },
			"Stat":      func() error { _, err := media.Stat(name); return err },
			"Chmod":     func() error { return media.Chmod(name, 0o600) },
			"Chtimes":   func() error { return media.Chtimes(name, time.Now(), time.Now()) },
			"MkdirAll":  func() error { return media.MkdirAll(name+"/x", 0o755) },
			"Mkdir":     func() error { return media.Mkdir(name+"/x", 0o755) },
		} {
			err := do()
			if err == nil {
				t.Errorf("%s(%q) was let through", op, name)
			}
			if name != "" && name != "a\x00b" && errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s(%q) says that it does not exist: %v", op, name, err)
			}
		}
	}
	for _, name := range []string{"media/sub/p", "media/q", "media-private/secret", "outside/victim"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
}

func TestDirRootStays(t *testing.T) {
	media, path := newDir(t)
	for op, err := range map[string]error{
		"Remove":    media.Remove("."),
		"RemoveAll": media.RemoveAll("."),
		"Rename":    media.Rename(".", "x"),
	} {
		if err == nil {
			t.Errorf("%s was let through", op)
		}
	}
	if _, err := os.Stat(filepath.Join(path, "sub", "p")); err != nil {
		t.Error(err)
	}
}

// TestDirWorks: it is an ordinary afero.Fs for everything inside.
func TestDirWorks(t *testing.T) {
	media, path := newDir(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(media.MkdirAll("a/b", 0o755))
	must(media.Mkdir("a/c", 0o755))
	must(afero.WriteFile(media, "a/b/f", []byte("text"), 0o600))
	must(media.Rename("a/b/f", "a/c/g"))
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	must(media.Chtimes("a/c/g", when, when))
	must(media.Chmod("a/c/g", 0o644))
	info, err := media.Stat("a/c/g")
	must(err)
	if info.Size() != 4 || !info.ModTime().Equal(when) {
		t.Errorf("size %d, time %v", info.Size(), info.ModTime())
	}
	text, err := afero.ReadFile(media, "a/c/g")
	must(err)
	if string(text) != "text" {
		t.Errorf("read %q", text)
	}
	must(media.Remove("a/c/g"))
	if err := media.Remove("a/c/g"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed again: %v", err)
	}
	must(media.RemoveAll("a"))
	if _, err := os.Stat(filepath.Join(path, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after RemoveAll: %v", err)
	}
	if f, err := media.Open("gone"); f != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a missing file: %v, %v", f, err)
	}
}

func TestDirMissing(t *testing.T) {
	if _, err := runtime.Dir(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error: %v", err)
	}
}

// TestDirAsStorage runs a whole batch on a real directory.
func TestDirAsStorage(t *testing.T) {
	media, path := newDir(t)
	w := (&world{t: t, files: media}).with(runtime.WithStorage("media", media))
	b := w.clean.Begin()
	name := w.upload(b, "new/n.png")
	update(b, &doc{ID: 1, A: "sub/p", B: "../outside/victim"}, func(r *doc) { r.A, r.B = name, "" })
	report := w.commit(b)
	wantResult(t, report, "sub/p", runtime.Removed, "")
	wantResult(t, report, "../outside/victim", runtime.Kept, runtime.UnsafeName)
	if _, err := os.Stat(filepath.Join(path, "new", "n.png")); err != nil {
		t.Error(err)
	}
	b = w.clean.Begin()
	w.upload(b, "new/n.png")
	b.Rollback()
	entries, err := os.ReadDir(filepath.Join(path, "new"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
