// Package models has a record with a document.
package models

// Page is stored with gorm, which writes its content as JSON.
type Page struct {
	ID      int64
	Content Content `gorm:"serializer:json"`
}

// Content is a document with files, and with strings that name none.
type Content struct {
	Type   string  `json:"type"`
	Cover  string  `json:"cover" file:"media"`
	Blocks []Block `json:"blocks,omitempty"`
}

// Block is a part of it.
type Block struct {
	Kind    string            `json:"kind"`
	Picture string            `json:"picture_file,omitempty" file:"media"`
	Sizes   map[string]string `json:"sizes,omitempty" file:"media"`
	Inner   []Block           `json:"inner,omitempty"`
}
