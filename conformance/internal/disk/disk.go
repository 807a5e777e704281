// Package disk is a disk in memory for SQLite that loses what was not synced when
// its power fails.
package disk

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"
)

// ErrOff is the error of what is done while the power is off.
var ErrOff = errors.New("the power is off")

// A Disk has the files of one database: itself, and its journals.
type Disk struct {
	name   string // of the file system
	index  string // a directory for the shared memory of connections
	change func()

	mu     sync.Mutex
	off    bool
	starts int
	now    map[string]*file // the directory, as programs see it
	synced map[string]*file // as it is on disk
}

// file is a file, with a directory entry or without.
type file struct {
	now     []byte  // as programs see it
	synced  []byte  // as it is on disk
	waiting []write // since then
	fresh   bool    // it was never synced

	readers  int // locks, as SQLite has them
	reserved *handle
	pending  *handle // or it is exclusive
}

// write is a change of a file: bytes at a place, or its end there.
type write struct {
	at   int64
	data []byte
	end  bool
}

// New makes an empty disk for the time of a test. change is called before each
// change of a file or the directory, and before each sync. The test is skipped where
// connections can't share memory, which WAL takes.
func New(tb testing.TB, change func()) *Disk {
	tb.Helper()
	if !vfs.SupportsSharedMemory {
		tb.Skip("connections can't share memory here")
	}
	d := &Disk{index: tb.TempDir(), change: change, now: map[string]*file{}, synced: map[string]*file{}}
	d.name = fmt.Sprintf("disk%p", d)
	vfs.Register(d.name, system{d})
	tb.Cleanup(func() { vfs.Unregister(d.name) })
	return d
}

// Open opens the database, with pragmas for each connection.
func (d *Disk) Open(pragmas ...string) (*sql.DB, error) {
	return driver.Open("file:/test.db?" + url.Values{"vfs": {d.name}, "_txlock": {"immediate"}, "_pragma": pragmas}.Encode())
}

// Sync puts everything on disk.
func (d *Disk) Sync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.now {
		f.sync()
	}
	d.synced = maps.Clone(d.now)
}

// Fail turns the power off: all that is done from here on fails.
func (d *Disk) Fail() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// Off reports whether the power is off.
func (d *Disk) Off() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// Loss says what of the changes that were not synced is lost.
type Loss int

// What is lost: everything; what came after some change, in each file by itself; or
// any changes.
const (
	All Loss = iota
	Tail
	Any
)

func (l Loss) String() string {
	return [...]string{All: "all is lost", Tail: "the last changes are lost", Any: "some changes are lost"}[l]
}

// Start turns the power on again. Connections from before are of no use any more.
func (d *Disk) Start(loss Loss, random *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	directory := d.synced
	if loss != All && random.IntN(2) == 0 {
		directory = d.now
	}
	d.now = map[string]*file{}
	for _, name := range slices.Sorted(maps.Keys(directory)) {
		f := directory[name]
		kept := random.IntN(len(f.waiting) + 1)
		for i, w := range f.waiting {
			if loss == Tail && i < kept || loss == Any && random.IntN(2) == 0 {
				f.synced = w.apply(f.synced)
			}
		}
		d.now[name] = &file{now: bytes.Clone(f.synced), synced: f.synced}
	}
	d.synced = maps.Clone(d.now)
	d.off = false
	d.starts++
}

func (f *file) sync() {
	for _, w := range f.waiting {
		f.synced = w.apply(f.synced)
	}
	f.waiting, f.fresh = nil, false
}

func (w write) apply(to []byte) []byte {
	if w.end {
		return to[:min(int64(len(to)), w.at)]
	}
	if gap := w.at + int64(len(w.data)) - int64(len(to)); gap > 0 {
		to = append(to, make([]byte, gap)...)
	}
	copy(to[w.at:], w.data)
	return to
}

// system is a disk as SQLite sees it.
type system struct{ d *Disk }

// alter makes a change of the disk.
func (d *Disk) alter(start int, do func() error) error {
	d.change()
	return d.use(start, do)
}

// use looks at the disk. It fails for what was opened before the power failed.
func (d *Disk) use(start int, do func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off || start != d.starts {
		return sqlite3.IOERR
	}
	return do()
}

func (s system) current() int {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.d.starts
}

func (s system) FullPathname(name string) (string, error) { return name, nil }

func (s system) Access(name string, _ vfs.AccessFlag) (is bool, err error) {
	err = s.d.use(s.current(), func() error {
		is = s.d.now[name] != nil
		return nil
	})
	return is, err
}

