package sweep

import (
	"hash/maphash"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// folded are names, as a file system has them that keeps neither case nor forms of accents
// apart: a hash of each, since a file that is kept by chance does no harm.
type folded struct {
	seed   maphash.Seed
	hashes []uint64
}

func newFolded() folded { return folded{seed: maphash.MakeSeed()} }

func (f *folded) hash(name string) uint64 {
	return maphash.String(f.seed, norm.NFC.String(strings.ToLower(name)))
}

func (f *folded) add(name string) { f.hashes = append(f.hashes, f.hash(name)) }

// sort comes before has.
func (f *folded) sort() { slices.Sort(f.hashes) }

func (f *folded) has(name string) bool {
	_, is := slices.BinarySearch(f.hashes, f.hash(name))
	return is
}
