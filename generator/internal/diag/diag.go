// Package diag has what the generator says about the code that it reads.
package diag

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// A Diagnostic is one thing to say about the input.
type Diagnostic struct {
	Pos     token.Position // may have a file only, or nothing
	Message string
}

// Error returns "file:line:col: message".
func (d Diagnostic) Error() string {
	if d.Pos.Filename == "" && !d.Pos.IsValid() {
		return d.Message
	}
	return fmt.Sprintf("%s: %s", d.Pos, d.Message)
}

// Diagnostics is everything that is wrong with the input of one run, and the
// error that generating returns for it.
type Diagnostics []Diagnostic

// Error returns one line for each diagnostic.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Add notes a problem.
func (ds *Diagnostics) Add(pos token.Position, format string, args ...any) {
	*ds = append(*ds, Diagnostic{Pos: pos, Message: fmt.Sprintf(format, args...)})
}

// Err returns the diagnostics as [Diagnostics.Sorted] does, or nil if there are
// none.
func (ds Diagnostics) Err() error {
	if len(ds) == 0 {
		return nil
	}
	return ds.Sorted()
}

// Sorted returns the diagnostics in order of position, each once.
func (ds Diagnostics) Sorted() Diagnostics {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Pos.Filename, b.Pos.Filename),
			cmp.Compare(a.Pos.Offset, b.Pos.Offset),
			cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(ds)
}

// Nearest returns " (did you mean %q?)" for the candidate that looks like a
// misspelling of word, or "".
func Nearest(word string, candidates []string) string {
	best, at := "", 3
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < at && d < len(c) {
			best, at = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
