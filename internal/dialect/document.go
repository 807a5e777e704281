package dialect

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// InDocument calls found for each string in a document, but for keys, whatever
// the document is made of: also where it is cut off, or has something in it that a
// database does not take for JSON. names are looked for in all of the text besides,
// written plainly and with the escapes that JSON has, where the document is none; it
// reports whether it is one.
func InDocument(document []byte, names []string, found func(name string)) bool {
	document = bytes.TrimPrefix(document, []byte("\ufeff"))
	for rest := document; ; {
		open := bytes.IndexByte(rest, '"')
		if open < 0 {
			break
		}
		end := closingQuote(rest, open)
		text := rest[open+1 : end]
		if rest = rest[min(end+1, len(rest)):]; !isKey(rest) {
			found(unescape(text))
		}
	}
	if len(document) == 0 || json.Valid(document) {
		return true
	}
	for _, name := range names {
		for _, form := range writtenForms(name) {
			if bytes.Contains(document, form) {
				found(name)
				break
			}
		}
	}
	return false
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

// unescape returns what a JSON string says; escapes that are none stay as they are.
func unescape(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	var s string
	if json.Unmarshal(append(append([]byte{'"'}, text...), '"'), &s) == nil {
		return s
	}
	return strings.NewReplacer(`\/`, "/", `\"`, `"`, `\\`, `\`).Replace(string(text))
}

// writtenForms returns how a name may stand in JSON that somebody wrote: as it is,
// with the escapes that are needed, with slashes escaped, and with everything
// escaped that is not ASCII.
func writtenForms(name string) [][]byte {
	forms := [][]byte{[]byte(name)}
	escaped, err := json.Marshal(name)
	if err != nil {
		return forms
	}
	escaped = bytes.Trim(escaped, `"`)
	slashes := bytes.ReplaceAll(escaped, []byte("/"), []byte(`\/`))
	forms = append(forms, escaped, slashes)
	for _, digits := range []string{"0123456789abcdef", "0123456789ABCDEF"} {
		forms = append(forms, ascii(escaped, digits), ascii(slashes, digits))
	}
	return forms
}

// ascii escapes what is not ASCII, in UTF-16 and hexadecimal digits.
func ascii(text []byte, digits string) []byte {
	var b []byte
	for _, r := range string(text) {
		if r < utf8.RuneSelf {
			b = append(b, byte(r))
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			b = append(b, '\\', 'u', digits[unit>>12], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
		}
	}
	return b
}
