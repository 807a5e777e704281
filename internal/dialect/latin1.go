package dialect

import (
	"slices"
	"unicode/utf8"
)

// windows1252 are the characters of bytes 0x80 to 0x9f in what MySQL calls latin1.
var windows1252 = map[rune]byte{
	'€': 0x80, '‚': 0x82, 'ƒ': 0x83, '„': 0x84, '…': 0x85, '†': 0x86, '‡': 0x87, 'ˆ': 0x88, '‰': 0x89, 'Š': 0x8a, '‹': 0x8b, 'Œ': 0x8c, 'Ž': 0x8e,
	'‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97, '˜': 0x98, '™': 0x99, 'š': 0x9a, '›': 0x9b, 'œ': 0x9c, 'ž': 0x9e, 'Ÿ': 0x9f,
}

// NotLatin1 returns what a text was before its UTF-8 was taken for MySQL's latin1,
// and made UTF-8 once more: programs do that whose connection has that character
// set. It reports false for a text to which that did not happen.
func NotLatin1(text []byte) ([]byte, bool) {
	if !slices.ContainsFunc(text, func(b byte) bool { return b >= utf8.RuneSelf }) {
		return nil, false // mostly it is ASCII
	}
	var was []byte
	for i, r := range string(text) {
		if r < utf8.RuneSelf && was == nil {
			continue
		}
		if was == nil {
			was = append(make([]byte, 0, len(text)), text[:i]...)
		}
		b, special := windows1252[r]
		switch {
		case special:
		case r <= 0xff:
			b = byte(r)
		default:
			return nil, false
		}
		was = append(was, b)
	}
	return was, was != nil && utf8.Valid(was)
}
