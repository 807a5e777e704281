// Package albums has the record of the random programs that test package
// runtime: fields of several shapes, in two storages.
package albums

import "database/sql"

//go:generate go run ../../../cmd/filecleangen

// Album has files in every shape of field that differs to the runtime.
type Album struct {
	ID    int
	Cover string            `file:"media,default=default.png,derived=thumbs/{name}"`
	Back  sql.NullString    `file:"docs"`
	Pages []string          `file:"media"`
	Texts map[string]string `file:"docs,prune"`
}
