package sweep

import (
	"path"
	"strings"
)

// mostShapes is how many shapes are known at most; who has more of them has foreign files
// that are none.
const mostShapes = 100_000

// shapes are those of rows' names.
type shapes map[string]struct{}

func (s shapes) add(name string) {
	shape := shapeOf(name)
	if _, ok := s[shape]; !ok && len(s) < mostShapes {
		s[shape] = struct{}{}
	}
}

func (s shapes) has(name string) bool {
	_, ok := s[shapeOf(name)]
	return ok
}

// shapeOf returns what a name has in common with others that are made in the same way: its
// directories, with # for numbers and the like, and its extension.
func shapeOf(name string) string {
	dirs := strings.Split(name, "/")
	base := dirs[len(dirs)-1]
	dirs = dirs[:len(dirs)-1]
	for i, dir := range dirs {
		dirs[i] = general(dir)
	}
	return strings.Join(append(dirs, strings.ToLower(path.Ext(base))), "/")
}

// general returns a part of a name with # for what is counted or random in it.
func general(part string) string {
	digits, hex, other := 0, 0, 0
	for _, c := range part {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			hex++
		case c != '-' && c != '_':
			other++
		}
	}
	const random = 16 // the length of what is hardly a word
	switch {
	case other == 0 && (digits > 0 || hex > 0 && len(part) <= 2):
		return "#"
	case digits > 0 && len(part) >= random:
		return "#"
	}
	return withoutDigits(part)
}

func withoutDigits(part string) string {
	var b strings.Builder
	last := rune(0)
	for _, c := range part {
		if '0' <= c && c <= '9' {
			c = '#'
			if last == c {
				continue
			}
		}
		b.WriteRune(c)
		last = c
	}
	return b.String()
}
