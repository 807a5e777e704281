package runtime_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// A storage that hangs takes no other's turn.
func TestHangingStorage(t *testing.T) {
	called, hangs := make(chan struct{}), make(chan struct{})
	w := newWorld(t, "p q")
	stuck := removeFs{w.files, func() { called <- struct{}{}; <-hangs }}
	w = w.with(runtime.WithStorage("stuck", stuck), runtime.WithStorage("media", w.files), runtime.WithTimeout(time.Second))
	remove := func(ref runtime.Ref) runtime.Result {
		return w.clean.Delete(context.Background(), []runtime.Result{{Ref: ref}}, func(runtime.Result) bool { return true })[0]
	}
	done := make(chan runtime.Result)
	go func() { done <- remove(runtime.Ref{Storage: "stuck", Name: "q"}) }()
	<-called
	if r := remove(media("p")); r.Status != runtime.Removed {
		t.Errorf("%+v", r)
	}
	close(hangs)
	if r := <-done; r.Status != runtime.Removed {
		t.Errorf("%+v", r)
	}
	w.wantLeft("")
}

// removeFs calls a function before each Remove.
type removeFs struct {
	afero.Fs
	before func()
}

func (r removeFs) Remove(name string) error {
	r.before()
	return r.Fs.Remove(name)
}

// TestManyDirectories: files are found again in the directories that are opened
// for them, and a directory that is not there any more is no trouble.
func TestManyDirectories(t *testing.T) {
	files, path := newDir(t)
	w := (&world{t: t, files: files}).with(runtime.WithStorage("media", files), runtime.WithWorkers(4))
	var names []string
	for i := range 300 {
		name := fmt.Sprintf("d%d/e%d/f%d", i%3, i%5, i)
		w.write(name)
		names = append(names, name)
		w.write(name + ".keep")
	}
	names = append(names, "gone/a", "gone/b", "q/below", "q/below2")
	outside := filepath.Join(filepath.Dir(path), "outside")
	if err := os.Symlink(outside, filepath.Join(path, "link")); err == nil {
		names = append(names, "link/victim", "link/victim2")
	}
	b := w.begin()
	remove(b, &doc{ID: 1, Gallery: names})
	report := w.commit(b)
	if n := report.Count(runtime.Removed); n != 300 {
		t.Errorf("%d removed: %v", n, report)
	}
	for _, name := range names[300:] {
		got, _ := report.Of(media(name))
		want := runtime.Failed
		if strings.HasPrefix(name, "gone/") {
			want = runtime.Missing
		}
		if got.Status != want {
			t.Errorf("%v", got)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "victim")); err != nil {
		t.Error(err)
	}
	if n := strings.Count(w.left(), ".keep"); n != 300 {
		t.Errorf("%d of the 300 others are left", n)
	}
}
