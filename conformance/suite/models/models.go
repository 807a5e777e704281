// Package models has the records of the conformance suite. One type serves all
// layers: the names of its table and columns were given by hand, and each layer has
// its own tags.
package models

// The columns of an article that are not its key.
const (
	Title  = "title"
	Cover  = "img_path"
	Banner = "banner"
	Pages  = "pages"
)

// Columns are all of these.
var Columns = []string{Title, Cover, Banner, Pages}

// Base is embedded in Article: its fields are fields of that.
//
//filecleangen:ignore
type Base struct {
	Banner *string `file:"media,column=banner"`
}

// Article has a file with a default, one that may be NULL, and a list of files.
type Article struct {
	ID    int64
	Title string
	Cover string `gorm:"column:img_path" file:"media,default=blank.png,column=img_path"`
	Base
	Pages []string `gorm:"serializer:json" file:"media,column=pages"`
}

// TableName is the table of articles.
func (*Article) TableName() string { return "article" }

// Short is another type for rows of articles, with some of their columns.
type Short struct {
	ID    int64
	Cover string `gorm:"column:img_path" file:"media,default=blank.png,column=img_path"`
}

// TableName is the table of articles.
func (*Short) TableName() string { return "article" }

// Part belongs to an article.
type Part struct {
	ID        int64
	ArticleID int64
	File      string `file:"media,column=file"`
}

// TableName is the table of parts.
func (*Part) TableName() string { return "part" }

// Assign sets the fields for some columns to those of another article.
func (a *Article) Assign(from *Article, columns ...string) {
	for _, column := range columns {
		switch column {
		case Title:
			a.Title = from.Title
		case Cover:
			a.Cover = from.Cover
		case Banner:
			a.Banner = from.Banner
		case Pages:
			a.Pages = from.Pages
		default:
			panic("an article has no column " + column)
		}
	}
}
