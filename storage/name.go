package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// ErrBadName is wrapped by every error about a name that [CheckName] refuses.
var ErrBadName = errors.New("unsafe file name")

// MarkerName is the name of the file in the root of a storage that says which
// environments own it; see package outbox. No other file can have it.
const MarkerName = ".filecleangen"

// CheckName tells whether name may be handed to a storage: it must be
// relative, slash-separated, valid UTF-8 and clean, the rules of
// [fs.ValidPath], and must name something below the storage's root. Empty
// names, ".", "..", absolute names, a trailing slash, "//", NUL, backslashes,
// drive letters and [MarkerName] are refused, so that a name means the same file on every
// storage and operating system and never leaves it. A refused name gives an
// error that wraps [ErrBadName].
//
// The cleaner calls it before it hands any name to a storage. Programs that
// take names from outside can call it before they save one.
func CheckName(name string) error {
	var why string
	switch {
	case name == "":
		why = "it is empty"
	case strings.ContainsRune(name, 0):
		why = "it contains NUL"
	case strings.ContainsRune(name, '\\'):
		why = `it contains a backslash; names use "/" on every system`
	case len(name) >= 2 && name[1] == ':' && isLetter(name[0]):
		why = "it starts with a drive letter"
	case name[0] == '/':
		why = "it is absolute; names are relative to their storage"
	case name == MarkerName:
		why = "it is the marker that says whose the storage is"
	case name == "." || !fs.ValidPath(name):
		why = `it is not a clean path below the root of the storage (no ".", "..", "//", trailing "/" or invalid UTF-8)`
	default:
		return nil
	}
	return fmt.Errorf("%w %q: %s", ErrBadName, name, why)
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// OtherSpelling returns the name that one which [CheckName] refuses is likely to
// mean, such as "a/b.png" for "/a//b.png" or `a\b.png`; or "". Who holds the one is
// taken to hold the other.
func OtherSpelling(name string) string {
	if CheckName(name) == nil {
		return ""
	}
	other := strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
	if CheckName(other) != nil {
		return ""
	}
	return other
}
