package storage

import (
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/filecleangen/filecleangen/internal/sorted"
)

// entry is what a directory has. Its key is its name, with a slash behind it if it is a
// directory itself: so keys are in the order of the names that are below them.
type entry struct {
	key  string
	mode fs.FileMode
	info fs.FileInfo
}

func newEntry(name string, mode fs.FileMode, info fs.FileInfo) entry {
	if mode.IsDir() {
		name += "/"
	}
	return entry{name, mode.Type(), info}
}

// At most so many entries of a directory are sorted in memory; of larger ones, so many
// bytes of their names.
const (
	mostInMemory  = 100_000
	bytesInMemory = 8 << 20
)

// entries are those of one directory, in memory, or sorted by files if they are many.
type entries struct {
	few  []entry
	many *sorted.Sorter
}

func (all *entries) add(some []entry) error {
	if all.many == nil {
		if all.few = append(all.few, some...); len(all.few) <= mostInMemory {
			return nil
		}
		all.many, some, all.few = sorted.New(bytesInMemory), all.few, nil
	}
	for _, e := range some {
		if err := all.many.Add(e.packed()); err != nil {
			return err
		}
	}
	return nil
}

// all yields the entries in order.
func (all *entries) all() iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		if all.many == nil {
			slices.SortFunc(all.few, func(a, b entry) int { return strings.Compare(a.key, b.key) })
			for _, e := range all.few {
				if !yield(e, nil) {
					return
				}
			}
			return
		}
		for text, err := range all.many.All() {
			if !yield(unpacked(text), err) || err != nil {
				return
			}
		}
	}
}

// Close removes temporary files.
func (all *entries) Close() error {
	if all.many == nil {
		return nil
	}
	return all.many.Close()
}

// packed returns an entry as a text. No name has a NUL in it, so that texts are in the
// order of the keys. What a listing said of it besides has to be asked again.
func (e entry) packed() string { return e.key + "\x00" + strconv.FormatUint(uint64(e.mode), 36) }

func unpacked(text string) entry {
	key, mode, _ := strings.Cut(text, "\x00")
	n, _ := strconv.ParseUint(mode, 36, 32)
	return entry{key: key, mode: fs.FileMode(n)}
}
