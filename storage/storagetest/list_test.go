package storagetest_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
	"github.com/filecleangen/filecleangen/storage/storagetest"
)

// listLiar lists its files in some way of its own.
type listLiar struct {
	afero.Fs
	list func(names []string) []string
}

func (l listLiar) CreatesExclusively() bool { return true }

func (l listLiar) List(ctx context.Context, from string) iter.Seq2[storage.File, error] {
	return func(yield func(storage.File, error) bool) {
		var names []string
		for f, err := range storage.List(ctx, l.Fs, from) {
			if err != nil {
				yield(f, err)
				return
			}
			names = append(names, f.Name)
		}
		for _, name := range l.list(names) {
			if !yield(storage.File{Name: name}, nil) {
				return
			}
		}
	}
}

// TestListLies: a storage that leaves files out, or adds some, leaks; one that only has
// another order can be swept as a whole.
func TestListLies(t *testing.T) {
	for what, lie := range map[string]struct {
		list    func(names []string) []string
		verdict storagetest.Verdict
	}{
		"does not lie": {func(names []string) []string { return names }, storagetest.OK},
		"lists as directories are walked through": {func(names []string) []string {
			slices.SortFunc(names, func(a, b string) int {
				return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
			})
			return names
		}, storagetest.Note},
		"leaves out some": {func(names []string) []string {
			return slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "0") })
		}, storagetest.Leaks},
		"folds names": {func(names []string) []string {
			for i := range names {
				names[i] = strings.ReplaceAll(names[i], "a.b", "A.b")
			}
			return names
		}, storagetest.Leaks},
	} {
		t.Run(what, func(t *testing.T) {
			findings := storagetest.Examine(listLiar{newHonest(), lie.list})
			for _, f := range findings {
				want := storagetest.OK
				if f.Check == "all files are listed, in the order of their names (sweep)" {
					want = lie.verdict
				}
				if f.Verdict != want {
					t.Errorf("%s", f)
				}
			}
		})
	}
}
