// Package models has the records of the tests of gormclean.
package models

import "gorm.io/gorm"

// Base is embedded in others.
type Base struct {
	Banner string `file:"media"`
}

// Photo is a part of an album, in one column with the others.
type Photo struct {
	File string `file:"media"`
	Text string
}

// Album has file fields in every form that gorm knows.
type Album struct {
	ID    int64
	Title string
	Slug  *string `gorm:"uniqueIndex;size:100"`
	Cover string  `gorm:"column:cover_file;size:200" file:"media,default=blank.png"`
	Base
	Pages  []string `gorm:"serializer:json;type:text" file:"media"`
	Photos []Photo  `gorm:"serializer:json;type:text" file:""`
	Items  []Item
}

// Item belongs to an album.
type Item struct {
	ID      int64
	AlbumID int64
	File    string `gorm:"size:200" file:"media"`
}

// Letter is deleted softly.
type Letter struct {
	gorm.Model
	File string `gorm:"size:200" file:"media"`
}

// Plain has no files.
type Plain struct {
	ID   int64
	Text string
}

// Keyless has no primary key.
type Keyless struct {
	Text string
	File string `gorm:"size:200" file:"media"`
}
