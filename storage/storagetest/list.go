package storagetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// list makes files in whose names a slash matters for the order, and lists them, also from
// one on.
func list(e *examination) error {
	var want []string
	for _, name := range []string{"list/a/x", "list/a-b", "list/a.b", "list/a0", "list/a/y/z", "list/é", "list/z"} {
		full, err := e.write(name)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		want = append(want, full)
	}
	slices.Sort(want)
	for i, from := range append([]string{e.dir + "/list/"}, want...) {
		got, err := listed(e.Fs, from, e.dir+"/list/")
		if err != nil {
			return err
		}
		if rest := want[max(i-1, 0):]; !slices.Equal(got, rest) {
			err := fmt.Errorf("from %q it lists %q, not %q", from, got, rest)
			if slices.Sort(got); slices.Equal(got, rest) {
				return &means{Note, fmt.Errorf("%w; all of it can be swept, and no range of names", err)}
			}
			return err
		}
	}
	return nil
}

// listed returns the names from one on that begin so.
func listed(files afero.Fs, from, prefix string) (names []string, err error) {
	for f, err := range storage.List(context.Background(), files, from) {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(f.Name, prefix) {
			names = append(names, f.Name)
		}
	}
	return names, nil
}
