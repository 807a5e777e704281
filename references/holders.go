package references

import (
	"context"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// A Holder is a row that names a file.
type Holder struct {
	Table  string `json:"table"`  // with its schema
	Column string `json:"column"` // that names it
	Key    string `json:"key"`    // the primary key: its columns with ", " between; "" if the table has none
}

// Holders returns the rows that name files of a storage, up to most of them for each name,
// in columns of this program and of all that told of theirs. It reads all rows, and is for
// people who want to know why: what is asked before a file goes is [References.Ask].
// Functions ([Func]) can't be asked for rows.
func (r *References) Holders(ctx context.Context, storage string, names []string, most int) (map[string][]Holder, error) {
	h := &holders{wanted: make(map[string]struct{}, len(names)), most: most, found: map[string][]Holder{}}
	for _, name := range names {
		h.wanted[name] = struct{}{}
	}
	err := r.Reading(ctx, func(tx runtime.Tx) error {
		if _, err := r.changed(ctx, tx, storage, r.columns(storage), true); err != nil {
			return err
		}
		for _, c := range r.columns(storage) {
			if err := h.read(ctx, tx, r.dialect, c); err != nil {
				return fmt.Errorf("%s.%s: %w", c.source.Table, c.source.Column, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("filecleangen: references: looking for the rows that name files of storage %q: %w", storage, err)
	}
	return h.found, nil
}

// holders are rows that name some files.
type holders struct {
	wanted map[string]struct{}
	most   int
	found  map[string][]Holder
}

// read looks at all rows of a column.
func (h *holders) read(ctx context.Context, tx dialect.Queryer, d dialect.Dialect, c *column) error {
	mapping := c.mapping.orNames()
	return dialect.QueryKeyed(ctx, tx, d.Keyed(c.source), func(key string, m dialect.Match, value []byte) error {
		if m == dialect.Padded {
			value = []byte(trimmed(string(value)))
		}
		dialect.InValue(m, value, nil, func(text []byte) {
			if c.mapping.Name != nil || mayBeSpelled(text) {
				text = []byte(mapping.Name(string(text)))
			}
			if _, ok := h.wanted[string(text)]; ok {
				h.add(string(text), Holder{c.source.Table, c.source.Column, key})
			}
		})
		return nil
	})
}

func (h *holders) add(name string, row Holder) {
	if len(h.found[name]) < h.most && !slices.Contains(h.found[name], row) {
		h.found[name] = append(h.found[name], row)
	}
}
