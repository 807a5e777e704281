package runtime_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// answering answers as it was told.
type answering func(refs []runtime.Ref) runtime.Answer

func (a answering) Ask(_ context.Context, refs []runtime.Ref) (runtime.Answer, error) {
	return a(refs), nil
}

// TestUnknownWithoutError: a file of which an answer says that it is unknown is kept, also
// if it does not say why.
func TestUnknownWithoutError(t *testing.T) {
	w := makeWorld(t, runtime.WithReferences(answering(func(refs []runtime.Ref) runtime.Answer {
		return runtime.Answer{Unknown: map[runtime.Ref]error{refs[0]: nil}}
	})), "p", nil)
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	report := w.commit(b)
	wantResult(t, report, "p", runtime.Kept, runtime.CheckFailed)
	w.wantLeft("p")
}

// TestHeldByUnknownType: what a record of a type holds of which the cleaner, and so
// perhaps its references, was not told is kept.
func TestHeldByUnknownType(t *testing.T) {
	stranger := &runtime.Type{Name: "test.Stranger", Fields: docType.Fields}
	w := newWorld(t, "p")
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	log := b.Created(stranger, runtime.IntKey(3))
	log.Hold(0, "p")
	report := w.commit(b)
	wantResult(t, report, "p", runtime.Kept, runtime.UnknownType)
	w.wantLeft("p")
}

// TestUploadBeforeAttach: an upload that was created before the outbox was attached does
// not bring the program down.
func TestUploadBeforeAttach(t *testing.T) {
	w := newWorld(t, "")
	u := w.create("p")
	if err := w.clean.Attach(&fakeOutbox{}, w.rows); err == nil {
		_ = u.Close()
		t.Error("an outbox was attached to a cleaner that has uploads which it does not know")
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
}

// lazyFs is a storage that makes a file when it is closed, as object stores do.
type lazyFs struct {
	afero.Fs
	closing, close chan struct{}
}

func (l *lazyFs) OpenFile(name string, _ int, _ os.FileMode) (afero.File, error) {
	f, err := afero.NewMemMapFs().Create(name)
	return &lazyFile{f, l, name}, err
}

type lazyFile struct {
	afero.File
	in   *lazyFs
	name string
}

func (f *lazyFile) Close() error {
	f.in.closing <- struct{}{}
	<-f.in.close
	return afero.WriteFile(f.in.Fs, f.name, nil, 0o644)
}

// TestDiscardWhileClosing: an upload that is discarded while another goroutine closes it
// goes when it is closed.
func TestDiscardWhileClosing(t *testing.T) {
	lazy := &lazyFs{Fs: afero.NewMemMapFs(), closing: make(chan struct{}), close: make(chan struct{})}
	w := newWorld(t, "", runtime.WithStorage("lazy", lazy))
	u, err := w.clean.Create(t.Context(), "lazy", "p")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = u.Close()
	}()
	<-lazy.closing
	u.Discard()
	close(lazy.close)
	<-done
	if _, err := lazy.Stat(u.Name()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of an upload that was discarded is left behind: %v", err)
	}
}
