package dialect

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// InDocument calls found for each string in a document, but for the keys of objects,
// and for each in a string that is a document itself; whatever the document is made
// of, also where it is cut off, or has something in it that a database does not take
// for JSON. Where something stands outside of strings that JSON does not have, names
// are looked for in all of the text besides, as they are and with escapes undone. It
// reports whether the document is as JSON is, as far as it can be seen so. found must
// not keep the text.
func InDocument(document []byte, names []string, found func(text []byte)) bool {
	document = bytes.TrimPrefix(document, []byte("\ufeff"))
	var room [32]byte
	open := room[:0] // brackets that have no counterpart yet
	is, bare := true, false
	for i := 0; i < len(document); i++ {
		switch c := document[i]; c {
		case '"':
			end := closingQuote(document, i)
			is = is && end < len(document)
			if !bytes.HasSuffix(open, []byte("{")) || !isKey(document[min(end+1, len(document)):]) {
				inString(unescape(document[i+1:end]), names, found)
			}
			i = end
		case '{', '[':
			open = append(open, c)
		case '}', ']':
			is = is && len(open) > 0 && open[len(open)-1] == c-2 // '{' and '[' in ASCII
			open = open[:max(len(open)-1, 0)]
		default:
			n := notText(document[i:])
			is = is && n > 0
			bare = bare || len(open) == 0 && c != ' ' && c != '\n'
			i += max(n, 1) - 1
		}
	}
	if is && len(open) == 0 && (!bare || json.Valid(document)) {
		return true
	}
	inText(document, names, found)
	return false
}

// inString calls found for a string, and for those in it if it is a document itself.
func inString(text []byte, names []string, found func(text []byte)) {
	found(text)
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		InDocument(text, names, found)
	}
}

// notText returns the length of what text begins with, if JSON has that outside of
// strings; 0 otherwise.
func notText(text []byte) int {
	switch c := text[0]; {
	case c == ' ', c == '\n', c == '\t', c == '\r', c == ',', c == ':':
		return 1
	case c == '-', '0' <= c && c <= '9':
		return number(text)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(text, []byte(word)) {
			return len(word)
		}
	}
	return 0
}

// number returns the length of the number that text begins with, 0 if JSON has none
// like that.
func number(text []byte) int {
	n := 0
	for n < len(text) && bytes.IndexByte([]byte("0123456789+-.eE"), text[n]) >= 0 {
		n++
	}
	if json.Valid(text[:n]) {
		return n
	}
	return 0
}

// inText looks for names in a text, as it is and with all escapes undone.
func inText(text []byte, names []string, found func(text []byte)) {
	plain := withoutEscapes(text)
	for _, name := range names {
		if bytes.Contains(text, []byte(name)) || bytes.Contains(plain, []byte(name)) {
			found([]byte(name))
		}
	}
}

var escapes = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+|\\x[0-9a-fA-F]{2}|\\.`)

// withoutEscapes undoes what JSON, and its relatives, have as escapes.
func withoutEscapes(text []byte) []byte {
	return escapes.ReplaceAllFunc(text, func(escape []byte) []byte {
		switch escape[1] {
		case 'u':
			var s string
			_ = json.Unmarshal(append(append([]byte{'"'}, escape...), '"'), &s) // it is right
			return []byte(s)
		case 'x':
			n, _ := strconv.ParseUint(string(escape[2:]), 16, 8) // it is right
			return utf8.AppendRune(nil, rune(n))
		}
		return escape[1:]
	})
}

// isKey reports whether the string that ended before text is the key of an object.
func isKey(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c == ':'
		}
	}
	return false
}

// closingQuote returns where the string that opens at i ends.
func closingQuote(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}

// unescape returns what a string says.
func unescape(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	var s string
	if json.Unmarshal(append(append([]byte{'"'}, text...), '"'), &s) == nil {
		return []byte(s)
	}
	return withoutEscapes(text)
}
