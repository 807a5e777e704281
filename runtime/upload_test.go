package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

func TestCreateFindsFreeName(t *testing.T) {
	w := newWorld(t, "covers/a.png covers/.hidden b.tar.gz dir/file")
	for wanted, pattern := range map[string]string{
		"covers/a.png":   `^covers/a_[a-z2-7]{7}\.png$`,
		"covers/.hidden": `^covers/\.hidden_[a-z2-7]{7}$`,
		"b.tar.gz":       `^b\.tar_[a-z2-7]{7}\.gz$`,
		"dir":            `^dir_[a-z2-7]{7}$`,
		"new/deep/c.png": `^new/deep/c\.png$`,
	} {
		if got := w.upload(wanted); !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s became %s", wanted, got)
		}
	}
	w.discard()
	w.wantLeft("b.tar.gz covers/.hidden covers/a.png dir/file")
}

// TestCreateShortensNames: a name that is taken gets characters added, and file systems
// take no more than 255 bytes for one element of a path.
func TestCreateShortensNames(t *testing.T) {
	for name, wanted := range map[string]string{
		"251 bytes":             "d/" + strings.Repeat("x", 247) + ".png",
		"255 bytes":             strings.Repeat("x", 251) + ".png",
		"two bytes each":        strings.Repeat("ä", 124) + ".png",
		"three bytes each":      "a" + strings.Repeat("日", 83) + ".x",
		"four bytes each":       strings.Repeat("🙂", 62) + ".jpeg",
		"nothing but extension": "." + strings.Repeat("x", 254),
		"a long extension":      "a." + strings.Repeat("ü", 126),
	} {
		t.Run(name, func(t *testing.T) {
			files, root := newDir(t)
			w := (&world{t: t, files: files}).with(runtime.WithStorage("media", files))
			w.write(wanted)
			got := w.upload(wanted)
			if base := path.Base(got); got == wanted || len(base) > 255 || !utf8.ValidString(got) || path.Dir(got) != path.Dir(wanted) {
				t.Errorf("%d bytes: %q", len(base), got)
			}
			if ext := path.Ext(wanted); len(ext) < 10 && path.Ext(got) != ext {
				t.Errorf("the extension is lost: %q", got)
			}
			if _, err := os.Stat(filepath.Join(root, got)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCreateWithoutExclusion: where two processes could open the same new file, no two
// uploads ever want the same, and nobody looks whether the name is free.
func TestCreateWithoutExclusion(t *testing.T) {
	random := regexp.MustCompile(`^d/p_[a-z2-7]{26}\.png$`)
	for name, test := range map[string]struct {
		storage func(afero.Fs) afero.Fs
		options []runtime.StorageOption
		wanted  bool
	}{
		"unknown":              {func(fs afero.Fs) afero.Fs { return plainFs{fs} }, nil, false},
		"unknown, with option": {func(fs afero.Fs) afero.Fs { return plainFs{fs} }, []runtime.StorageOption{runtime.Exclusive()}, true},
		"says no":              {func(fs afero.Fs) afero.Fs { return saysExclusive{fs, false} }, nil, false},
		"says yes":             {func(fs afero.Fs) afero.Fs { return saysExclusive{fs, true} }, nil, true},
		"known":                {func(fs afero.Fs) afero.Fs { return fs }, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "")
			w.with(runtime.WithStorage("media", test.storage(w.files), test.options...))
			one, two := w.upload("d/p.png"), w.upload("d/p.png")
			if (one == "d/p.png") != test.wanted || random.MatchString(one) == test.wanted {
				t.Errorf("the first became %s", one)
			}
			if one == two || !test.wanted && !random.MatchString(two) {
				t.Errorf("the second became %s", two)
			}
		})
	}
}

type plainFs struct{ afero.Fs }

type saysExclusive struct {
	afero.Fs
	exclusive bool
}

func (s saysExclusive) CreatesExclusively() bool { return s.exclusive }

// TestCreateAvoidsNamesInUse: not even a name whose file is missing is taken
// up while a batch is about to decide on it.
func TestCreateAvoidsNamesInUse(t *testing.T) {
	w := newWorld(t, "")
	other := w.begin()
	remove(other, &doc{ID: 1, A: "p"})
	b := w.begin()
	if got := w.upload("p"); got == "p" {
		t.Error("a name that another batch released was given to an upload")
	}
	insert(b, &doc{ID: 2, A: "q"})
	if got := w.upload("q"); got == "q" {
		t.Error("a name that a record names was given to an upload")
	}
}

// TestCreateWhileDeleting: a name whose file is being deleted at this moment is
// not free yet.
func TestCreateWhileDeleting(t *testing.T) {
	var w *world
	var got string
	w = newWorld(t, "", runtime.WithObserver(runtime.Observer{
		Before: func(context.Context, runtime.Result) error {
			other := w.begin()
			got = w.upload("p")
			insert(other, &doc{ID: 2, A: got})
			w.commit(other)
			return nil
		},
	}))
	b := w.begin()
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
	b := w.begin()
	w.upload("p")
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
			w.with(runtime.WithStorage("media", storage(w.files), runtime.Exclusive()))
			if got := w.upload("p"); got == "p" {
				t.Error("an upload got the name of a file")
			}
			w.discard()
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
	w.with(runtime.WithStorage("media", statFails{noExclFs{w.files}, errSlow}, runtime.Exclusive()))
	if _, err := w.clean.Create(context.Background(), "media", "p"); !errors.Is(err, errSlow) {
		t.Errorf("error: %v", err)
	}
	w.wantLeft("p")
}

type statFails struct {
	afero.Fs
	err error
}

func (s statFails) Stat(string) (os.FileInfo, error) { return nil, s.err }

func TestCreateErrors(t *testing.T) {
	w := newWorld(t, "file", runtime.WithStorage("readonly", afero.NewReadOnlyFs(afero.NewMemMapFs())))
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
		_, err := w.clean.Create(test.ctx, test.storage, test.name)
		if !errors.Is(err, test.want) || !errors.Is(err, runtime.ErrUpload) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wantLeft("file")
}

// TestCreatePanics: a storage that panics leaves nothing behind: the name is free for
// others, whose file nobody discards.
func TestCreatePanics(t *testing.T) {
	w := newWorld(t, "")
	files := w.files
	w.with(runtime.WithStorage("media", &panicky{files}, runtime.Exclusive()))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = w.clean.Create(context.Background(), "media", "p")
	}()
	w.write("p")
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	wantResult(t, w.commit(b), "p", runtime.Removed, "")
}

type panicky struct{ afero.Fs }

func (panicky) OpenFile(string, int, os.FileMode) (afero.File, error) { panic("bug") }

// TestIncompleteUpload: a row never comes to name half a file, and half a file goes.
func TestIncompleteUpload(t *testing.T) {
	errFull := errors.New("no space left on device")
	for name, spoil := range map[string]func(u *runtime.Upload, f *failingFile){
		"not closed":   func(*runtime.Upload, *failingFile) {},
		"write failed": func(u *runtime.Upload, f *failingFile) { f.write = errFull; _, _ = u.Write([]byte("x")); _ = u.Close() },
		"close failed": func(u *runtime.Upload, f *failingFile) { f.close = errFull; _ = u.Close() },
	} {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, "p")
				storage := &failingFs{Fs: w.files}
				w.with(runtime.WithStorage("media", storage, runtime.Exclusive()))
				u := w.create("n")
				defer u.Discard()
				spoil(u, storage.last)
				b := w.begin()
				update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = u.Name() })

				committed := false
				_, err := w.clean.Commit(t.Context(), b.Batch, nil, func() error { committed = true; return nil })
				if !errors.Is(err, runtime.ErrUpload) || committed {
					t.Errorf("commit: %v, reached the database: %t", err, committed)
				}
				b.Rollback()
				u.Discard()
				w.wantLeft("p")
				if !storage.last.closed {
					t.Error("the file was not closed")
				}
			})
		}
	}
}

