package dialect_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/internal/dialect"
)

func stringsIn(document string, names ...string) (found []string) {
	dialect.InDocument([]byte(document), names, func(text []byte) { found = append(found, string(text)) })
	return found
}

func TestInDocument(t *testing.T) {
	for document, want := range map[string]string{
		`{'x': 'it\'s.png'}`:            "it's.png",
		`{x: 'a\x2b.png'}`:              "a+.png",
		`{"x": "a\x2b.png"}`:            "a+.png",
		"\x9ca\\u002Bb.png":             "a+b.png",
		`["a.png": 1]`:                  "a.png",
		`{"x": "{'y': 'a.png'}"}`:       "a.png",
		`["a.png"]`:                     "a.png",
		`{"x": "{\"y\": [\"a.png\"]}"}`: "a.png",
		`{"x": {"y": ["a\/b.png"]}}`:    "a/b.png",
		"\ufeff[\"a.png\"]":             "a.png",
		`["\u00e9.png"]`:                "é.png",
		`["\ud83d\ude00.png"]`:          "😀.png",
		`["a.png`:                       "a.png",
		`[NaN, "a.png"]`:                "a.png",
		`a.png`:                         "a.png",
		`{'x': 'a.png'}`:                "a.png",
		`{x: a\/b.png}`:                 "a/b.png",
		`{x: \u00e9.png}`:               "é.png",
		`{x: \u00E9.png}`:               "é.png",
		`{x: \uD83D\uDE00.png}`:         "😀.png",
		`["q\"q.png"`:                   `q"q.png`,
	} {
		if found := stringsIn(document, want); !slices.Contains(found, want) {
			t.Errorf("%s: %q, not %q", document, found, want)
		}
	}
	for _, document := range []string{"", "12", `{"a.png": 1}`, `{"a.png"
		: ["b.png"]}`, "null", `["b.png"]`, `{"x": "xa.png"}`, `["A.png"]`} {
		if found := stringsIn(document, "a.png"); slices.Contains(found, "a.png") {
			t.Errorf("%s: %q", document, found)
		}
	}
}

// FuzzInDocument: a name is found in any document that has it, however that is cut
// off behind it.
func FuzzInDocument(f *testing.F) {
	f.Add("a.png", "other", 0)
	f.Add(`d/é"\😀.png`, "\x00\u2028", 3)
	f.Fuzz(func(t *testing.T, name, other string, cut int) {
		if name != strings.ToValidUTF8(name, "") || name == "" {
			return
		}
		text, err := json.Marshal(map[string]any{"a": []string{name}, "b": other})
		if err != nil {
			t.Fatal(err)
		}
		document := string(text)
		if end := strings.Index(document, `"],"b"`); end > 0 && cut > 0 && end+cut < len(document) {
			document = document[:end+cut]
		}
		if found := stringsIn(document, name); !slices.Contains(found, name) {
			t.Errorf("%q is not found in %s: %q", name, document, found)
		}
	})
}
