package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

// rootDirectory is a directory of a [DirFs]. It is read by getdents64: the ReadDir of a
// file that os.Root has opened asks for the type of each entry (Go 1.26), which takes more
// than twice as long as all else.
type rootDirectory struct {
	*os.File

	root *os.Root
	name string
	buf  []byte
}

func (d *rootDirectory) read() (all []entry, err error) {
	if d.buf == nil {
		d.buf = make([]byte, 64<<10)
	}
	n, err := d.getdents()
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "getdents64", Path: d.name, Err: err}
	case n == 0:
		return nil, io.EOF
	}
	for rest := d.buf[:n]; len(rest) > 0; {
		e, size, err := d.entry(rest)
		if err != nil {
			return nil, err
		}
		if rest = rest[size:]; e.key != "" {
			all = append(all, e)
		}
	}
	return all, nil
}

func (d *rootDirectory) getdents() (int, error) {
	for {
		n, err := syscall.ReadDirent(int(d.Fd()), d.buf)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// Where the parts of a linux_dirent64 are; see getdents64(2).
const (
	lengthAt = unsafe.Offsetof(syscall.Dirent{}.Reclen)
	typeAt   = unsafe.Offsetof(syscall.Dirent{}.Type)
	nameAt   = unsafe.Offsetof(syscall.Dirent{}.Name)
)

// entry returns the first entry of some, and how long it is. It has no key if it is to be
// left out.
func (d *rootDirectory) entry(of []byte) (e entry, size int, err error) {
	if len(of) > int(nameAt) {
		size = int(binary.NativeEndian.Uint16(of[lengthAt:]))
	}
	if size <= int(nameAt) || size > len(of) {
		return entry{}, 0, fmt.Errorf("reading the directory %s: the system returned an entry of %d bytes, of %d", d.name, size, len(of))
	}
	text, _, _ := bytes.Cut(of[nameAt:size], []byte{0})
	name := string(text)
	if name == "." || name == ".." {
		return entry{}, size, nil
	}
	mode, known := modes[of[typeAt]]
	if !known { // some file systems don't say
		info, err := d.root.Lstat(d.name + "/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			return entry{}, size, nil
		}
		if err != nil {
			return entry{}, 0, err
		}
		mode = info.Mode()
	}
	return newEntry(name, mode, nil), size, nil
}

// modes are the types of entries that the system may know.
var modes = map[byte]fs.FileMode{
	syscall.DT_REG: 0, syscall.DT_DIR: fs.ModeDir, syscall.DT_LNK: fs.ModeSymlink, syscall.DT_FIFO: fs.ModeNamedPipe,
	syscall.DT_SOCK: fs.ModeSocket, syscall.DT_CHR: fs.ModeDevice | fs.ModeCharDevice, syscall.DT_BLK: fs.ModeDevice,
}
