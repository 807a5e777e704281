// Package models has a record with generated methods, for the example of package
// outbox.
package models

//go:generate go run ../../../cmd/filecleangen

// Article is the record of the example.
type Article struct {
	ID    int64
	Cover string `file:"media,column=cover"`
}
