// Package models has records with generated methods, for the tests and examples
// of package runtime.
package models

//go:generate go run ../../../cmd/filecleangen

// Article is the record of the examples.
type Article struct {
	ID    int64
	Title string
	Cover string `file:"media,default=covers/blank.png"`
}

// Doc is the record of the tests.
type Doc struct {
	ID      int
	A       string   `file:"media,default=default.png"`
	B       string   `file:"media"`
	Gallery []string `file:"media"`
}
