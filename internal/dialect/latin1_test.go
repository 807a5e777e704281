package dialect_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/internal/dialect"
)

// cp1252 are the characters of bytes 0x80 to 0x9f; MySQL has the five that are missing
// as what their numbers are in Unicode.
const cp1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

// TestNotLatin1: UTF-8 that was taken for latin1 is found again.
func TestNotLatin1(t *testing.T) {
	special := []rune(cp1252)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var mistaken []rune
		ascii := true
		for i := range len(text) {
			b := text[i]
			ascii = ascii && b < 0x80
			if b >= 0x80 && b <= 0x9f {
				mistaken = append(mistaken, special[b-0x80])
			} else {
				mistaken = append(mistaken, rune(b))
			}
		}
		was, ok := dialect.NotLatin1([]byte(string(mistaken)))
		if ok == ascii || ok && string(was) != text {
			t.Fatalf("%q: %q, %v", text, was, ok)
		}
	})
	for _, text := range []string{"", "a.png", "日本", "é", "😀"} {
		if was, ok := dialect.NotLatin1([]byte(text)); ok {
			t.Errorf("%q: %q", text, was)
		}
	}
}
