//go:build !linux

package storage

import "os"

// rootDirectory is a directory of a [DirFs].
type rootDirectory struct {
	*os.File

	root *os.Root
	name string
}

func (d *rootDirectory) read() ([]entry, error) {
	found, err := d.ReadDir(readAtOnce)
	all := make([]entry, len(found))
	for i, e := range found {
		all[i] = newEntry(e.Name(), e.Type(), nil)
	}
	return all, err
}