// TestAbandonedUpload: an upload that went wrong and that no record names does
// not stand in the way.
func TestAbandonedUpload(t *testing.T) {
	w := newWorld(t, "p")
	w.create("n")
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	w.discard()
	w.wantLeft("")
}

func TestUploadCloseTwice(t *testing.T) {
	w := newWorld(t, "")
	u := w.create("n")
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	if err := u.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	b := w.begin()
	insert(b, &doc{ID: 1, A: u.Name()})
	w.commit(b)
	w.discard()
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
	closed       bool
}

func (f *failingFile) Write(p []byte) (int, error) {
	if f.write != nil {
		return 0, f.write
	}
	return f.File.Write(p)
}

func (f *failingFile) Close() error {
	f.closed = true
	return errors.Join(f.close, f.File.Close())
}

// TestDiscard tells what becomes of an upload p, which is discarded in the end, by what
// happened before.
func TestDiscard(t *testing.T) {
	for name, test := range map[string]struct {
		story func(w *world)
		left  string
		// unchecked is left where nobody asks the rows; "" is the same.
		unchecked string
		// questions is how often the rows are asked by the discard.
		questions int
	}{
		"never held": {func(*world) {}, "", "", 1},
		"taken": {func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			w.commit(b)
		}, "p", "", 0},
		"taken, and then let go of": {func(w *world) {
			b := w.begin()
			r := &doc{ID: 1, A: "p"}
			insert(b, r)
			w.commit(b)
			b = w.begin()
			remove(b, r)
			w.commit(b)
			w.write("p") // somebody's
		}, "p", "", 0},
		"taken and let go of at once": {func(w *world) {
			b := w.begin()
			r := &doc{ID: 1, A: "p"}
			insert(b, r)
			update(b, r, func(r *doc) { r.A = "" })
			w.commit(b)
		}, "", "", 0},
		"rolled back": {func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			b.Rollback()
		}, "", "", 1},
		"rolled back to a savepoint": {func(w *world) {
			b := w.begin()
			s := b.Savepoint()
			insert(b, &doc{ID: 1, A: "p"})
			b.rollbackTo(s)
			w.commit(b)
		}, "", "", 1},
		"of a write that changed no row": {func(w *world) {
			b := w.begin()
			_ = b.Exec((&doc{ID: 1, A: "p"}).AfterCreate, noRow)
			w.commit(b)
		}, "", "p", 1},
		"of a write that failed, and was made": {func(w *world) {
			b := w.begin()
			r := &doc{ID: 1, A: "p"}
			_ = b.Exec(r.AfterCreate, butFails(b.row(r)))
			w.commit(b) // asks the rows, and knows then
		}, "p", "", 0},
		"of a write that panicked": {func(w *world) {
			b := w.begin()
			defer b.Rollback()
			defer func() { _ = recover() }()
			_ = b.Exec((&doc{ID: 1, A: "p"}).AfterCreate, func() (int64, error) { panic("driver") })
		}, "", "", 1},
		"of a rollback that was none": {func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			_ = b.land() // CREATE TABLE commits, in MySQL
			b.Rollback()
		}, "p", nothing, 1},
		"nobody knows": {func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			w.lose(b)
		}, "p", "", 0},
		"nobody knows of a transaction that had nothing to do with it": {func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "q"})
			w.lose(b)
		}, "", "", 1},
		"named by a batch that is open": {func(w *world) {
			insert(w.begin(), &doc{ID: 1, A: "p"})
		}, "p", "", 0},
		"let go of by a batch that is open": {func(w *world) {
			remove(w.begin(), &doc{ID: 1, A: "p"})
		}, "p", "", 0},
		"it was gone": {func(w *world) {
			if err := w.files.Remove("p"); err != nil {
				w.t.Fatal(err)
			}
		}, "", "", 1},
	} {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, "")
				if got := w.upload("p"); got != "p" {
					t.Fatal(got)
				}
				up := w.uploads[0]
				test.story(w)
				before := w.rows.questions()
				up.Discard()
				up.Discard()
				want, questions := test.left, test.questions
				if mode == "unchecked" {
					questions = 0
					if test.unchecked != "" {
						want = strings.TrimPrefix(test.unchecked, nothing)
					}
				}
				w.wantLeft(want)
				if n := w.rows.questions() - before; n != questions {
					t.Errorf("the rows were asked %d times", n)
				}
				if err := w.clean.Close(t.Context()); err != nil { // nothing is pending
					t.Error(err)
				}
			})
		}
	}
}

