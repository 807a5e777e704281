package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A ManyRemover is a storage that can delete many files in one call, as object
// stores can. A storage given to runtime.WithStorage that implements it is asked to,
// and its Remove is not called. It must not have directories that RemoveMany
// could delete, and the option prune does nothing in it.
type ManyRemover interface {
	// RemoveMany deletes the named files; one that does not exist is no error.
	// It returns nil if none of them is left, a *RemoveManyError if that is true
	// of the others, perhaps wrapped, and any other error, also one that wraps several, if
	// nothing is known of any of them.
	// They are tried again then, some perhaps for no reason.
	//
	// It is called from several goroutines at once, see runtime.WithWorkers.
	RemoveMany(ctx context.Context, names []string) error

	// MaxRemove returns how many names RemoveMany takes at most; 1,000 where it
	// returns less than 1. It is asked once.
	MaxRemove() int
}

// A RemoveManyError says which of the files given to [ManyRemover.RemoveMany]
// are left, and why.
type RemoveManyError struct {
	Failed map[string]error // by name
}

// Error names the files, up to three of them with their errors.
func (e *RemoveManyError) Error() string {
	names := slices.Sorted(maps.Keys(e.Failed))
	var b strings.Builder
	fmt.Fprintf(&b, "%d files could not be deleted", len(names))
	for i, name := range names {
		if i == 3 {
			b.WriteString("; …")
			break
		}
		fmt.Fprintf(&b, "; %s: %v", name, e.Failed[name])
	}
	return b.String()
}
