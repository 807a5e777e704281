package storage_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// TestRemoveFile: the errors tell what became of the file.
func TestRemoveFile(t *testing.T) {
	base := afero.NewMemMapFs()
	must(t, base.Mkdir("dir", 0o755))
	must(t, afero.WriteFile(base, "p", nil, 0o644))
	layered := afero.NewCopyOnWriteFs(base, afero.NewMemMapFs())
	if err := storage.RemoveFile(layered, "p"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that stays: %v", err)
	}
	must(t, storage.RemoveFile(base, "p"))
	if err := storage.RemoveFile(base, "p"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	must(t, afero.WriteFile(base, "p", nil, 0o644))
	if err := storage.RemoveFile(twice{base}, "p"); err != nil {
		t.Errorf("a file that was there: %v", err)
	}
	if err := storage.RemoveFile(twice{base}, "p"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that was missing: %v", err)
	}
	if err := storage.RemoveFile(base, "dir"); !errors.Is(err, storage.ErrIsDirectory) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := storage.Lstat(base, "dir"); err != nil {
		t.Error(err)
	}
}

// twice is a storage that is asked again after the answer was lost, as over a network.
type twice struct{ afero.Fs }

func (s twice) Remove(name string) error {
	_ = s.Fs.Remove(name)
	return s.Fs.Remove(name)
}
