package references

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/internal/sorted"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// inMemory is how many bytes of names are sorted in memory.
const inMemory = 16 << 20

// Names lists what rows name in a storage, from one name on and up to another one,
// which is not in it; an empty one is no bound. The names come in the order of their
// bytes, each once, whatever the columns are: all are read first, in one transaction,
// and more than fit into 16 MB are sorted in temporary files. What [storage.CheckName]
// refuses is left out, and so is what stands in a document that is no JSON, whose row
// is logged: so to be in no list proves nothing yet.
//
// The sequence ends with an error if there is one. Where a program has a function for
// the storage ([Func]), or one for its values that is not this program's, there is no
// list: that is an error.
func (r *References) Names(ctx context.Context, storage, from, to string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s := sorted.New(inMemory)
		defer func() { _ = s.Close() }()
		if err := r.collect(ctx, storage, from, to, s); err != nil {
			yield("", fmt.Errorf("filecleangen: references: listing the names of storage %q: %w", storage, err))
			return
		}
		for name, err := range s.All() {
			if !yield(name, err) || err != nil {
				return
			}
		}
	}
}

// collect adds all names.
func (r *References) collect(ctx context.Context, storage, from, to string, s *sorted.Sorter) error {
	if len(r.funcs[storage]) > 0 {
		return errors.New("what the function of references.Func knows can't be listed")
	}
	return r.Reading(ctx, func(tx runtime.Tx) error {
		if _, err := r.changed(ctx, tx, storage, r.columns(storage), true); err != nil {
			return err
		}
		columns := r.columns(storage)
		if len(columns) == 0 {
			return nil
		}
		q := dialect.New(r.dialect, "")
		union(q, columns, func(c *column) { r.dialect.List(q, c.source) })
		l := &list{from: from, to: to, into: s, mappings: map[string]Mapping{}}
		for _, c := range columns {
			l.mappings[c.mapping.form()] = c.mapping.orNames()
		}
		if err := dialect.QueryValues(ctx, tx, q, l.take); err != nil || !l.bad {
			return err
		}
		r.reportDocuments(ctx, tx, columns)
		return nil
	})
}

// list is names that are collected.
type list struct {
	from, to string
	into     *sorted.Sorter
	mappings map[string]Mapping
	bad      bool // whether there was a document that is none
	err      error
}

func (l *list) take(m dialect.Match, value []byte) error {
	if m == dialect.Padded {
		value = []byte(trimmed(string(value)))
	}
	l.bad = !dialect.InValue(m, value, nil, l.add) || l.bad
	return l.err
}

// add adds the names that a value means, by whatever mapping columns have: one too
// many keeps a file.
func (l *list) add(value []byte) {
	text := string(value)
	for form, m := range l.mappings {
		name := text
		if form != "" || storage.CheckName(text) != nil { // mostly it is a name
			if name = m.Name(text); storage.CheckName(name) != nil {
				continue
			}
		}
		if l.err == nil && name >= l.from && (l.to == "" || name < l.to) {
			l.err = l.into.Add(name)
		}
	}
}
