package runtime_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// faulty is a storage whose Remove misbehaves for some names, and that notes
// every call.
type faulty struct {
	afero.Fs
	remove func(name string) error
	calls  []string
}

func (f *faulty) Remove(name string) error {
	f.calls = append(f.calls, name)
	if f.remove != nil {
		if err := f.remove(name); err != nil {
			return err
		}
	}
	return f.Fs.Remove(name)
}

func (f *faulty) Stat(name string) (os.FileInfo, error) {
	f.calls = append(f.calls, "stat "+name)
	return f.Fs.Stat(name)
}

// newFaultyWorld has a storage with the files, on which remove is called first.
func newFaultyWorld(t *testing.T, files string, remove func(name string) error, options ...runtime.Option) (*world, *faulty) {
	t.Helper()
	w := newWorld(t, files)
	storage := &faulty{Fs: w.files, remove: remove}
	return w.with(append([]runtime.Option{runtime.WithStorage("media", storage)}, options...)...), storage
}

// TestStorageFails is C21 of django-cleanup's tests, for a deletion in the
// middle of others.
func TestStorageFails(t *testing.T) {
	errDisk := errors.New("disk on fire")
	w, _ := newFaultyWorld(t, "a b c d", func(name string) error {
		switch name {
		case "b":
			return errDisk
		case "c":
			panic("nil pointer in the storage")
		}
		return nil
	})
	b := w.begin()
	remove(b, &doc{ID: 1, Gallery: []string{"a", "b", "c", "d"}})
	report := w.commit(b)

	w.wantLeft("b c")
	wantResult(t, report, "a", runtime.Removed, "")
	wantResult(t, report, "b", runtime.Failed, "")
	wantResult(t, report, "c", runtime.Failed, "")
	wantResult(t, report, "d", runtime.Removed, "")
	if got, _ := report.Of(media("b")); !errors.Is(got.Err, errDisk) {
		t.Errorf("error of b: %v", got.Err)
	}
	lines := errorLines(w)
	if len(lines) != 2 {
		t.Fatalf("%d error lines, want one per failure:\n%s", len(lines), w.logs)
	}
	for _, want := range []string{"storage=media", "name=b", "field=models.Doc.Gallery", "disk on fire"} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("log lacks %s: %s", want, lines[0])
		}
	}
}

func errorLines(w *world) (lines []string) {
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, "level=ERROR") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestNoCallForNothing is C18 and C20: a field that names no file, and unsafe
// names, reach no storage.
func TestNoCallForNothing(t *testing.T) {
	w, storage := newFaultyWorld(t, "p", nil)
	b := w.begin()
	remove(b, &doc{ID: 1, A: "", Gallery: []string{"", "..", ".", "/etc/passwd", `a\b`, "c:/x", "a//b", "a/", "a\x00b", "a/../b"}})
	report := w.commit(b)
	if len(storage.calls) > 0 {
		t.Errorf("storage was called: %q", storage.calls)
	}
	if n := report.Count(runtime.Kept); n != 9 || len(report.Files) != 9 {
		t.Errorf("%d of 9 refused: %v", n, report)
	}
	if n := len(errorLines(w)); n != 9 {
		t.Errorf("%d error lines, want 9", n)
	}
}

func TestDirectoryIsKept(t *testing.T) {
	w := newWorld(t, "dir/file")
	if err := w.files.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	b := w.begin()
	remove(b, &doc{ID: 1, A: "dir", B: "empty"})
	report := w.commit(b)
	wantResult(t, report, "dir", runtime.Kept, runtime.IsDirectory)
	wantResult(t, report, "empty", runtime.Kept, runtime.IsDirectory)
	if ok, _ := afero.DirExists(w.files, "empty"); !ok {
		t.Error("the empty directory is gone")
	}
	w.wantLeft("dir/file")
}