// TestDiscardWaits for batches that mention the upload.
func TestDiscardWaits(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w *world, one, two *txn)
		left string
	}{
		"both are rolled back": {func(_ *world, one, two *txn) { one.Rollback(); two.Rollback() }, ""},
		"one is committed":     {func(w *world, one, two *txn) { one.Rollback(); w.commit(two) }, "p"},
		"first one is committed": {func(w *world, one, two *txn) {
			w.commit(two)
			one.Rollback()
		}, "p"},
		"nobody knows of one":       {func(w *world, one, two *txn) { w.lose(two); one.Rollback() }, "p"},
		"nobody knows of the other": {func(w *world, one, two *txn) { one.Rollback(); w.lose(two) }, "p"},
	} {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, "")
				w.upload("p")
				one, two := w.begin(), w.begin()
				insert(one, &doc{ID: 1, A: "p"})
				insert(two, &doc{ID: 2, A: "p"})
				w.discard()
				w.wantLeft("p")
				if got := w.upload("p"); got == "p" {
					t.Error("another upload got the name")
				}
				w.discard()
				test.end(w, one, two)
				w.wantLeft(test.left)
			})
		}
	}
}

// TestDiscardWaitsForTheUnknown: when nobody knows what became of the batch for which an
// upload waits, it is decided then: nothing else may come that would.
func TestDiscardWaitsForTheUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		story func(b *txn)
		want  string
	}{
		"that may have named it": {func(b *txn) { insert(b, &doc{ID: 1, A: "p"}) }, "kept unconfirmed"},
		"that named it not": {func(b *txn) {
			b.Savepoint()
			_ = b.Exec(func(b *runtime.Batch) { (&doc{}).AfterDelete(b, docFiles{A: "p"}) }, noRow)
		}, "removed "},
		"that can only let it go": {func(b *txn) { remove(b, &doc{ID: 1, A: "p"}) }, "kept referenced"},
	} {
		t.Run(name, func(t *testing.T) {
			var told string
			w := newWorld(t, "", runtime.WithObserver(runtime.Observer{After: func(_ context.Context, r runtime.Result) {
				if r.Reason == runtime.Unused {
					told = fmt.Sprint(r.Status, " ", r.Cause)
				}
			}}))
			w.upload("p")
			b := w.begin()
			test.story(b)
			w.discard()
			if w.lose(b); told != test.want {
				t.Errorf("told %q", told)
			}
		})
	}
}

