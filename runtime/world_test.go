package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/runtime/internal/models"
)

type (
	doc      = models.Doc
	docFiles = models.DocFiles
)

var docType = models.DocFileType

// world is a cleaner with one storage and what can be observed of it.
type world struct {
	t     testing.TB
	files afero.Fs
	clean *runtime.Cleaner
	logs  *bytes.Buffer
}

// newWorld makes a cleaner whose storage "media" has the named files. Options
// come after its own, so that they can give other storages.
func newWorld(tb testing.TB, files string, options ...runtime.Option) *world {
	tb.Helper()
	w := &world{t: tb, files: afero.NewMemMapFs()}
	for name := range strings.FieldsSeq(files) {
		w.write(name)
	}
	return w.with(append([]runtime.Option{runtime.WithStorage("media", w.files)}, options...)...)
}

// with makes the cleaner anew, with these options.
func (w *world) with(options ...runtime.Option) *world {
	w.t.Helper()
	w.logs = &bytes.Buffer{}
	logger := slog.New(slog.NewTextHandler(w.logs, nil))
	c, err := runtime.New(append([]runtime.Option{
		runtime.WithTypes(docType), runtime.WithLogger(logger),
		runtime.WithWorkers(1), runtime.WithRetry(runtime.Retry{Attempts: 1}),
	}, options...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.clean = c
	return w
}

func (w *world) write(name string) {
	w.t.Helper()
	if err := w.files.MkdirAll(path.Dir(name), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := afero.WriteFile(w.files, name, []byte(name), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// left returns the names of the files in the storage, sorted.
func (w *world) left() string {
	w.t.Helper()
	var names []string
	err := fs.WalkDir(afero.NewIOFS(w.files), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (w *world) wantLeft(want string) {
	w.t.Helper()
	if got := w.left(); got != want {
		w.t.Errorf("files left: %q, want %q", got, want)
	}
}

// commit commits a batch whose transaction went well.
func (w *world) commit(b *runtime.Batch) *runtime.Report {
	w.t.Helper()
	report, err := b.CommitWith(context.Background(), func() error { return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// upload writes a new file through the batch and returns its name.
func (w *world) upload(b *runtime.Batch, name string) string {
	w.t.Helper()
	u, err := b.Create(context.Background(), "media", name)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := u.Write([]byte(name)); err != nil {
		w.t.Fatal(err)
	}
	if err := u.Close(); err != nil {
		w.t.Fatal(err)
	}
	return u.Name()
}

// wantResult checks what a report says of a file.
func wantResult(t *testing.T, r *runtime.Report, name string, status runtime.Status, cause runtime.Cause) {
	t.Helper()
	got, ok := r.Of(media(name))
	if !ok {
		t.Errorf("%s is not in the report: %v", name, r)
		return
	}
	if got.Status != status || got.Cause != cause {
		t.Errorf("%s: %q, %q; want %q, %q\n%v", name, got.Status, got.Cause, status, cause, r)
	}
}

func media(name string) runtime.Ref { return runtime.Ref{Storage: "media", Name: name} }

// The writes of a database that does what it is told.

func insert(b *runtime.Batch, r *doc) {
	_ = b.Exec(r.AfterCreate, oneRow)
}

// update changes a record and saves it.
func update(b *runtime.Batch, r *doc, change func(*doc)) {
	old := r.FileSnapshot()
	change(r)
	_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, old) }, oneRow)
}

func remove(b *runtime.Batch, r *doc) {
	old := r.FileSnapshot()
	_ = b.Exec(func(b *runtime.Batch) { r.AfterDelete(b, old) }, oneRow)
}

func oneRow() (int64, error) { return 1, nil }

func noRow() (int64, error) { return 0, nil }

func failed() (int64, error) { return 0, errWrite }

var errWrite = errors.New("UNIQUE constraint failed")
