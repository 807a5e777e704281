package runtime_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
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

// TestDirAsStorage runs a whole batch on a real directory.
func TestDirAsStorage(t *testing.T) {
	media, path := newDir(t)
	w := (&world{t: t, files: media}).with(runtime.WithStorage("media", media))
	b := w.begin()
	name := w.upload("new/n.png")
	update(b, &doc{ID: 1, A: "sub/p", B: "../outside/victim"}, func(r *doc) { r.A, r.B = name, "" })
	report := w.commit(b)
	wantResult(t, report, "sub/p", runtime.Removed, "")
	wantResult(t, report, "../outside/victim", runtime.Kept, runtime.UnsafeName)
	if _, err := os.Stat(filepath.Join(path, "new", "n.png")); err != nil {
		t.Error(err)
	}
	b = w.begin()
	update(b, &doc{ID: 2}, func(r *doc) { r.A = w.upload("new/n.png") })
	b.Rollback()
	w.discard()
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
				b := w.begin()
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
	b := w.begin()
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
