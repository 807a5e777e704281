package storagetest_test

import (
	"fmt"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
	"github.com/filecleangen/filecleangen/storage/storagetest"
)

// TestStorage is the test that docs/storages.md shows.
func TestStorage(t *testing.T) {
	storage, err := storage.Dir(t.TempDir()) // or the storage that you use
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	if err := storagetest.Examine(storage).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestExclusiveStorage is another test that docs/storages.md shows.
func TestExclusiveStorage(t *testing.T) {
	media := afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()) // or the storage that you use
	if err := storagetest.Examine(media, storagetest.Exclusive()).Err(); err != nil {
		t.Fatal(err)
	}
}

// A storage that nothing can be written to.
func ExampleExamine() {
	findings := storagetest.Examine(afero.NewReadOnlyFs(afero.NewMemMapFs()))
	fmt.Println(findings)
	fmt.Println(findings.Verdict(), findings.Err() != nil)
	// Output:
	// ok     a file that was there before can be removed
	// leaks  a file can be created (O_EXCL), read and removed: make its directory: operation not permitted
	// leaks true
}
