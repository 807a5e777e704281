package main

//go:generate go tool filecleangen

// Article is a row of the table article. Its cover is a file in the storage "media".
type Article struct {
	ID    int64
	Cover string `file:"media,column=cover"`
}

// Photo is a row of the table photo, which goes with its article.
type Photo struct {
	ID        int64
	ArticleID int64
	File      string `file:"media,column=file"`
}
