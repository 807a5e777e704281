package sweep

import (
	"context"
	"iter"

	"github.com/filecleangen/filecleangen/internal/sorted"
	"github.com/filecleangen/filecleangen/runtime"
)

// rows yields the names in the range that rows name, in order, and whether each is the name
// of a row itself, or only derived from one.
func (s *scan) rows(ctx context.Context) iter.Seq2[rowName, error] {
	fields := s.fieldsWithDerived()
	if len(fields) == 0 {
		return func(yield func(rowName, error) bool) {
			for name, err := range s.references.Names(ctx, s.name, s.from, s.to) {
				if !yield(rowName{name, false}, err) {
					return
				}
			}
		}
	}
	return func(yield func(rowName, error) bool) {
		all := sorted.New(inMemory)
		defer func() { _ = all.Close() }()
		for name, err := range s.references.Names(ctx, s.name, "", "") { // what is derived may be anywhere
			if err == nil {
				err = s.addDerived(all, fields, name)
			}
			if err != nil {
				yield(rowName{}, err)
				return
			}
		}
		last := ""
		for text, err := range all.All() {
			r := rowName{text[:max(len(text)-2, 0)], len(text) > 0 && text[len(text)-1] == 'd'}
			if err == nil && r.name == last { // of both, the row's own comes first
				continue
			}
			last = r.name
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// rowName is a name that a row has, or that is derived from one.
type rowName struct {
	name    string
	derived bool
}

func (s *scan) fieldsWithDerived() (fields []*runtime.Field) {
	for _, t := range s.cleaner.Types() {
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Storage == s.name && len(f.Derived) > 0 {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// addDerived adds a name, and those that may be derived from it: which of the fields has
// it is not known.
func (s *scan) addDerived(all *sorted.Sorter, fields []*runtime.Field, name string) error {
	add := func(name, what string) error {
		if isSafe(name) && name >= s.from && (s.to == "" || name < s.to) {
			return all.Add(name + "\x00" + what)
		}
		return nil
	}
	if err := add(name, "a"); err != nil {
		return err
	}
	for _, f := range fields {
		for _, derived := range f.DerivedNames(name) {
			if err := add(derived, "d"); err != nil {
				return err
			}
		}
	}
	return nil
}
