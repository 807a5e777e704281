package dialect

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// InDocument calls found for each string in a document that may be a name, whatever
// the document is made of: also where it is cut off, or has something in it that a
// database does not take for JSON. names are looked for in all of the text besides,
// written plainly and with the escapes that JSON has, where the document is none.
func InDocument(document []byte, names []string, found func(name string)) {
	document = bytes.TrimPrefix(document, []byte("\ufeff"))
	for rest := document; ; {
		open := bytes.IndexByte(rest, '"')
		if open < 0 {
			break
		}
		end := closingQuote(rest, open)
		found(unescape(rest[open+1 : end]))
		if end == len(rest) {
			break
		}
		rest = rest[end+1:]
	}
	if json.Valid(document) {
		return
	}
	for _, name := range names {
		for _, form := range writtenForms(name) {
			if bytes.Contains(document, form) {
				found(name)
				break
			}
		}
	}
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
	for _, form := range [][]byte{escaped, slashes, ascii(escaped), ascii(slashes)} {
		forms = append(forms, form, bytes.ReplaceAll(form, []byte(`\u`), []byte(`\U`)))
	}
	return forms
}

// ascii escapes what is not ASCII in UTF-16, in lower case.
func ascii(text []byte) []byte {
	var b []byte
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r < utf8.RuneSelf {
			b = append(b, text[0])
		} else {
			quoted := make([]byte, 0, 12)
			for _, unit := range utf16Units(r) {
				quoted = append(quoted, '\\', 'u', hex[unit>>12], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
			}
			b = append(b, quoted...)
		}
		text = text[n:]
	}
	return b
}

const hex = "0123456789abcdef"

func utf16Units(r rune) []uint16 {
	if r < 0x10000 {
		return []uint16{uint16(r)}
	}
	r -= 0x10000
	return []uint16{uint16(0xd800 + r>>10), uint16(0xdc00 + r&0x3ff)}
}
