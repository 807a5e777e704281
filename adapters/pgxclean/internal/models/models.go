// Package models has a record for the tests.
package models

//go:generate go tool filecleangen

// Article is a record of the tests.
type Article struct {
	ID    int64
	Cover string `file:"media,column=cover"`
}
