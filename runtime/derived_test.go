package runtime_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// photoType has a thumbnail and a text with each file, which lie in directories
// that go when they are empty.
var photoType = &runtime.Type{Name: "x.Photo", Fields: []runtime.Field{
	{Path: "File", Storage: "media", Derived: []string{"thumbs/{dir}/{stem}.webp", "{dir}/{name}.txt"}, Prune: true, Defaults: []string{"blank.png"}},
	{Path: "Plain", Storage: "media"},
}}

// photo writes the row with this ID, which named the old file, to name the new one.
func photo(b *txn, id int, old, now string) {
	b.read(photoID(id), media(old))
	r := b.Updated(photoType, runtime.IntKey(id))
	r.Hold(0, now)
	r.Release(0, old)
	b.set(photoID(id), media(now))
}

// photoID tells a row of photos from one of documents.
type photoID int

// TestDerived tells what is left of files, and of those that are derived from
// them.
func TestDerived(t *testing.T) {
	veto := runtime.WithObserver(runtime.Observer{Before: func(_ context.Context, e runtime.Result) error {
		if e.Ref.Name == "a/p.png" {
			return errors.New("no")
		}
		return nil
	}})
	for name, test := range map[string]struct {
		story   func(b *txn)
		left    string
		options []runtime.Option
	}{
		"go with their file": {story: func(b *txn) { photo(b, 1, "a/p.png", "q.png") },
			left: "q.png q.png.txt thumbs/q.webp"},
		"stay with it": {story: func(b *txn) { photo(b, 1, "a/p.png", "a/p.png") },
			left: "a/p.png a/p.png.txt q.png q.png.txt thumbs/a/p.webp thumbs/q.webp"},
		"move with it": {story: func(b *txn) { photo(b, 1, "a/p.png", ""); photo(b, 2, "", "a/p.png") },
			left: "a/p.png a/p.png.txt q.png q.png.txt thumbs/a/p.webp thumbs/q.webp"},
		"shared with another file that stays": {story: func(b *txn) { photo(b, 1, "a/p.png", ""); photo(b, 2, "", "a/p.gif") },
			left: "q.png q.png.txt thumbs/a/p.webp thumbs/q.webp"},
		"named by a record itself": {story: func(b *txn) {
			photo(b, 1, "a/p.png", "")
			r := b.Created(photoType, runtime.IntKey(3))
			r.Hold(1, "thumbs/a/p.webp")
			b.set(photoID(3), media("thumbs/a/p.webp"))
		}, left: "q.png q.png.txt thumbs/a/p.webp thumbs/q.webp"},
		"let go by a field without": {story: func(b *txn) {
			r := b.Deleted(photoType, runtime.IntKey(3))
			r.Release(1, "a/p.png")
		}, left: "a/p.png.txt q.png q.png.txt thumbs/a/p.webp thumbs/q.webp"},
		"stay where an observer keeps the file": {story: func(b *txn) { photo(b, 1, "a/p.png", "") },
			left: "a/p.png a/p.png.txt q.png q.png.txt thumbs/a/p.webp thumbs/q.webp", options: []runtime.Option{veto}},
		"stay with a default": {story: func(b *txn) { photo(b, 1, "blank.png", "") },
			left: "a/p.png a/p.png.txt q.png q.png.txt thumbs/a/p.webp thumbs/q.webp"},
		"of an unsafe name": {story: func(b *txn) { photo(b, 1, "x/../q.png", "") },
			left: "a/p.png a/p.png.txt q.png q.png.txt thumbs/a/p.webp thumbs/q.webp"},
	} {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				options := append([]runtime.Option{runtime.WithTypes(photoType)}, test.options...)
				w := newWorld(t, "a/p.png a/p.png.txt thumbs/a/p.webp q.png q.png.txt thumbs/q.webp", options...)
				b := w.begin()
				test.story(b)
				w.commit(b)
				w.wantLeft(test.left)
			})
		}
	}
}

// TestDerivedReport: a derived file that was never made is no failure, and the
// report says what it was derived from.
func TestDerivedReport(t *testing.T) {
	w := newWorld(t, "p.png", runtime.WithTypes(photoType))
	b := w.begin()
	photo(b, 1, "p.png", "")
	report := w.commit(b)
	r, ok := report.Of(runtime.Ref{Storage: "media", Name: "thumbs/p.webp"})
	if !ok || r.Status != runtime.Missing || r.DerivedFrom != "p.png" {
		t.Errorf("%+v", r)
	}
}

// TestPrune: directories go when they are empty, and the root never does.
func TestPrune(t *testing.T) {
	for name, files := range map[string]afero.Fs{
		"Dir":    dirAt(t, t.TempDir()),
		"memory": afero.NewMemMapFs(),
	} {
		t.Run(name, func(t *testing.T) {
			for _, name := range []string{"a/b/c/p.png", "a/other.png", "d/p.png", "e/f/p.png"} {
				if err := files.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := afero.WriteFile(files, name, nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			w := (&world{t: t, files: files}).with(runtime.WithStorage("media", files), runtime.WithTypes(photoType))
			b := w.begin()
			photo(b, 1, "a/b/c/p.png", "")
			photo(b, 2, "d/p.png", "")
			r := b.Deleted(photoType, runtime.IntKey(3))
			r.Release(1, "e/f/p.png") // the field has no option prune
			w.commit(b)
			for dir, want := range map[string]bool{"a": true, "a/b": false, "d": false, "e/f": true} {
				if got, err := afero.DirExists(files, dir); got != want || err != nil {
					t.Errorf("%s: %t, %v", dir, got, err)
				}
			}
			w.wantLeft("a/other.png")
		})
	}
}

func dirAt(t *testing.T, path string) afero.Fs {
	t.Helper()
	d, err := storage.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// TestPruneRace: uploads into a directory that deletions prune at the same time
// neither fail nor are lost.
func TestPruneRace(t *testing.T) {
	root := t.TempDir()
	w := (&world{t: t}).with(runtime.WithStorage("media", dirAt(t, root)), runtime.WithTypes(photoType))
	var both sync.WaitGroup
	for g := range 4 {
		both.Go(func() {
			for i := range 100 {
				u, err := w.clean.Create(t.Context(), "media", "a/b/file.png")
				if err != nil {
					t.Error(err)
					return
				}
				if err := u.Close(); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(filepath.Join(root, u.Name())); err != nil {
					t.Error(err)
				}
				id := 1000*g + i + 1
				for _, step := range []struct{ old, now string }{{"", u.Name()}, {u.Name(), ""}} {
					b := w.begin()
					photo(b, id, step.old, step.now)
					if _, err := w.tryCommit(b); err != nil {
						t.Error(err)
					}
				}
				u.Discard()
			}
		})
	}
	both.Wait()
	if entries, err := os.ReadDir(filepath.Join(root, "a")); err == nil {
		t.Errorf("the directory is left, with %d entries", len(entries))
	}
}

// TestDerivedOfWhatMoved: the file moved to a field without derived files, which
// is no reason to delete those that it has.
func TestDerivedOfWhatMoved(t *testing.T) {
	w := newWorld(t, "p.png thumbs/p.webp p.png.txt", runtime.WithTypes(photoType))
	b := w.begin()
	r := b.Updated(photoType, runtime.IntKey(1))
	r.Hold(1, "p.png")
	r.Release(0, "p.png")
	b.set(photoID(1), media("p.png"))
	wantResult(t, w.commit(b), "thumbs/p.webp", runtime.Kept, runtime.FileKept)
	w.wantLeft("p.png p.png.txt thumbs/p.webp")
}