// TestStorageLies: CopyOnWriteFs can't remove a file of its base layer, and
// says that the file does not exist.
func TestStorageLies(t *testing.T) {
	w := newWorld(t, "p")
	layered := afero.NewCopyOnWriteFs(w.files, afero.NewMemMapFs())
	w = w.with(runtime.WithStorage("media", layered))
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	report := w.commit(b)
	wantResult(t, report, "p", runtime.Failed, "")
}

func TestObservers(t *testing.T) {
	errAudit := errors.New("under legal hold")
	var events []string
	note := func(when string, e runtime.Result) {
		events = append(events, strings.Join([]string{when, e.Ref.String(), e.Type.Name, e.Field.Path, string(e.Reason), string(e.Status)}, " "))
	}
	errDisk := errors.New("disk on fire")
	var after runtime.Result
	w, _ := newFaultyWorld(t, "p q held broken", func(name string) error {
		if name == "broken" {
			return errDisk
		}
		return nil
	}, runtime.WithObserver(runtime.Observer{
		Before: func(_ context.Context, e runtime.Result) error {
			note("before", e)
			if e.Ref.Name == "held" {
				return errAudit
			}
			return nil
		},
		After: func(_ context.Context, e runtime.Result) { note("after", e); after = e },
	}))
	b := w.begin()
	update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "q" })
	remove(b, &doc{ID: 2, B: "gone", Gallery: []string{"held", "broken"}})
	report := w.commit(b)

	want := []string{
		"before media:p models.Doc A updated ", "after media:p models.Doc A updated removed",
		"before media:gone models.Doc B deleted ", "after media:gone models.Doc B deleted missing",
		"before media:held models.Doc Gallery deleted ",
		"before media:broken models.Doc Gallery deleted ",
		"after media:held models.Doc Gallery deleted kept", "after media:broken models.Doc Gallery deleted failed",
	}
	if !slices.Equal(events, want) {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(events, "\n"), strings.Join(want, "\n"))
	}
	if !errors.Is(after.Err, errDisk) {
		t.Errorf("after a failure: %v", after.Err)
	}
	wantResult(t, report, "held", runtime.Kept, runtime.Vetoed)
	if got, _ := report.Of(media("held")); !errors.Is(got.Err, errAudit) {
		t.Errorf("veto: %v", got.Err)
	}
	w.wantLeft("broken held q")
}

// TestObserverPanics is F4 of django-cleanup's tests: an observer that fails
// stops neither the save nor other files.
func TestObserverPanics(t *testing.T) {
	errBug := errors.New("bug")
	w := newWorld(t, "a b",
		runtime.WithObserver(runtime.Observer{
			Before: func(_ context.Context, e runtime.Result) error {
				if e.Ref.Name == "a" {
					panic(errBug)
				}
				return nil
			},
			After: func(context.Context, runtime.Result) { panic("after") },
		}))
	b := w.begin()
	remove(b, &doc{ID: 1, A: "a", B: "b"})
	report := w.commit(b)
	wantResult(t, report, "a", runtime.Kept, runtime.Vetoed)
	wantResult(t, report, "b", runtime.Removed, "")
	if got, _ := report.Of(media("a")); !errors.Is(got.Err, errBug) {
		t.Errorf("error %v does not wrap the panic", got.Err)
	}
	if !strings.Contains(w.logs.String(), "an observer failed") {
		t.Errorf("the panic after b is not in the log:\n%s", w.logs)
	}
}

// TestObserverRemovesThumbnail is C27 and C28 of django-cleanup's tests.
func TestObserverRemovesThumbnail(t *testing.T) {
	w := newWorld(t, "p p.thumb n n.thumb")
	files := w.files
	w.with(runtime.WithStorage("media", files), runtime.WithObserver(runtime.Observer{
		After: func(_ context.Context, e runtime.Result) { _ = files.Remove(e.Ref.Name + ".thumb") },
	}))
	b := w.begin()
	r := &doc{ID: 1, A: "p"}
	update(b, r, func(r *doc) { r.A = "n" })
	w.commit(b)
	w.wantLeft("n n.thumb")
	b = w.begin()
	remove(b, r)
	w.commit(b)
	w.wantLeft("")
}

