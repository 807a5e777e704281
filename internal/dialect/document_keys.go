package dialect

import (
	"regexp"
	"slices"
	"strings"
)

// Keys of objects in documents are compared without regard to case, as encoding/json does
// when it reads one, and without hyphens and low lines, as its second version may. A key that
// has other characters than ASCII has is taken for equal to any: what it is compared with
// depends on rules that databases don't share.

// comparableKey matches what is left of keys that all databases compare alike.
var comparableKey = regexp.MustCompile(`^[a-z0-9.]+$`)

// KeysOf returns what triggers know of the key of an object under which the names of a
// file field stand in a document: see [TriggerColumn].
func KeysOf(jsonKey string) []string {
	folded := strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(jsonKey))
	if notASCII(jsonKey) || !comparableKey.MatchString(folded) {
		return nil
	}
	return []string{folded}
}

// JoinKeys returns the keys under which the names of one field or of another stand.
func JoinKeys(some, others []string) []string {
	if some == nil || others == nil {
		return nil
	}
	all := slices.Concat(some, others)
	slices.Sort(all)
	return slices.Compact(all)
}
