package load

import (
	"bytes"
	"slices"
	"strings"
)

// mentions reports whether there may be tags or directives of ours: file: where
// a key of a struct tag may stand, also in a tag that is malformed, or a key that
// is a slip of the pen.
func mentions(text []byte) bool {
	for rest := text; ; {
		i := bytes.IndexByte(rest, ':')
		if i < 0 {
			break
		}
		if mayBeTag(rest[:i], rest[i+1:]) {
			return true
		}
		rest = rest[i+1:]
	}
	return bytes.Contains(text, []byte("//filecleangen:"))
}

// mayBeTag reports whether the colon between two texts may be that of a tag of
// ours.
func mayBeTag(before, after []byte) bool {
	const longest = len("ffile")
	word := before[max(0, len(before)-longest-1):]
	for i, c := range slices.Backward(word) {
		if !isLetter(c) {
			word = word[i:]
			break
		}
	}
	if len(word) == 0 || isLetter(word[0]) || !isOurs(string(word[1:])) && !isSlip(string(word[1:])) {
		return false
	}
	next := byte(' ')
	if len(after) > 0 {
		next = after[0]
	}
	switch word[0] {
	case '`', '"':
		return isOurs(string(word[1:])) || next == '"' || next == '\\'
	case ' ', '\t':
		return strings.IndexByte("\"\\'`", next) >= 0
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isOurs(key string) bool { return key == "file" }

// isSlip reports whether a key of a struct tag is most likely ours, misspelt: in
// other case, with a letter twice, or with two letters swapped.
func isSlip(key string) bool {
	switch lower := strings.ToLower(key); lower {
	case "file":
		return key != lower
	case "flie", "fiel", "ifle", "ffile", "fiile", "fille", "filee":
		return true
	}
	return false
}

// Misspelt returns the key of a struct tag that is most likely ours, misspelt, or
// "".
func Misspelt(tag string) string {
	for rest := tag; ; {
		i := strings.IndexByte(rest, ':')
		if i < 0 {
			return ""
		}
		key := rest[strings.LastIndexAny(rest[:i], " \t\"")+1 : i]
		if isSlip(key) && strings.HasPrefix(rest[i+1:], `"`) {
			return key
		}
		// The value that follows may have anything in it.
		rest = rest[i+1:]
		if strings.HasPrefix(rest, `"`) {
			if end := closing(rest); end > 0 {
				rest = rest[end+1:]
			}
		}
	}
}

// closing returns where the quote that begins a text is closed, or 0.
func closing(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return 0
}
