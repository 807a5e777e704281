// Package pb has what is stored as protobuf.
package pb

import (
	"database/sql/driver"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"
)

// FileNames lists the files that a body names. It uses getters only: they take nil,
// and are the same in every API of Go protobuf.
func (x *Body) FileNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(x.GetCover()) {
			return
		}
		for _, s := range x.GetSections() {
			if !yield(s.GetImage()) {
				return
			}
		}
	}
}

// Value implements [driver.Valuer].
func (x *Body) Value() (driver.Value, error) { return proto.Marshal(x) }

// Scan implements [database/sql.Scanner].
func (x *Body) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("a body can't be %T", src)
	}
	return proto.Unmarshal(b, x)
}
