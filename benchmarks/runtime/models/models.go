// Package models has the records whose generated methods are measured.
package models

//go:generate go tool filecleangen

// Article has two files.
type Article struct {
	ID     int64
	Title  string
	Cover  string `file:"media"`
	Banner string `file:"media"`
}

// Album has a list of files.
type Album struct {
	ID    int64
	Pages []string `file:"media"`
}
