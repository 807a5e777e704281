package runtime_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// TestDirSymlinkSwapped: a directory in the storage becomes a link that leads
// out of it, and back, while files are deleted by names that pass through it.
func TestDirSymlinkSwapped(t *testing.T) {
	media, path := newDir(t)
	top := filepath.Dir(path)
	const files = 50
	for i := range files {
		for _, dir := range []string{"media/d", "outside"} {
			name := filepath.Join(top, dir, fmt.Sprintf("f%02d", i))
			must(t, os.MkdirAll(filepath.Dir(name), 0o755))
			must(t, os.WriteFile(name, nil, 0o644))
		}
	}
	if err := os.Symlink("../outside", filepath.Join(path, "evil")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.Rename(filepath.Join(path, "d"), filepath.Join(path, "aside"))
				_ = os.Rename(filepath.Join(path, "evil"), filepath.Join(path, "d"))
				_ = os.Rename(filepath.Join(path, "d"), filepath.Join(path, "evil"))
				_ = os.Rename(filepath.Join(path, "aside"), filepath.Join(path, "d"))
			}
		}
	}()
	w := (&world{t: t, files: media}).with(runtime.WithStorage("media", media), runtime.WithWorkers(3))
	seen := map[runtime.Status]int{}
	for range 20 {
		for _, group := range []int{1, 10} { // one by one, and by an opened directory
			for i := 0; i < files; i += group {
				var names []string
				for j := range group {
					names = append(names, fmt.Sprintf("d/f%02d", i+j))
				}
				b := w.clean.Begin()
				remove(b, &doc{ID: 1, Gallery: names})
				for _, f := range w.commit(b).Files {
					seen[f.Status]++
				}
			}
		}
	}
	close(stop)
	<-stopped
	entries, err := os.ReadDir(filepath.Join(top, "outside"))
	must(t, err)
	if len(entries) != files+1 {
		t.Errorf("%d of %d files are left outside", len(entries), files+1)
	}
	if seen[runtime.Removed] == 0 || seen[runtime.Failed] == 0 {
		t.Logf("the link was never met: %v", seen)
	}
}

// TestPruneStopsAtRoot: the last file of a storage goes, its directory stays, and
// the storage is not even asked to remove it.
func TestPruneStopsAtRoot(t *testing.T) {
	w, storage := newFaultyWorld(t, "a/p.png", nil, runtime.WithTypes(photoType))
	b := w.clean.Begin()
	photo(b, 1, "a/p.png", "")
	w.commit(b)
	var removed []string
	for _, call := range storage.calls {
		if !strings.HasPrefix(call, "stat ") {
			removed = append(removed, call)
		}
	}
	if got := strings.Join(removed, " "); got != "a/p.png a" {
		t.Errorf("removed: %s", got)
	}
}
