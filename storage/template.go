package storage

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// ErrTemplate is wrapped by the errors of [CheckTemplate].
var ErrTemplate = errors.New("bad template of a derived name")

var placeholder = regexp.MustCompile(`\{[^{}]*\}?|\}`)

// CheckTemplate returns why a template can't be that of a derived file, or nil.
// A template makes the name of a derived file, such as a thumbnail, from that
// of its file, by putting parts of it in place of
//
//	{name}  what comes after the last slash: "noon.large.png"
//	{stem}  the same without its extension: "noon.large"
//	{ext}   the extension: ".png"
//	{dir}   what comes before the last slash: "covers/2024", or nothing
//
// so that "thumbs/{dir}/{stem}.webp" is "thumbs/covers/2024/noon.large.webp".
// It needs {name} or {stem}: a file that many others share is not derived from
// one of them. Files whose templates give the same name share the derived file,
// and lose it with the first of them.
func CheckTemplate(template string) error {
	for _, p := range placeholder.FindAllString(template, -1) {
		switch p {
		case "{name}", "{stem}", "{ext}", "{dir}":
		default:
			return fmt.Errorf("%w %q: %s is none of {dir}, {stem}, {ext}, {name}", ErrTemplate, template, p)
		}
	}
	if !strings.Contains(template, "{name}") && !strings.Contains(template, "{stem}") {
		return fmt.Errorf("%w %q: without {stem} or {name} it is the same for all files", ErrTemplate, template)
	}
	for _, sample := range []string{"d/s.e", "s.e"} {
		name := Derive(template, sample)
		if err := CheckName(name); err != nil {
			return fmt.Errorf("%w %q: for %s: %w", ErrTemplate, template, sample, err)
		}
		if name == sample {
			return fmt.Errorf("%w %q: it is the name of the file itself", ErrTemplate, template)
		}
	}
	return nil
}

// Derive returns the name that a template makes of a file's.
func Derive(template, name string) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	derived := strings.NewReplacer(
		"{name}", base, "{stem}", strings.TrimSuffix(base, ext), "{ext}", ext, "{dir}", strings.TrimSuffix(dir, "/"),
	).Replace(template)
	if dir == "" { // "thumbs//s" and "/s" of templates with {dir}
		derived = strings.TrimPrefix(strings.ReplaceAll(derived, "//", "/"), "/")
	}
	return derived
}
