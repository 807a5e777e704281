package references

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/filecleangen/filecleangen/storage"
)

// A Mapping says what the values of columns mean that are not names of files.
type Mapping struct {
	// Name returns the name of the file that a value means, or "" if it means none
	// of the storage. Give it to [runtime.Names], too.
	Name func(value string) string
	// Values is the inverse: it returns every value that means the named file.
	Values func(name string) []string

	prefix   string // of Prefix
	isPrefix bool
}

// Values says what the values of the columns mean that name files of a storage,
// where that is not the names themselves.
func Values(storage string, m Mapping) Option {
	return func(r *References) error {
		if _, twice := r.mappings[storage]; twice || m.Name == nil || m.Values == nil {
			return fmt.Errorf("Values(%q) needs a mapping with both functions, once", storage)
		}
		r.mappings[storage] = m
		return nil
	}
}

// Prefix is the mapping of values that are a prefix, such as
// "https://cdn.example.com/", and the name of a file. Escapes such as %20 are taken
// for what they stand for, and a query or a fragment, "?v=2" or "#top", is ignored.
// A value that does not begin with the prefix means no file.
//
// Where values have such an escape, query or fragment, no index helps to find
// them: they are looked for in all rows, in one pass for up to 1,000 files.
func Prefix(prefix string) Mapping {
	return Mapping{
		Name: func(value string) string {
			rest, ours := strings.CutPrefix(value, prefix)
			if !ours {
				return ""
			}
			if i := strings.IndexAny(rest, "?#"); i >= 0 {
				rest = rest[:i]
			}
			if name, err := url.PathUnescape(rest); err == nil {
				rest = name
			}
			return nameOf(rest)
		},
		Values: func(name string) []string {
			values := spellings(name)
			if escaped := (&url.URL{Path: name}).EscapedPath(); escaped != name {
				values = append(values, escaped)
			}
			for i := range values {
				values[i] = prefix + values[i]
			}
			return values
		},
		prefix: prefix, isPrefix: true,
	}
}

// plain is the mapping where values are names.
var plain = Mapping{Name: nameOf, Values: spellings}

// nameOf returns the name that a value means, however it is spelled.
func nameOf(value string) string {
	if other := storage.OtherSpelling(value); other != "" {
		return other
	}
	return value
}

// spellings returns a name as programs also write it, which a storage would take
// for the same file: with a slash or a dot in front, with one slash too many, as
// on Windows. There are more, of which no list can be made.
func spellings(name string) []string {
	const most = 16 // of one slash too many
	all := []string{name, "/" + name, "./" + name}
	for i := range len(name) {
		if name[i] == '/' && len(all) < 3+most {
			all = append(all, name[:i]+"/"+name[i:])
		}
	}
	if strings.Contains(name, "/") {
		all = append(all, strings.ReplaceAll(name, "/", `\`))
	}
	return all
}

const (
	prefixForm   = "prefix "
	functionForm = "function"
)

// form is how programs tell each other of a mapping: "" stands for names.
func (m Mapping) form() string {
	switch {
	case m.Name == nil:
		return ""
	case m.isPrefix:
		return prefixForm + m.prefix
	}
	return functionForm
}

// mappingOf returns the mapping that another program told of, if it can be known.
func mappingOf(form string) (m Mapping, known bool) {
	if prefix, ok := strings.CutPrefix(form, prefixForm); ok {
		return Prefix(prefix), true
	}
	return Mapping{}, form == ""
}

// orNames returns the mapping, or that of names where there is none.
func (m Mapping) orNames() Mapping {
	if m.Name == nil {
		return plain
	}
	return m
}
