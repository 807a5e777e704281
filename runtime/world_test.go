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

// world is a cleaner with one storage, the rows that it asks, and what can be observed
// of it.
type world struct {
	t       testing.TB
	files   afero.Fs
	clean   *runtime.Cleaner
	logs    *bytes.Buffer
	rows    *database
	asks    runtime.Option // who is asked; nil is the rows
	uploads []*runtime.Upload
}

// newWorld makes a cleaner whose storage "media" has the named files, and that asks the
// rows which the functions of this file write. Options come after its own, so that they
// can give other storages.
func newWorld(tb testing.TB, files string, options ...runtime.Option) *world {
	tb.Helper()
	return makeWorld(tb, nil, files, options)
}

// newUnchecked makes one that asks nobody.
func newUnchecked(tb testing.TB, files string, options ...runtime.Option) *world {
	tb.Helper()
	return makeWorld(tb, runtime.Unchecked(), files, options)
}

// newAsking makes one that asks a function.
func newAsking(tb testing.TB, refs runtime.ReferencesFunc, files string) *world {
	tb.Helper()
	return makeWorld(tb, runtime.WithReferences(refs), files, nil)
}

func makeWorld(tb testing.TB, asks runtime.Option, files string, options []runtime.Option) *world {
	tb.Helper()
	w := &world{t: tb, files: afero.NewMemMapFs(), asks: asks}
	for name := range strings.FieldsSeq(files) {
		w.write(name)
	}
	return w.with(append([]runtime.Option{runtime.WithStorage("media", w.files)}, options...)...)
}

// modes is for tests that tell what happens whether the rows are asked or not.
var modes = map[string]func(tb testing.TB, files string, options ...runtime.Option) *world{
	"asked": newWorld, "unchecked": newUnchecked,
}

// with makes the cleaner anew, with these options.
func (w *world) with(options ...runtime.Option) *world {
	w.t.Helper()
	w.logs = &bytes.Buffer{}
	if w.rows == nil {
		w.rows = newDatabase()
	}
	asks := w.asks
	if asks == nil {
		asks = runtime.WithReferences(w.rows)
	}
	logger := slog.New(slog.NewTextHandler(w.logs, nil))
	c, err := runtime.New(append([]runtime.Option{
		asks, runtime.WithTypes(docType), runtime.WithLogger(logger),
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

// begin begins a transaction, and its batch.
func (w *world) begin() *txn { return &txn{Batch: w.clean.Begin(), w: w} }

// commit commits a transaction, which goes well.
func (w *world) commit(b *txn) *runtime.Report {
	w.t.Helper()
	report, err := w.tryCommit(b)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// tryCommit commits a transaction if the cleaner lets it.
func (w *world) tryCommit(b *txn) (*runtime.Report, error) {
	return w.clean.Commit(context.Background(), b.Batch, nil, b.land)
}

// lose commits a transaction whose client never hears what became of it: it was not
// committed yet.
func (w *world) lose(b *txn) *runtime.Report {
	report, err := w.clean.Commit(context.Background(), b.Batch, nil, func() error { return errLost })
	if !errors.Is(err, errLost) {
		w.t.Errorf("the error of a commit that failed is %v", err)
	}
	return report
}

var errLost = errors.New("connection reset by peer")

// upload writes a new file and returns its name. Whoever defers the discard of the world
// does what users do.
func (w *world) upload(name string) string {
	w.t.Helper()
	u := w.create(name)
	if err := u.Close(); err != nil {
		w.t.Fatal(err)
	}
	return u.Name()
}

// create is upload without the Close.
func (w *world) create(name string) *runtime.Upload {
	w.t.Helper()
	u, err := w.clean.Create(context.Background(), "media", name)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := u.Write([]byte(name)); err != nil {
		w.t.Fatal(err)
	}
	w.uploads = append(w.uploads, u)
	return u
}

// discard gives all uploads up.
func (w *world) discard() {
	for _, u := range w.uploads {
		u.Discard()
	}
	w.uploads = nil
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
