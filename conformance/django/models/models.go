// Package models has the records of the conformance tests.
package models

import "database/sql"

// Record has two file fields.
type Record struct {
	ID    int64
	Title string
	Image sql.NullString `file:"media"`
	Other string         `file:"media"`
}

// Second is another struct for the table of Record.
type Second struct {
	ID    int64
	Image *string `file:"media"`
}

// Legacy is for a table that was made by hand, with names of its own.
//
//filecleangen:key Number
type Legacy struct {
	Number int64
	Image  string `file:"media,column=Img Path"`
}

// WithDefaults has a default in its tag; policy computes one for Other.
type WithDefaults struct {
	ID    int64
	Image string `file:"media,default=pic.jpg"`
	Other string `file:"media"`
}

// Ignored is left out.
//
//filecleangen:ignore
type Ignored struct {
	ID    int64
	Image string `file:"media"`
}

// WithThumb has a thumbnail with each image.
type WithThumb struct {
	ID    int64
	Image string `file:"media,derived=thumbs/{stem}.webp"`
}

// Parent is embedded: its field is a field of Child.
//
//filecleangen:ignore
type Parent struct {
	ID    int64
	Image string `file:"media"`
}

// Child has a file field of its parent, and one of its own.
type Child struct {
	Parent
	Own string `file:"media"`
}
