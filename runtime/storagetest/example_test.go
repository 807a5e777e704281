package storagetest_test

import (
	"fmt"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/storagetest"
)

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
