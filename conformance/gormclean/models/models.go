// Package models has the records of the tests of gormclean.
package models

import (
	"time"

	"gorm.io/gorm"
)

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

// Marked has a key that is a time, and a column that only updates write.
type Marked struct {
	At   time.Time `gorm:"primaryKey"`
	File string    `gorm:"size:200" file:"media"`
	Late string    `gorm:"size:200;<-:update" file:"media"`
}

// Narrow has a column that is too small for long names.
type Narrow struct {
	ID   int64
	File string `gorm:"size:5" file:"media"`
}

// Sealed is written by a serializer of its own.
type Sealed struct {
	ID   int64
	File string `gorm:"serializer:gob;type:bytes" file:"media"`
}

// Shelf holds books, which a foreign key deletes with it.
type Shelf struct {
	ID    int64
	Books []Book `gorm:"constraint:OnDelete:CASCADE"`
}

// Book is on a shelf.
type Book struct {
	ID      int64
	ShelfID int64
	File    string `gorm:"size:200" file:"media"`
}

// AfterSave is called by gorm.
func (b *Book) AfterSave(*gorm.DB) error {
	if b.File == "panics" {
		panic(b.File)
	}
	return nil
}
