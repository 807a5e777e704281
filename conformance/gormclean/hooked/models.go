// Package hooked has records with the hooks of gorm.
package hooked

// Album has files, and items that have some.
type Album struct {
	ID    int64
	Title string
	Slug  *string  `gorm:"uniqueIndex;size:100"`
	Cover string   `gorm:"size:200" file:"media,default=blank.png"`
	Pages []string `gorm:"serializer:json;type:text" file:"media"`
	Items []Item
	Owner *Owner
	// OwnerID is a foreign key.
	OwnerID *int64
}

// Item belongs to an album.
type Item struct {
	ID      int64
	AlbumID int64
	File    string `gorm:"size:200" file:"media"`
}

// Owner has albums, and no files.
type Owner struct {
	ID   int64
	Name string
}