func TestProtected(t *testing.T) {
	w := newWorld(t, "avatars/blank-1.png bug p", runtime.WithProtected(func(r runtime.Ref) bool {
		if r.Name == "bug" {
			panic("bug")
		}
		return strings.HasPrefix(r.Name, "avatars/blank-")
	}))
	b := w.begin()
	remove(b, &doc{ID: 1, Gallery: []string{"avatars/blank-1.png", "bug", "p"}})
	report := w.commit(b)
	wantResult(t, report, "avatars/blank-1.png", runtime.Kept, runtime.IsProtected)
	wantResult(t, report, "bug", runtime.Kept, runtime.IsProtected)
	w.wantLeft("avatars/blank-1.png bug")
}

// TestProtectedUpload: not even an upload that took the name of a default goes.
func TestProtectedUpload(t *testing.T) {
	var told runtime.Result
	w := newWorld(t, "", runtime.WithObserver(runtime.Observer{After: func(_ context.Context, r runtime.Result) { told = r }}))
	w.upload("default.png")
	w.discard()
	if told.Ref != media("default.png") || told.Status != runtime.Kept || told.Cause != runtime.IsDefault || told.Reason != runtime.Unused {
		t.Errorf("the observer was told of %+v", told)
	}
	w.wantLeft("default.png")
	// The name is free for batches: nothing is pending about it.
	if err := w.clean.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReferences(t *testing.T) {
	var asked []runtime.Ref
	named := func(_ context.Context, refs []runtime.Ref) ([]runtime.Ref, error) {
		asked = append(asked, refs...)
		return []runtime.Ref{media("shared")}, nil
	}
	w := newAsking(t, named, "p shared default.png")
	b := w.begin()
	remove(b, &doc{ID: 1, Gallery: []string{"p", "shared", "default.png"}})
	report := w.commit(b)
	wantResult(t, report, "shared", runtime.Kept, runtime.StillInUse)
	w.wantLeft("default.png shared")
	if !slices.Equal(asked, []runtime.Ref{media("p"), media("shared")}) {
		t.Errorf("asked for %v", asked)
	}
}

func TestReferencesFails(t *testing.T) {
	errDB := errors.New("too many connections")
	for name, check := range map[string]runtime.ReferencesFunc{
		"error": func(context.Context, []runtime.Ref) ([]runtime.Ref, error) { return nil, errDB },
		"panic": func(context.Context, []runtime.Ref) ([]runtime.Ref, error) { panic(errDB) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newAsking(t, check, "p")
			b := w.begin()
			remove(b, &doc{ID: 1, A: "p"})
			report := w.commit(b)
			wantResult(t, report, "p", runtime.Kept, runtime.CheckFailed)
			if got, _ := report.Of(media("p")); !errors.Is(got.Err, errDB) {
				t.Errorf("error: %v", got.Err)
			}
			w.wantLeft("p")
		})
	}
}

// TestRollbackAsksNoDatabase: its transaction may still have the only
// connection.
func TestRollbackAsksNoDatabase(t *testing.T) {
	w := newWorld(t, "p")
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p", B: w.upload("n")})
	b.Rollback()
	if n := w.rows.questions(); n > 0 {
		t.Errorf("the rows were asked %d times", n)
	}
	w.wantLeft("n p")
}

// TestNothingToAsk: a batch that lets go of nothing, or of what policy keeps, asks
// nobody.
func TestNothingToAsk(t *testing.T) {
	w := newWorld(t, "p default.png")
	b := w.begin()
	insert(b, &doc{ID: 1, A: "p"})
	remove(b, &doc{ID: 2, A: "default.png", B: "../x"})
	w.commit(b)
	if n := w.rows.questions(); n > 0 {
		t.Errorf("the rows were asked %d times", n)
	}
}

// someUnknown can't tell of one file.
type someUnknown struct {
	of  runtime.Ref
	err error
}