func (s system) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if flags&(vfs.OPEN_MAIN_DB|vfs.OPEN_MAIN_JOURNAL|vfs.OPEN_WAL) == 0 {
		return nil, flags, sqlite3.CANTOPEN // what is temporary is in memory
	}
	h := &handle{d: s.d, start: s.current()}
	open := func() error {
		h.f = s.d.now[name]
		return nil
	}
	if err := s.d.use(h.start, open); err != nil {
		return nil, flags, err
	}
	if h.f == nil && flags&vfs.OPEN_CREATE == 0 {
		return nil, flags, sqlite3.CANTOPEN
	}
	if h.f == nil {
		err := s.d.alter(h.start, func() error {
			h.f = &file{fresh: true}
			s.d.now[name] = h.f
			return nil
		})
		if err != nil {
			return nil, flags, err
		}
	}
	h.memory = vfs.NewSharedMemory(filepath.Join(s.d.index, strconv.Itoa(h.start)), flags)
	return h, flags, nil
}

// Delete takes the entry of a file out of the directory; on disk, when the directory
// is synced.
func (s system) Delete(name string, syncDirectory bool) error {
	return s.d.alter(s.current(), func() error {
		if s.d.now[name] == nil {
			return sqlite3.IOERR_DELETE_NOENT
		}
		delete(s.d.now, name)
		if syncDirectory {
			s.d.synced = maps.Clone(s.d.now)
		}
		return nil
	})
}

// handle is an open file.
type handle struct {
	d      *Disk
	f      *file
	start  int // which one of the disk it was opened after
	lock   vfs.LockLevel
	memory vfs.SharedMemory
}

var (
	_ vfs.FileSharedMemory = (*handle)(nil)
	_ vfs.FileLockState    = (*handle)(nil)
)

func (h *handle) Close() error {
	err := h.Unlock(vfs.LOCK_NONE)
	if h.memory != nil {
		err = errors.Join(err, h.memory.Close())
	}
	return err
}

func (h *handle) SharedMemory() vfs.SharedMemory { return h.memory }

func (h *handle) ReadAt(b []byte, at int64) (n int, err error) {
	err = h.d.use(h.start, func() error {
		if at < int64(len(h.f.now)) {
			n = copy(b, h.f.now[at:])
		}
		if n < len(b) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (h *handle) WriteAt(b []byte, at int64) (int, error) {
	return len(b), h.write(write{at: at, data: bytes.Clone(b)})
}

func (h *handle) Truncate(size int64) error { return h.write(write{at: size, end: true}) }

func (h *handle) write(w write) error {
	return h.d.alter(h.start, func() error {
		h.f.now = w.apply(h.f.now)
		h.f.waiting = append(h.f.waiting, w)
		return nil
	})
}

// Sync puts a file on disk and, if it is new, its directory: so SQLite does it for
// journals.
func (h *handle) Sync(vfs.SyncFlag) error {
	return h.d.alter(h.start, func() error {
		if h.f.fresh {
			h.d.synced = maps.Clone(h.d.now)
		}
		h.f.sync()
		return nil
	})
}

func (h *handle) Size() (size int64, err error) {
	err = h.d.use(h.start, func() error {
		size = int64(len(h.f.now))
		return nil
	})
	return size, err
}

func (h *handle) Lock(level vfs.LockLevel) error {
	return h.d.use(h.start, func() error {
		switch {
		case h.lock >= level:
			return nil
		case level == vfs.LOCK_SHARED:
			if h.f.pending != nil {
				return sqlite3.BUSY
			}
			h.f.readers++
		case level == vfs.LOCK_RESERVED:
			if h.f.reserved != nil {
				return sqlite3.BUSY
			}
			h.f.reserved = h
		default:
			if h.f.pending != nil && h.f.pending != h {
				return sqlite3.BUSY
			}
			h.f.pending, h.lock = h, vfs.LOCK_PENDING
			if h.f.readers > 1 {
				return sqlite3.BUSY
			}
		}
		h.lock = level
		return nil
	})
}

func (h *handle) Unlock(level vfs.LockLevel) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if h.lock <= level {
		return nil
	}
	if h.f.reserved == h {
		h.f.reserved = nil
	}
	if h.f.pending == h {
		h.f.pending = nil
	}
	if level == vfs.LOCK_NONE {
		h.f.readers--
	}
	h.lock = level
	return nil
}

func (h *handle) CheckReservedLock() (is bool, err error) {
	err = h.d.use(h.start, func() error {
		is = h.f.reserved != nil
		return nil
	})
	return is, err
}

func (h *handle) LockState() vfs.LockLevel { return h.lock }

func (*handle) SectorSize() int { return 4096 }

// DeviceCharacteristics says what SQLite takes for granted of disks: what is next to
// bytes that are written stays as it is.
func (*handle) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return vfs.IOCAP_POWERSAFE_OVERWRITE
}
