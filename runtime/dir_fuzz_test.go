package runtime_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// dirOps are all methods of a DirFs, with a name or two.
var dirOps = []func(d *storage.DirFs, name, other string) error{
	func(d *storage.DirFs, name, _ string) error { return d.Remove(name) },
	func(d *storage.DirFs, name, _ string) error { return d.RemoveAll(name) },
	func(d *storage.DirFs, name, other string) error { return d.Rename(name, other) },
	func(d *storage.DirFs, name, _ string) error { return d.Mkdir(name, 0o755) },
	func(d *storage.DirFs, name, _ string) error { return d.MkdirAll(name, 0o755) },
	func(d *storage.DirFs, name, _ string) error { return d.Chmod(name, 0o700) },
	func(d *storage.DirFs, name, _ string) error { return d.Chown(name, os.Getuid(), os.Getgid()) },
	func(d *storage.DirFs, name, _ string) error { return d.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0)) },
	func(d *storage.DirFs, name, _ string) error { _, err := d.Stat(name); return err },
	func(d *storage.DirFs, name, _ string) error { _, _, err := d.LstatIfPossible(name); return err },
	func(d *storage.DirFs, name, _ string) error { return readAll(d.Open(name)) },
	func(d *storage.DirFs, name, _ string) error { return overwrite(d.Create(name)) },
	func(d *storage.DirFs, name, _ string) error {
		return overwrite(d.OpenFile(name, os.O_RDWR|os.O_TRUNC|os.O_CREATE, 0o600))
	},
}

func overwrite(f afero.File, err error) error {
	if err != nil {
		return err
	}
	_, err = f.WriteString("overwritten")
	return errors.Join(err, f.Close())
}

func readAll(f afero.File, err error) error {
	if err != nil {
		return err
	}
	return f.Close()
}

// FuzzDir: whatever the operation and the names, nothing outside the directory
// changes, and the directory stays; and a batch that lets go of the name removes
// at most a file.
func FuzzDir(f *testing.F) {
	for _, name := range []string{
		"q", "sub/p", ".", "..", "", "/", "../media", "../outside/victim", "sub/../../outside", "link/victim", "abs/victim", "sub/loop",
		"a\x00b", "sub/", "sub//p", "./q", `..\outside`, "C:x", "link", "inner/p", "sub/..", "new/deep/name", "\xff",
	} {
		for op := range dirOps {
			f.Add(uint8(op), name, "q")
			f.Add(uint8(op), "q", name)
		}
	}
	f.Fuzz(func(t *testing.T, op uint8, name, other string) {
		top := t.TempDir()
		before := plant(t, top)
		media, err := storage.Dir(filepath.Join(top, "media"))
		if err != nil {
			t.Fatal(err)
		}
		defer media.Close()
		_ = dirOps[int(op)%len(dirOps)](media, name, other)
		check := func() {
			t.Helper()
			if after := outsideOf(t, top); after != before {
				t.Fatalf("op %d, %q, %q: outside was\n%s\nand is\n%s", op, name, other, before, after)
			}
		}
		check()

		// What is a directory now is one afterwards.
		w := (&world{t: t, files: media}).with(runtime.WithStorage("media", media))
		dirs := directories(t, filepath.Join(top, "media"))
		b := w.begin()
		remove(b, &doc{ID: 1, A: name, B: other})
		if _, err := w.tryCommit(b); err != nil {
			t.Fatal(err)
		}
		check()
		if left := directories(t, filepath.Join(top, "media")); left != dirs {
			t.Fatalf("%q, %q: directories were %s and are %s", name, other, dirs, left)
		}
	})
}

// plant makes a storage with links that lead out of it, and what is outside.
func plant(t *testing.T, top string) (outside string) {
	t.Helper()
	for _, name := range []string{"media/q", "media/sub/p", "media/empty/", "outside/victim", "media-private/secret"} {
		path := filepath.Join(top, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(name), 0o644))
	}
	for link, to := range map[string]string{
		"link": "../outside", "abs": filepath.Join(top, "outside"), "inner": "sub", "sub/loop": "loop", "file": "../outside/victim", "root": ".",
	} {
		must(t, os.Symlink(to, filepath.Join(top, "media", filepath.FromSlash(link))))
	}
	old := time.Unix(1_000_000_000, 0)
	for _, name := range []string{"outside/victim", "media-private/secret", "outside", "media-private"} {
		must(t, os.Chtimes(filepath.Join(top, name), old, old))
	}
	return outsideOf(t, top)
}

// outsideOf describes all that is not below media, and that media is there.
func outsideOf(t *testing.T, top string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, path)
		if rel == "media" || rel == "." {
			b.WriteString(rel + "/\n")
			if rel == "media" {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(data)
		}
		b.WriteString(strings.Join([]string{rel, info.Mode().String(), info.ModTime().String(), content}, " ") + "\n")
		return nil
	}))
	return b.String()
}

func directories(t *testing.T, root string) string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			names = append(names, path)
		}
		return nil
	}))
	return strings.Join(names, " ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
