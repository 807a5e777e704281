package load

import (
	"bytes"
	"slices"
)

// withoutBodies returns the source of a file with the bodies of functions, and
// all of the methods that don't matter, blanked out, so that all else stays where
// it is. Nothing in them is of interest, and parsing them is most of the work. What may have a tag or
// directive of ours is left, since a struct in a function can't have methods,
// which is to be said.
//
// It needs functions to begin at the beginning of a line, as gofmt writes them,
// and leaves others as they are. What it returns may not parse where the source
// does, if that is written in a way that nobody thinks of; then the source
// itself is to be parsed.
func withoutBodies(text []byte, methods map[string]bool) []byte {
	var out []byte // nil until something is changed
	depth := 0
	for i := 0; i < len(text); {
		if depth == 0 && beginsFunc(text, i) {
			open := bodyStart(text, i)
			if open < 0 {
				i += len("func")
				continue
			}
			end := skipBraces(text, open)
			if end < 0 {
				break
			}
			from, to := open+1, end-1
			switch name := methodName(text[i:open]); {
			case name == "":
			case !methods[name]:
				from, to = i, end
			case name == "Value":
				from = to // what it writes is of interest: see Facts
			}
			if from < to && !mentions(text[from:to]) {
				if out == nil {
					out = slices.Clone(text)
				}
				blank(out[from:to])
			}
			i = end
			continue
		}
		switch text[i] {
		case '{', '(', '[':
			depth++
		case '}', ')', ']':
			depth--
		case '"', '`', '\'', '/':
			if j := skipText(text, i); j != i {
				i = j
				continue
			}
		}
		i++
	}
	if out == nil {
		return text
	}
	return out
}

// methodName returns the name of the method that what comes before a body
// declares, or "" for a function.
func methodName(head []byte) string {
	head, ok := bytes.CutPrefix(head, []byte("func ("))
	if !ok {
		return ""
	}
	end := bytes.IndexByte(head, ')') // a receiver has no parentheses, or is not looked at
	if end < 0 || bytes.IndexByte(head[:end], '(') >= 0 {
		return ""
	}
	rest := bytes.TrimLeft(head[end+1:], " ")
	return string(rest[:len(rest)-len(bytes.TrimLeftFunc(rest, isIdent))])
}

// beginsFunc reports whether a function is declared at i, where a line begins.
func beginsFunc(text []byte, i int) bool {
	return text[i] == 'f' && (i == 0 || text[i-1] == '\n') && bytes.HasPrefix(text[i:], []byte("func"))
}

// bodyStart returns where the body of the function at i opens, or -1 if it has
// none.
func bodyStart(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch c := text[i]; c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case '{':
			if depth == 0 && !afterWord(text[:i], "struct") && !afterWord(text[:i], "interface") {
				return i
			}
			if i = skipBraces(text, i); i < 0 {
				return -1
			}
			continue
		case '\n':
			if depth == 0 {
				return -1 // without a body
			}
		default:
			if j := skipText(text, i); j != i {
				i = j
				continue
			}
		}
		i++
	}
	return -1
}

func afterWord(text []byte, word string) bool {
	return bytes.HasSuffix(bytes.TrimRight(text, " \t"), []byte(word))
}

// skipBraces returns where what the brace at i opens is closed, behind the
// closing one, or -1.
func skipBraces(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"', '`', '\'', '/':
			if j := skipText(text, i); j != i {
				i = j
				continue
			}
		}
		i++
	}
	return -1
}

// skipText returns what is behind the string, character or comment that begins
// at i, or i if none does.
func skipText(text []byte, i int) int {
	until := func(from int, end string) int {
		if n := bytes.Index(text[from:], []byte(end)); n >= 0 {
			return from + n + len(end)
		}
		return len(text)
	}
	switch c := text[i]; {
	case c == '`':
		return until(i+1, "`")
	case c == '"' || c == '\'':
		for j := i + 1; j < len(text); j++ {
			switch text[j] {
			case '\\':
				j++
			case c, '\n':
				return j + 1
			}
		}
		return len(text)
	case bytes.HasPrefix(text[i:], []byte("//")):
		return until(i, "\n") - 1
	case bytes.HasPrefix(text[i:], []byte("/*")):
		return until(i+2, "*/")
	}
	return i
}

// blank overwrites everything but the ends of lines.
func blank(text []byte) {
	for i, c := range text {
		if c != '\n' {
			text[i] = ' '
		}
	}
}
