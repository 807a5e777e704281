// Package gormmodels has the records that gorm writes.
package gormmodels

//go:generate go tool filecleangen -hooks=none

// Article has two files.
type Article struct {
	ID     int64
	Title  string `gorm:"size:200"`
	Cover  string `gorm:"size:200;index" file:"media"`
	Banner string `gorm:"size:200;index" file:"media"`
}

// Note has none.
type Note struct {
	ID   int64
	Text string `gorm:"size:200"`
}
