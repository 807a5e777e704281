package dialect

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// Values are what a column is asked for.
type Values struct {
	List []string
	// Parts has, for every value that matters in a document, a part of it; it is empty
	// where that can't be said.
	Parts []string
}

type asJSON struct{ of *Values }

type asHex struct{ of *Values }

// json returns a placeholder for the values, as one JSON array of strings.
func (v *Values) json(s *Statement) string {
	return s.Bind(asJSON{v}, func() any {
		text, _ := json.Marshal(v.List) // strings can always be
		return string(text)
	})
}

// hex returns a placeholder for the values, as one JSON array of their bytes in
// hexadecimal digits.
func (v *Values) hex(s *Statement) string {
	return s.Bind(asHex{v}, func() any {
		var b strings.Builder
		for i, value := range v.List {
			b.WriteString([]string{`["`, `","`}[min(i, 1)])
			b.WriteString(hex.EncodeToString([]byte(value)))
		}
		return b.String() + `"]`
	})
}

// few returns parts of the values that are written in a document either as they are
// or with a backslash, if there are so few that the database does well to look for
// them.
func (v *Values) few() []string {
	const most = 8
	if len(v.Parts) > most || slices.ContainsFunc(v.Parts, func(part string) bool { return part == "" || notASCII(part) }) {
		return nil
	}
	return v.Parts
}

func notASCII(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf })
}
