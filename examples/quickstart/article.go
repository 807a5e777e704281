package main

//go:generate go tool filecleangen

// Article is a row of the table article. Its pictures are files in the storage
// "media"; a new article shows the blank cover.
type Article struct {
	ID     int64
	Title  string
	Cover  string `file:"media,default=covers/blank.png"`
	Banner string `file:"media"`
}
