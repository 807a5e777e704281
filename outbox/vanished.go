package outbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// manyMissing is how many files are not missing at once by accident.
const manyMissing = 10

// distrust takes back that files are gone which are missing all together, with the
// directory that they were in: a volume may not be mounted there. What an earlier
// attempt may have deleted, whose relay died, is not meant, nor what is derived from
// other files and may never have been.
func (r *Relay) distrust(ctx context.Context, storage string, c *claim) {
	files, _ := r.outbox.cleaner.Storage(storage)
	seen := map[string]string{}
	for i, f := range c.results {
		if f.Status == runtime.Removed { // it was there a moment ago, with all that it is in
			for d := path.Dir(c.rows[i].name); d != "."; d = path.Dir(d) {
				seen[d] = ""
			}
		}
	}
	missing := map[string][]int{}
	for i, f := range c.results {
		row := c.rows[i]
		if f.Status == runtime.Missing && row.derivedFrom == "" && (row.attempts == 1 || row.lastError != "") {
			if gone := vanished(files, path.Dir(row.name), seen); gone != "" {
				missing[gone] = append(missing[gone], i)
			}
		}
	}
	for directory, all := range missing {
		if len(all) < manyMissing {
			continue
		}
		err := fmt.Errorf("%d files that are to be deleted are missing with all of the directory %s: is a volume not mounted there? If they are gone for good, make the directory and put any file into it", len(all), directory)
		r.complain(ctx, storage, err)
		for _, i := range all {
			c.results[i].Status, c.results[i].Err = runtime.Pending, err
		}
	}
}

// vanished returns the directory that is not there, or that has nothing in it, of a
// directory and those that it is in; "" if it has something in it. seen has the answers
// so far.
func vanished(files afero.Fs, directory string, seen map[string]string) (gone string) {
	if known, ok := seen[directory]; ok {
		return known
	}
	defer func() { seen[directory] = gone }()
	if directory == "." {
		return "" // its marker is there
	}
	switch empty, err := isEmpty(files, directory); {
	case err == nil && !empty:
		return ""
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "" // not known
	}
	if above := vanished(files, path.Dir(directory), seen); above != "" {
		return above
	}
	return directory
}

func isEmpty(files afero.Fs, directory string) (empty bool, err error) {
	d, err := files.Open(directory)
	if err != nil {
		return false, err
	}
	defer func() { _ = d.Close() }()
	names, _ := d.Readdirnames(1) // at the end with an error, or without
	return len(names) == 0, nil
}
