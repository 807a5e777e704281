package main

//go:generate go tool filecleangen

// Article is a row of the table article. Its picture is a file in the storage
// "media".
type Article struct {
	ID    int64
	Cover string `file:"media,column=cover"`
}
