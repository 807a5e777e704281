// Package selected is generated for with -select.
package selected

// Marked is done.
//
//filecleangen:select
type Marked struct {
	ID    int64
	Image string `file:"media"`
}

// Unmarked is not.
type Unmarked struct {
	ID    int64
	Image string `file:"media"`
}
