// Package doc has what is stored as JSON.
package doc

// Body is the text of an article, with its pictures. It is no row itself.
//
//filecleangen:ignore
type Body struct {
	Text   string   `json:"text"`
	Images []string `json:"images" file:"media"`
}
