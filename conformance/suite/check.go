package suite

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// check compares the files with the rows, when all is done that is to be done.
func (w *World) check() {
	w.T.Helper()
	w.settle()
	onDisk, named := w.onDisk(), w.named()
	for name := range w.others {
		named[name] = true
	}
	for name := range named {
		if !onDisk[name] && !w.dangling[name] {
			w.T.Errorf("LOST: %s", name)
		}
	}
	for name := range onDisk {
		reported := w.inMemory() && w.events.kept(name, w.reported)
		if !named[name] && !reported {
			w.T.Errorf("left behind: %s; the observer was told: %q", name, w.events.said(name))
		}
	}
	for name := range w.dangling {
		if onDisk[name] {
			w.T.Errorf("%s is still there", name)
		}
	}
	if n := w.DB.Stats().InUse; n > 0 {
		w.T.Errorf("%d connections are in use", n)
	}
	if w.T.Failed() {
		w.T.Logf("log:\n%s", w.logs)
	}
}

// settle has the outbox done. The time of uploads that no row has come to name
// passes.
func (w *World) settle() {
	w.T.Helper()
	if w.inMemory() {
		return
	}
	w.exec("UPDATE filecleangen_outbox SET not_before = 0 WHERE state IN ('writing', 'upload')")
	_, err := w.relay.Drain(w.T.Context())
	w.Must(err)
	left, err := w.box.Stats(w.T.Context())
	w.Must(err)
	if w.media.fail != nil {
		left.Parked = 0
	}
	if left != (outbox.Stats{}) {
		w.T.Errorf("left in the outbox: %+v", left)
	}
}

// onDisk returns the names of all files.
func (w *World) onDisk() map[string]bool {
	w.T.Helper()
	all := map[string]bool{}
	w.Must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != outbox.MarkerName {
			name, _ := filepath.Rel(w.root, path)
			all[filepath.ToSlash(name)] = true
		}
		return err
	}))
	return all
}

// named returns the names of files in rows.
func (w *World) named() map[string]bool {
	w.T.Helper()
	all, err := namesIn(w.T.Context(), w.DB)
	w.Must(err)
	return all
}

// askRows is the references. It finds nothing in stories where no two rows share
// a file, so that it can't make up for what a layer does wrong.
func (w *World) askRows(ctx context.Context, refs []runtime.Ref) (named []runtime.Ref, err error) {
	if !w.asks {
		return nil, nil
	}
	names, err := namesIn(ctx, w.DB)
	for _, ref := range refs {
		if names[ref.Name] {
			named = append(named, ref)
		}
	}
	return named, err
}
