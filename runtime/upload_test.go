package runtime_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

func TestCreateFindsFreeName(t *testing.T) {
	w := newWorld(t, "covers/a.png covers/.hidden b.tar.gz dir/file")
	b := w.clean.Begin()
	for wanted, pattern := range map[string]string{
		"covers/a.png":   `^covers/a_[a-z2-7]{7}\.png$`,
		"covers/.hidden": `^covers/\.hidden_[a-z2-7]{7}$`,
		"b.tar.gz":       `^b\.tar_[a-z2-7]{7}\.gz$`,
		"dir":            `^dir_[a-z2-7]{7}$`,
		"new/deep/c.png": `^new/deep/c\.png$`,
	} {
		if got := w.upload(b, wanted); !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s became %s", wanted, got)
		}
	}
	b.Rollback()
	w.wantLeft("b.tar.gz covers/.hidden covers/a.png dir/file")
}

// TestCreateAvoidsNamesInUse: not even a name whose file is missing is taken
// up while a batch is about to decide on it.
func TestCreateAvoidsNamesInUse(t *testing.T) {
	w := newWorld(t, "")
	other := w.clean.Begin()
	remove(other, &doc{ID: 1, A: "p"})
	b := w.clean.Begin()
	if got := w.upload(b, "p"); got == "p" {
		t.Error("a name that another batch released was given to an upload")
	}
	insert(b, &doc{ID: 2, A: "q"})
	if got := w.upload(b, "q"); got == "q" {
		t.Error("a name that a record names was given to an upload")
	}
}

// TestCreateWhileDeleting: a name whose file is being deleted at this moment is
// not free yet.
func TestCreateWhileDeleting(t *testing.T) {
	var w *world
	var got string
	w = newWorld(t, "", runtime.WithObserver(runtime.Observer{
		Before: func(context.Context, runtime.Event) error {
			other := w.clean.Begin()
			got = w.upload(other, "p")
			insert(other, &doc{ID: 2, A: got})
			w.commit(other)
			return nil
		},
	}))
	b := w.clean.Begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	if got == "p" {
		t.Error("the upload got the name")
	}
	w.wantLeft(got)
}

// TestCreateTakenName: the name that was wanted is not an upload: the record
// that has it can be saved.
func TestCreateTakenName(t *testing.T) {
	w := newWorld(t, "p")
	b := w.clean.Begin()
	w.upload(b, "p")
	insert(b, &doc{ID: 1, A: "p"})
	w.commit(b)
}

// TestCreateRace: a file that comes into being at the last moment is not
// written over, and one is not either by a storage that knows no O_EXCL.
func TestCreateRace(t *testing.T) {
	for name, storage := range map[string]func(afero.Fs) afero.Fs{
		"blind":     func(fs afero.Fs) afero.Fs { return blindFs{fs} },
		"no O_EXCL": func(fs afero.Fs) afero.Fs { return noExclFs{fs} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p")
			w.with(runtime.WithStorage("media", storage(w.files)))
			b := w.clean.Begin()
			if got := w.upload(b, "p"); got == "p" {
				t.Error("an upload got the name of a file")
			}
			b.Rollback()
			if ok, _ := afero.Exists(w.files, "p"); !ok {
				t.Error("p is gone")
			}
		})
	}
}

// blindFs does not see that a file is there.
type blindFs struct{ afero.Fs }

func (blindFs) Stat(name string) (os.FileInfo, error) {
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// noExclFs opens what is there.
type noExclFs struct{ afero.Fs }

func (f noExclFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	return f.Fs.OpenFile(name, flag&^os.O_EXCL, perm)
}

// TestCreateStatFails: a storage that can't tell whether a file is there, and
// knows no O_EXCL, is not written to.
func TestCreateStatFails(t *testing.T) {
	errSlow := errors.New("503 slow down")
	w := newWorld(t, "p")
	w.with(runtime.WithStorage("media", statFails{noExclFs{w.files}, errSlow}))
	b := w.clean.Begin()
	if _, err := b.Create(context.Background(), "media", "p"); !errors.Is(err, errSlow) {
		t.Errorf("error: %v", err)
	}
	b.Rollback()
	w.wantLeft("p")
}

type statFails struct {
	afero.Fs
	err error
}

func (s statFails) Stat(string) (os.FileInfo, error) { return nil, s.err }

func TestCreateErrors(t *testing.T) {
	w := newWorld(t, "file", runtime.WithStorage("readonly", afero.NewReadOnlyFs(afero.NewMemMapFs())))
	b := w.clean.Begin()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx           context.Context
		storage, name string
		want          error
	}{
		"bad name":        {context.Background(), "media", "../x", storage.ErrBadName},
		"unknown storage": {context.Background(), "nowhere", "x", runtime.ErrUpload},
		"read-only":       {context.Background(), "readonly", "x", fs.ErrPermission},
		"cancelled":       {cancelled, "media", "x", context.Canceled},
	} {
		_, err := b.Create(test.ctx, test.storage, test.name)
		if !errors.Is(err, test.want) || !errors.Is(err, runtime.ErrUpload) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.Rollback()
	w.wantLeft("file")
}

// TestCreatePanics: a storage that panics leaves no upload behind whose
// rollback could remove what others made.
func TestCreatePanics(t *testing.T) {
	w := newWorld(t, "")
	storage := &panicky{w.files}
	w.with(runtime.WithStorage("media", storage))
	b := w.clean.Begin()
	func() {
		defer func() { _ = recover() }()
		_, _ = b.Create(context.Background(), "media", "p")
	}()
	w.write("p")
	b.Rollback()
	w.wantLeft("p")
}

type panicky struct{ afero.Fs }

func (panicky) OpenFile(string, int, os.FileMode) (afero.File, error) { panic("bug") }

// TestIncompleteUpload: a row never comes to name half a file.
func TestIncompleteUpload(t *testing.T) {
	errFull := errors.New("no space left on device")
	for name, spoil := range map[string]func(u *runtime.Upload, f *failingFile){
		"not closed":   func(*runtime.Upload, *failingFile) {},
		"write failed": func(u *runtime.Upload, f *failingFile) { f.write = errFull; _, _ = u.Write([]byte("x")); _ = u.Close() },
		"close failed": func(u *runtime.Upload, f *failingFile) { f.close = errFull; _ = u.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p")
			storage := &failingFs{Fs: w.files}
			w.with(runtime.WithStorage("media", storage))
			b := w.clean.Begin()
			u, err := b.Create(context.Background(), "media", "n")
			if err != nil {
				t.Fatal(err)
			}
			spoil(u, storage.last)
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = u.Name() })

			committed := false
			_, err = b.CommitWith(context.Background(), func() error { committed = true; return nil })
			if !errors.Is(err, runtime.ErrUpload) || committed {
				t.Errorf("commit: %v, reached the database: %t", err, committed)
			}
			report := b.Rollback()
			wantResult(t, report, "n", runtime.Removed, "")
			w.wantLeft("p")
		})
	}
}

