package suite

import (
	"io/fs"
	"path/filepath"

	"github.com/filecleangen/filecleangen/outbox"
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
		stays := w.inMemory() && w.events.kept(name, w.reported) || w.unchecked && w.unsure
		if !named[name] && !stays {
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

// settle has the outbox done. No time need pass: what is not wanted is discarded.
func (w *World) settle() {
	w.T.Helper()
	if w.inMemory() {
		return
	}
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
