package generator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fatih/structtag"

	"github.com/filecleangen/filecleangen/runtime"
)

// tagKey is the key of our tag: `file:"STORAGE[,option...]"`.
const tagKey = "file"

// options are what may follow the storage.
var options = []string{"default"}

// Tag is a parsed file tag.
type Tag struct {
	Storage  string   // "" is the default storage
	Defaults []string // names that are never deleted
}

// String prints the tag's value as it is written in Go source.
func (t Tag) String() string {
	parts := []string{t.Storage}
	for _, d := range t.Defaults {
		parts = append(parts, "default="+d)
	}
	return strings.Join(parts, ",")
}

// ourKey finds our key even in a tag that is malformed around it.
var ourKey = regexp.MustCompile(`(^|[^A-Za-z0-9_])` + tagKey + `:`)

var storageName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// parseTag parses a struct tag. ok says whether it makes its field a file
// field; a tag without our key doesn't, nor does `file:"-"`. Errors are about
// our key, or about a tag in which it may be lost.
func parseTag(structTag string) (tag Tag, ok bool, err error) {
	if !ourKey.MatchString(structTag) {
		return Tag{}, false, nil
	}
	tags, err := structtag.Parse(structTag)
	if err != nil {
		return Tag{}, false, fmt.Errorf("malformed struct tag: %w", err)
	}
	var ours *structtag.Tag
	for _, t := range tags.Tags() {
		if t.Key != tagKey {
			continue
		}
		if ours != nil {
			return Tag{}, false, errors.New("the struct tag has the key file twice")
		}
		ours = t
	}
	if ours == nil {
		return Tag{}, false, nil
	}
	return parseValue(ours)
}

func parseValue(t *structtag.Tag) (tag Tag, ok bool, err error) {
	tag.Storage = t.Name
	switch {
	case tag.Storage == "-" && len(t.Options) == 0:
		return Tag{}, false, nil
	case tag.Storage == "-":
		return Tag{}, false, errors.New(`file:"-" leaves the field out and takes no options`)
	case isOption(tag.Storage):
		return Tag{}, false, fmt.Errorf("the storage comes first; for the default storage write file:%q", ","+t.Value())
	case tag.Storage != "" && !storageName.MatchString(tag.Storage):
		return Tag{}, false, fmt.Errorf("%q can't be the name of a storage: use only letters, digits, and _ - . between them", tag.Storage)
	}
	for _, o := range t.Options {
		if err := tag.apply(o); err != nil {
			return Tag{}, false, err
		}
	}
	return tag, true, nil
}

// apply takes up one option.
func (t *Tag) apply(option string) error {
	key, value, _ := strings.Cut(option, "=")
	switch key {
	case "default":
		if err := runtime.CheckName(value); err != nil {
			return fmt.Errorf("option default: %w", err)
		}
		if slices.Contains(t.Defaults, value) {
			return fmt.Errorf("option default=%s is given twice", value)
		}
		t.Defaults = append(t.Defaults, value)
		return nil
	case "":
		return errors.New("empty option: a comma too many")
	}
	return fmt.Errorf("unknown option %q%s; known: default=NAME", key, nearest(strings.TrimSpace(key), options))
}

// isOption reports whether s looks like an option rather than a storage.
func isOption(s string) bool {
	key, _, assigned := strings.Cut(s, "=")
	return assigned && slices.Contains(options, key)
}
