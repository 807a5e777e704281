package generator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fatih/structtag"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
	"github.com/filecleangen/filecleangen/generator/internal/load"
	"github.com/filecleangen/filecleangen/storage"
)

// tagKey is the key of our tag: `file:"STORAGE[,option...]"`.
const tagKey = "file"

// options are what may follow the storage, and how they are written.
var options = []string{"default", "derived", "prune", "column", "keep"}

const optionsHelp = "default=NAME, derived=TEMPLATE, prune, column=NAME, keep"

// Tag is a parsed file tag.
type Tag struct {
	Storage  string   // "" is the default storage
	Defaults []string // names that are never deleted
	Derived  []string // templates of names of files that go with the file
	Column   string   // of the database
	Prune    bool     // whether directories that became empty go
	Keep     bool     // whether the file is never deleted
}

// Options prints the options as they are written in Go source.
func (t Tag) Options() (list []string) {
	for _, d := range t.Defaults {
		list = append(list, "default="+quoted(d))
	}
	for _, d := range t.Derived {
		list = append(list, "derived="+quoted(d))
	}
	if t.Prune {
		list = append(list, "prune")
	}
	if t.Column != "" {
		list = append(list, "column="+quoted(t.Column))
	}
	if t.Keep {
		list = append(list, "keep")
	}
	return list
}

// String prints the tag's value as it is written in Go source.
func (t Tag) String() string {
	return strings.Join(append([]string{t.Storage}, t.Options()...), ",")
}

