// Package models has the records of the tests of the outbox.
package models

import (
	"database/sql"
	"iter"
	"regexp"
)

// Album is a record with files in every form that a column can have.
type Album struct {
	ID     int64
	Title  string
	Cover  string         `file:"media,default=blank.png,column=cover"`
	Banner sql.NullString `file:"media,column=banner"`
	Pages  []string       `file:"media,column=pages"`
	Photos []Photo        `file:""`
}

// Photo is a part of an album, in one column with the others.
type Photo struct {
	File string `file:"media"`
	Text string
}

// Scan is a record whose file has thumbnails.
type Scan struct {
	ID   int64
	File string `file:"media,column=file,derived=thumbs/{stem}.webp"`
}

// Thing is a record whose column has a type of the test's choice.
type Thing struct {
	ID   int64
	One  string   `file:"media"`
	Many []string `file:"media"`
	Doc  Document `file:"media"`
}

// Document is a text with links to files in it.
type Document string

var link = regexp.MustCompile(`src="([^"]*)"`)

// FileNames yields the files that the document links to.
func (d Document) FileNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, m := range link.FindAllStringSubmatch(string(d), -1) {
			if !yield(m[1]) {
				return
			}
		}
	}
}