// TestDiscardIsTold to observers, and in the log, and counted: there is no report.
func TestDiscardIsTold(t *testing.T) {
	var told []string
	observer := runtime.WithObserver(runtime.Observer{After: func(_ context.Context, r runtime.Result) {
		told = append(told, fmt.Sprint(r.Ref.Name, " ", r.Reason, " ", r.Status, " ", r.Cause))
		if r.Type != nil || r.Field != nil || !r.Key.IsZero() {
			t.Errorf("%+v", r)
		}
	}})
	w := newWorld(t, "", observer)
	for _, name := range []string{"p", "named", "doubted", "missing"} {
		w.upload(name)
	}
	w.rows.has(1, media("named"))
	b := w.begin()
	insert(b, &doc{ID: 2, A: "doubted"})
	w.lose(b)
	if err := w.files.Remove("missing"); err != nil {
		t.Fatal(err)
	}
	w.discard()
	want := []string{"p unused removed ", "named unused kept referenced", "doubted unused kept unconfirmed", "missing unused missing "}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
	if s := w.clean.Stats(); s.Removed != 1 || s.Kept != 2 || s.Missing != 1 {
		t.Errorf("counts: %+v", s)
	}
	if !strings.Contains(w.logs.String(), "cause=unconfirmed") {
		t.Errorf("log:\n%s", w.logs)
	}
}

// TestDiscardFails: it is tried again, as all deletions are.
func TestDiscardFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		w := newWorld(t, "")
		w.with(runtime.WithStorage("media", &faulty{Fs: w.files, remove: func(string) error {
			if up.Load() {
				return nil
			}
			return errDown
		}}, runtime.Exclusive()), retrying(5))
		w.upload("p")
		w.discard()
		w.wantLeft("p")
		if s := w.clean.Stats(); s.Waiting != 1 || s.Pending != 1 {
			t.Errorf("counts: %+v", s)
		}
		up.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantLeft("")
		if n := w.rows.questions(); n < 2 {
			t.Errorf("the rows were asked %d times", n)
		}
	})
}

// TestDiscardCantAsk: what nobody can tell of stays.
func TestDiscardCantAsk(t *testing.T) {
	w := newAsking(t, func(context.Context, []runtime.Ref) ([]runtime.Ref, error) { return nil, errDown }, "")
	w.upload("p")
	w.discard()
	w.wantLeft("p")
	if s := w.clean.Stats(); s.Kept != 1 {
		t.Errorf("counts: %+v", s)
	}
}

// TestForgottenUploads: who forgets Discard can find out.
func TestForgottenUploads(t *testing.T) {
	w := newWorld(t, "")
	w.create("a")
	taken := w.create("b")
	must(t, taken.Close())
	b := w.begin()
	insert(b, &doc{ID: 1, A: "b"})
	w.commit(b)
	if n := w.clean.Stats().Uploads; n != 1 {
		t.Errorf("%d uploads", n)
	}
	must(t, w.clean.Close(t.Context()))
	if !strings.Contains(w.logs.String(), "uploads=1") {
		t.Errorf("log: %s", w.logs)
	}
}
