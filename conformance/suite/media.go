package suite

import (
	"io/fs"
	"sync/atomic"

	"github.com/filecleangen/filecleangen/storage"
)

// media is a directory that counts what it is asked about deletions, and may fail.
type media struct {
	*storage.DirFs
	calls atomic.Int64
	fail  error // of Remove; or nil
}

func (m *media) Remove(name string) error {
	m.calls.Add(1)
	if m.fail != nil {
		return m.fail
	}
	return m.DirFs.Remove(name)
}

func (m *media) LstatIfPossible(name string) (fs.FileInfo, bool, error) {
	m.calls.Add(1)
	return m.DirFs.LstatIfPossible(name)
}