// quoted writes a value such that split takes it for one.
func quoted(value string) string {
	if !strings.Contains(value, ",") && !strings.HasPrefix(value, "'") {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", "''") + "'"
}

// splitOptions splits options at commas, but for those in a value in quotes:
// default='a,b.png'. In quotes, a quote is written twice.
func splitOptions(text string) (options []string, err error) {
	for {
		key, rest, assigned := strings.Cut(text, "=")
		if !assigned || strings.Contains(key, ",") || !strings.HasPrefix(rest, "'") {
			option, more, found := strings.Cut(text, ",")
			options = append(options, option)
			if !found {
				return options, nil
			}
			text = more
			continue
		}
		value, more, ok := unquote(rest[1:])
		if !ok || more != "" && more[0] != ',' {
			return nil, fmt.Errorf("option %s: a value in quotes ends with a quote, and then a comma or nothing follows", key)
		}
		options = append(options, key+"="+value)
		if more == "" {
			return options, nil
		}
		text = more[1:]
	}
}

// unquote returns what is before the quote that ends text, and what is behind it.
func unquote(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for {
		part, after, found := strings.Cut(text, "'")
		b.WriteString(part)
		if !found || !strings.HasPrefix(after, "'") {
			return b.String(), after, found
		}
		b.WriteByte('\'')
		text = after[1:]
	}
}

// ourKey finds our key even in a tag that is malformed around it.
var ourKey = regexp.MustCompile(`(^|[^A-Za-z0-9_])` + tagKey + `:`)

var storageName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// tagKind says what a struct tag makes of its field.
type tagKind uint8

const (
	untagged tagKind = iota
	leftOut          // file:"-"
	tagged
)

// parseTag parses a struct tag. Errors are about our key, or about a tag in
// which it may be lost.
func parseTag(structTag string) (tag Tag, kind tagKind, err error) {
	if !strings.Contains(structTag, ":") {
		return Tag{}, untagged, nil
	}
	if key := load.Misspelt(structTag); key != "" {
		return Tag{}, untagged, misspeltKey(key)
	}
	if !strings.Contains(structTag, tagKey+":") || !ourKey.MatchString(structTag) {
		return Tag{}, untagged, nil
	}
	tags, err := structtag.Parse(structTag)
	if err != nil {
		return Tag{}, untagged, fmt.Errorf("malformed struct tag: %w", err)
	}
	var ours *structtag.Tag
	for _, t := range tags.Tags() {
		if t.Key != tagKey {
			continue
		}
		if ours != nil {
			return Tag{}, untagged, errors.New("the struct tag has the key file twice")
		}
		ours = t
	}
	if ours == nil {
		return Tag{}, untagged, nil
	}
	return parseValue(ours)
}

// misspeltKey is an error about a key that is most likely ours. In a package that
// others wrote it is what they meant.
type misspeltKey string

func (key misspeltKey) Error() string {
	return fmt.Sprintf("unknown key %q of a struct tag (did you mean %q?)", string(key), tagKey)
}

func parseValue(t *structtag.Tag) (tag Tag, kind tagKind, err error) {
	tag.Storage = t.Name
	switch {
	case tag.Storage == "-" && len(t.Options) == 0:
		return Tag{}, leftOut, nil
	case tag.Storage == "-":
		return Tag{}, untagged, errors.New(`file:"-" leaves the field out and takes no options`)
	case isOption(tag.Storage):
		return Tag{}, untagged, fmt.Errorf("the storage comes first; for the default storage write file:%q", ","+t.Value())
	case tag.Storage != "" && !storageName.MatchString(tag.Storage):
		return Tag{}, untagged, fmt.Errorf("%q can't be the name of a storage: use only letters, digits, and _ - . between them", tag.Storage)
	}
	var options []string
	if len(t.Options) > 0 {
		if options, err = splitOptions(strings.Join(t.Options, ",")); err != nil {
			return Tag{}, untagged, err
		}
	}
	for _, o := range options {
		if err := tag.apply(o); err != nil {
			return Tag{}, untagged, err
		}
	}
	if tag.Keep && (tag.Prune || len(tag.Derived) > 0) {
		return Tag{}, untagged, errors.New("option keep: the file is never deleted, so derived and prune mean nothing beside it")
	}
	return tag, tagged, nil
}

// apply takes up one option.
func (t *Tag) apply(option string) error {
	key, value, assigned := strings.Cut(option, "=")
	switch key {
	case "default":
		return appendOnce(&t.Defaults, option, value, checkDefault(value))
	case "derived":
		return appendOnce(&t.Derived, option, value, storage.CheckTemplate(value))
	case "column":
		if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }) || t.Column != "" {
			return fmt.Errorf("option %s: want one name of a column, column=NAME", option)
		}
		t.Column = value
		return nil
	case "prune":
		return set(&t.Prune, option, assigned)
	case "keep":
		return set(&t.Keep, option, assigned)
	case "":
		return errors.New("empty option: a comma too many")
	}
	return fmt.Errorf("unknown option %q%s; known: %s", key, diag.Nearest(strings.TrimSpace(key), options), optionsHelp)
}

// checkDefault returns why a value can be neither the name of a file nor what a
// column holds instead, a path from the root of a site or a URL; see
// [runtime.Names].
func checkDefault(value string) error {
	err := storage.CheckName(value)
	if _, path, isURL := strings.Cut(value, "://"); isURL && storage.CheckName(path) == nil {
		return nil
	}
	if path, fromRoot := strings.CutPrefix(value, "/"); fromRoot && storage.CheckName(path) == nil {
		return nil
	}
	return err
}

func appendOnce(list *[]string, option, value string, err error) error {
	if err != nil {
		key, _, _ := strings.Cut(option, "=")
		return fmt.Errorf("option %s: %w", key, err)
	}
	if slices.Contains(*list, value) {
		return fmt.Errorf("option %s is given twice", option)
	}
	*list = append(*list, value)
	return nil
}

func set(flag *bool, option string, assigned bool) error {
	if assigned {
		return fmt.Errorf("option %s: it takes no value", option)
	}
	if *flag {
		return fmt.Errorf("option %s is given twice", option)
	}
	*flag = true
	return nil
}

// isOption reports whether s looks like an option rather than a storage.
func isOption(s string) bool {
	key, _, assigned := strings.Cut(s, "=")
	return assigned && slices.Contains(options, key)
}
