package sweep

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/internal/sorted"
	"github.com/filecleangen/filecleangen/storage"
)

// inMemory is how many bytes of each list are sorted in memory.
const inMemory = 8 << 20

// listing is the files of a storage, in order, once they are listed.
type listing struct {
	sorted *sorted.Sorter
	files  int64
}

// list lists the files of a storage from one name on, up to another one. All of a storage
// may be listed in any order.
func list(ctx context.Context, files afero.Fs, from, to string) (*listing, error) {
	l := &listing{sorted: sorted.New(inMemory)}
	if err := l.read(ctx, files, from, to); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

func (l *listing) read(ctx context.Context, files afero.Fs, from, to string) error {
	last := ""
	for f, err := range storage.List(ctx, files, from) {
		switch {
		case err != nil:
			return err
		case f.Name < last && (from != "" || to != ""):
			return fmt.Errorf("the storage lists %q behind %q, which is not the order of the bytes, so that no range of names can be listed: scan all of it", f.Name, last)
		case to != "" && f.Name >= to:
			return nil
		}
		last = f.Name
		if f.Name < from || strings.ContainsRune(f.Name, 0) { // no list has NUL, and no row
			continue
		}
		l.files++
		if err := l.sorted.Add(packed(f)); err != nil {
			return err
		}
	}
	return nil
}

// all yields the files in the order of their names, each once.
func (l *listing) all() iter.Seq2[storage.File, error] {
	return func(yield func(storage.File, error) bool) {
		last := ""
		for text, err := range l.sorted.All() {
			f := unpacked(text)
			if err == nil && f.Name == last {
				continue
			}
			last = f.Name
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

func (l *listing) Close() error { return l.sorted.Close() }

// packed returns a file as a text; in the order of the names, since they have no NUL.
func packed(f storage.File) string {
	text := f.Name + "\x00" + strconv.FormatUint(uint64(f.Mode), 36)
	if f.Info != nil {
		text += "\x00" + strconv.FormatInt(f.Info.Size(), 36) + "\x00" + strconv.FormatInt(f.Info.ModTime().UnixNano(), 36)
	}
	return text
}

func unpacked(text string) storage.File {
	parts := strings.Split(text, "\x00")
	f := storage.File{Name: parts[0]}
	if len(parts) > 1 {
		mode, _ := strconv.ParseUint(parts[1], 36, 32)
		f.Mode = fs.FileMode(mode)
	}
	if len(parts) == 4 {
		size, _ := strconv.ParseInt(parts[2], 36, 64)
		at, _ := strconv.ParseInt(parts[3], 36, 64)
		f.Info = listed{f.Name, size, f.Mode, time.Unix(0, at)}
	}
	return f
}

// listed is what a storage's list has of a file.
type listed struct {
	name     string
	size     int64
	mode     fs.FileMode
	modified time.Time
}

func (l listed) Name() string       { return l.name }
func (l listed) Size() int64        { return l.size }
func (l listed) Mode() fs.FileMode  { return l.mode }
func (l listed) ModTime() time.Time { return l.modified }
func (l listed) IsDir() bool        { return l.mode.IsDir() }
func (l listed) Sys() any           { return nil }
