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
	if err := storage.RemoveFile(base, "dir"); !errors.Is(err, storage.ErrIsDirectory) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := storage.Lstat(base, "dir"); err != nil {
		t.Error(err)
	}
}
