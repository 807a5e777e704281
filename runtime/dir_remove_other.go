//go:build !linux

package runtime

import "path"

// directory is a directory of a DirFs that is opened to remove files from it. If
// it is renamed it stays the same one: use it for a short time.
type directory struct{ sub *DirFs }

func (d *DirFs) directory(name string) (*directory, error) {
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &directory{&DirFs{root: root}}, nil
}

func (d *directory) close() { _ = d.sub.Close() }

// remove removes a file of the directory.
func (d *directory) remove(name string) (Status, error) {
	return removeFile(d.sub, path.Base(name))
}
