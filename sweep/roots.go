package sweep

import (
	"errors"
	"io/fs"
	"path"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// roots knows which directories are in another storage, whose root is below this one's and
// has a marker.
type roots struct {
	files afero.Fs
	known map[string]bool // by directory
}

const mostKnown = 100_000

// has reports whether a file is in another storage.
func (r *roots) has(name string) (bool, error) {
	dir := path.Dir(name)
	if dir == "." {
		return false, nil
	}
	if is, ok := r.known[dir]; ok {
		return is, nil
	}
	_, err := storage.Lstat(r.files, dir+"/"+storage.MarkerName)
	is := err == nil
	if errors.Is(err, fs.ErrNotExist) {
		is, err = r.has(dir)
	}
	if err != nil {
		return false, err
	}
	if r.known == nil || len(r.known) >= mostKnown {
		r.known = map[string]bool{}
	}
	r.known[dir] = is
	return is, nil
}
