//go:build !linux

package storage

// A Directory is a directory of a [DirFs] that is opened to remove files from it. If
// it is renamed it stays the same one: use it for a short time.
type Directory struct{ sub *DirFs }

// Directory opens a directory, or what a symbolic link to one leads to.
func (d *DirFs) Directory(name string) (*Directory, error) {
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Directory{&DirFs{root: root}}, nil
}

// Close closes the directory.
func (d *Directory) Close() { _ = d.sub.Close() }

func (d *Directory) remove(base string) error { return RemoveFile(d.sub, base) }
