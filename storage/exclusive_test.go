package storage_test

import (
	"errors"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// says is a storage that says whether it creates exclusively.
type says struct {
	afero.Fs
	exclusively bool
}

func (s says) CreatesExclusively() bool { return s.exclusively }

// TestCreatesExclusively: only who says so, or is known to, is taken to.
func TestCreatesExclusively(t *testing.T) {
	dir, err := storage.Dir(t.TempDir())
	must(t, err)
	defer dir.Close()
	for _, test := range []struct {
		name    string
		storage afero.Fs
		want    bool
	}{
		{"DirFs", dir, true},
		{"OsFs", afero.NewOsFs(), true},
		{"MemMapFs", afero.NewMemMapFs(), true},
		{"a wrapper", afero.NewBasePathFs(afero.NewOsFs(), "/"), false},
		{"says that it does", says{afero.NewMemMapFs(), true}, true},
		{"says that it does not", says{afero.NewOsFs(), false}, false},
	} {
		if got := storage.CreatesExclusively(test.storage); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// TestCreateNewInMemory: one creates a file, also in MemMapFs, whose own OpenFile lets
// two create it now and then.
func TestCreateNewInMemory(t *testing.T) {
	media := afero.NewMemMapFs()
	for i := range 20_000 {
		name := strconv.Itoa(i)
		var created atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				switch f, err := storage.CreateNew(media, name); {
				case err == nil:
					created.Add(1)
					_ = f.Close()
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := created.Load(); n != 1 {
			t.Fatalf("%d have created %s", n, name)
		}
		must(t, media.Remove(name))
	}
}
