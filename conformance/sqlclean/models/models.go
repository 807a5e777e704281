// Package models has the record of the tests of sqlclean.
package models

// Article is a record with one file.
type Article struct {
	ID    int64
	Cover string `file:"media,column=cover"`
}