func (s someUnknown) Ask(context.Context, []runtime.Ref) (runtime.Answer, error) {
	return runtime.Answer{Unknown: map[runtime.Ref]error{s.of: s.err}}, nil
}

// TestReferencesUnknown: of what nobody can tell stays, and the others go.
func TestReferencesUnknown(t *testing.T) {
	errDB := errors.New("no such table")
	w := (&world{t: t, files: afero.NewMemMapFs(), asks: runtime.WithReferences(someUnknown{media("p"), errDB})})
	w.write("p")
	w.write("q")
	w.with(runtime.WithStorage("media", w.files))
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p", B: "q"})
	report := w.commit(b)
	wantResult(t, report, "p", runtime.Kept, runtime.CheckFailed)
	if got, _ := report.Of(media("p")); !errors.Is(got.Err, errDB) {
		t.Errorf("error: %v", got.Err)
	}
	w.wantLeft("p")
}

func TestUnknownType(t *testing.T) {
	stranger := &runtime.Type{Name: "test.Stranger", Fields: docType.Fields}
	w := newUnchecked(t, "p q n")
	b := w.begin()
	release := func(typ *runtime.Type, key int, name string) {
		log := b.Deleted(typ, runtime.IntKey(key))
		log.Release(0, name)
	}
	release(stranger, 1, "p")
	remove(b, &doc{ID: 1, A: "q"})
	release(stranger, 2, "q")
	log := b.Updated(stranger, runtime.IntKey(3))
	log.Hold(0, "n")
	remove(b, &doc{ID: 2, A: "n"})
	report := w.commit(b)
	wantResult(t, report, "p", runtime.Kept, runtime.UnknownType)
	wantResult(t, report, "q", runtime.Kept, runtime.UnknownType)
	wantResult(t, report, "n", runtime.Kept, runtime.StillNamed)
	w.wantLeft("n p q")
}

// TestTwoStorages: the same name in another storage is another file.
func TestTwoStorages(t *testing.T) {
	typ := &runtime.Type{Name: "test.two", Fields: []runtime.Field{{Path: "A", Storage: "media"}, {Path: "B", Storage: "docs"}}}
	for name, test := range map[string]struct {
		held, released int
		inMedia        bool
	}{
		"held in the first":  {0, 1, true},
		"held in the second": {1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			docs := afero.NewMemMapFs()
			w := newWorld(t, "p", runtime.WithStorage("docs", docs), runtime.WithTypes(typ))
			if err := afero.WriteFile(docs, "p", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			b := w.begin()
			log := b.Updated(typ, runtime.IntKey(1))
			log.Hold(test.held, "p")
			log.Release(test.released, "p")
			b.set(1, runtime.Ref{Storage: typ.Fields[test.held].Storage, Name: "p"})
			w.commit(b)
			if ok, _ := afero.Exists(w.files, "p"); ok != test.inMedia {
				t.Errorf("media:p exists: %t", ok)
			}
			if ok, _ := afero.Exists(docs, "p"); ok == test.inMedia {
				t.Errorf("docs:p exists: %t", ok)
			}
		})
	}
}

// TestCancelledContext: the request is gone, and so are the rows; the files
// must follow.
func TestCancelledContext(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "trace"))
	w := newWorld(t, "p", runtime.WithObserver(runtime.Observer{
		Before: func(ctx context.Context, _ runtime.Result) error {
			if ctx.Value(key{}) != "trace" {
				t.Error("the values of the context are lost")
			}
			return ctx.Err()
		},
	}))
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	_, err := w.clean.Commit(ctx, b.Batch, nil, func() error { cancel(); return b.land() })
	if err != nil {
		t.Fatal(err)
	}
	w.wantLeft("")
}

// TestDanglingSymlink: the link is what the row names, and what goes.
func TestDanglingSymlink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("nowhere", dir+"/p"); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	media, err := storage.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	w := (&world{t: t, files: media}).with(runtime.WithStorage("media", media))
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	if _, err := os.Lstat(dir + "/p"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link: %v", err)
	}
}
