package storage

import (
	"os"
	"sync"

	"github.com/spf13/afero"
)

// An ExclusiveCreator is a storage that says whether its OpenFile with os.O_CREATE and
// os.O_EXCL makes a file only where there was none, whoever else tries at the same time:
// with fs.ErrExist for all others. Uploads to one that does not, or does not say so, get
// names that nobody else has.
type ExclusiveCreator interface {
	CreatesExclusively() bool
}

// CreatesExclusively returns true.
func (d *DirFs) CreatesExclusively() bool { return true }

// CreatesExclusively reports whether [CreateNew] surely makes a file only where there
// was none: if the storage says so as an [ExclusiveCreator], and for afero.OsFs and
// afero.MemMapFs. Of other storages, wrappers of these included, nothing is known.
// Package storagetest finds out whether it is true.
func CreatesExclusively(files afero.Fs) bool {
	switch files := files.(type) {
	case ExclusiveCreator:
		return files.CreatesExclusively()
	case *afero.OsFs, *afero.MemMapFs:
		return true
	}
	return false
}

// inMemory is held while a file is created in any afero.MemMapFs.
//
// Its OpenFile (afero 1.15) looks under one lock whether the file is there, and makes it
// under the next: of two goroutines that created a file at the same moment, both had
// made it in about 1 of 1,700 tries, and the content of one was lost. Who has a MemMapFs
// is in this process, so that this lock keeps all apart who create by CreateNew, and
// tests get the names that they ask for.
var inMemory sync.Mutex

// CreateNew opens a new file for writing, and fails with fs.ErrExist if there is one, as
// far as [CreatesExclusively]. Its directory must be there.
func CreateNew(files afero.Fs, name string) (afero.File, error) {
	if _, ok := files.(*afero.MemMapFs); ok {
		inMemory.Lock()
		defer inMemory.Unlock()
	}
	return files.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}