// TestAbandonedUpload: an upload that went wrong and that no record names does
// not stand in the way.
func TestAbandonedUpload(t *testing.T) {
	w := newWorld(t, "p")
	b := w.clean.Begin()
	if _, err := b.Create(context.Background(), "media", "n"); err != nil {
		t.Fatal(err)
	}
	remove(b, &doc{ID: 1, A: "p"})
	report := w.commit(b)
	wantResult(t, report, "n", runtime.Kept, runtime.NeverHeld)
}

func TestUploadCloseTwice(t *testing.T) {
	w := newWorld(t, "")
	b := w.clean.Begin()
	u, err := b.Create(context.Background(), "media", "n")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	if err := u.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	insert(b, &doc{ID: 1, A: u.Name()})
	w.commit(b)
	w.wantLeft("n")
}

type failingFs struct {
	afero.Fs
	last *failingFile
}

func (f *failingFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	file, err := f.Fs.OpenFile(name, flag, perm)
	f.last = &failingFile{File: file}
	return f.last, err
}

type failingFile struct {
	afero.File
	write, close error
}

func (f *failingFile) Write(p []byte) (int, error) {
	if f.write != nil {
		return 0, f.write
	}
	return f.File.Write(p)
}

func (f *failingFile) Close() error {
	return errors.Join(f.close, f.File.Close())
}

// What the cleaner creates is taken by whichever batch names it, and goes with Discard
// otherwise.
func TestCleanerCreateAndDiscard(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *world, name string)
		left string
	}{
		"taken": {func(w *world, name string) {
			b := w.clean.Begin()
			insert(b, &doc{ID: 1, A: name})
			w.commit(b)
		}, "p"},
		"taken and let go of": {func(w *world, name string) {
			b := w.clean.Begin()
			r := &doc{ID: 1, A: name}
			insert(b, r)
			update(b, r, func(r *doc) { r.A = "" })
			w.commit(b)
		}, ""},
		"rolled back": {func(w *world, name string) {
			b := w.clean.Begin()
			insert(b, &doc{ID: 1, A: name})
			b.Rollback()
		}, ""},
		"unknown outcome": {func(w *world, name string) {
			b := w.clean.Begin()
			insert(b, &doc{ID: 1, A: name})
			_, _ = b.CommitWith(w.t.Context(), func() error { return errors.New("connection lost") })
		}, "p"},
		"forgotten": {func(*world, string) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "")
			up, err := w.clean.Create(t.Context(), "media", "p")
			if err != nil {
				t.Fatal(err)
			}
			if err := up.Close(); err != nil {
				t.Fatal(err)
			}
			c.do(w, up.Name())
			up.Discard()
			up.Discard()
			w.wantLeft(c.left)
			if _, err := w.clean.Create(t.Context(), "media", "q"); err != nil { // nothing is in the way
				t.Error(err)
			}
		})
	}
}

// A record can't be committed that names what is not complete.
func TestCleanerCreateNotClosed(t *testing.T) {
	w := newWorld(t, "")
	up, err := w.clean.Create(t.Context(), "media", "p")
	if err != nil {
		t.Fatal(err)
	}
	defer up.Discard()
	b := w.clean.Begin()
	insert(b, &doc{ID: 1, A: "p"})
	if _, err := b.CommitWith(t.Context(), func() error { return nil }); !errors.Is(err, runtime.ErrUpload) {
		t.Error(err)
	}
}

// The rows are asked about what is discarded, where there are references.
func TestDiscardAsks(t *testing.T) {
	w := newWorld(t, "", runtime.WithReferences(runtime.ReferencesFunc(func(_ context.Context, refs []runtime.Ref) ([]runtime.Ref, error) {
		return refs, nil
	})))
	up, err := w.clean.Create(t.Context(), "media", "p")
	if err != nil {
		t.Fatal(err)
	}
	up.Discard()
	w.wantLeft("p")
}
