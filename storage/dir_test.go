package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// newDir makes a directory with a neighbour that must not be touched, and
// opens it.
func newDir(t *testing.T) (media *storage.DirFs, path string) {
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
	media, err := storage.Dir(path)
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
	must(t, media.MkdirAll("a/b", 0o755))
	must(t, media.Mkdir("a/c", 0o755))
	must(t, afero.WriteFile(media, "a/b/f", []byte("text"), 0o600))
	must(t, media.Rename("a/b/f", "a/c/g"))
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	must(t, media.Chtimes("a/c/g", when, when))
	must(t, media.Chmod("a/c/g", 0o644))
	info, err := media.Stat("a/c/g")
	must(t, err)
	if info.Size() != 4 || !info.ModTime().Equal(when) {
		t.Errorf("size %d, time %v", info.Size(), info.ModTime())
	}
	text, err := afero.ReadFile(media, "a/c/g")
	must(t, err)
	if string(text) != "text" {
		t.Errorf("read %q", text)
	}
	must(t, media.Remove("a/c/g"))
	if err := media.Remove("a/c/g"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed again: %v", err)
	}
	must(t, media.RemoveAll("a"))
	if _, err := os.Stat(filepath.Join(path, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after RemoveAll: %v", err)
	}
	if f, err := media.Open("gone"); f != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a missing file: %v, %v", f, err)
	}
}

func TestDirMissing(t *testing.T) {
	if _, err := storage.Dir(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error: %v", err)
	}
}

// TestDirectoryRemoveFile: it removes files of one directory, and nothing else.
func TestDirectoryRemoveFile(t *testing.T) {
	media, path := newDir(t)
	must(t, os.Mkdir(filepath.Join(path, "sub", "empty"), 0o755))
	d, err := media.Directory("sub")
	must(t, err)
	defer d.Close()
	must(t, d.RemoveFile("p"))
	if err := d.RemoveFile("p"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := d.RemoveFile("empty"); !errors.Is(err, storage.ErrIsDirectory) {
		t.Errorf("a directory: %v", err)
	}
	for _, name := range []string{"../q", "../../outside/victim", "empty/x", ".", "..", "", "/", "p/", "p/.", `empty\x`, "p\x00"} {
		if err := d.RemoveFile(name); !errors.Is(err, storage.ErrBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"sub/empty", "q", "../outside/victim"} {
		if _, err := os.Stat(filepath.Join(path, filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
	if _, err := media.Directory("../outside"); err == nil {
		t.Error("a directory outside was opened")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
