package references

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// Gone returns the columns that programs told of and that are not in the database any
// more: they may be called otherwise now, and their rows may name files. To take them back
// is [References.Withdraw].
func (r *References) Gone(ctx context.Context) (gone []Registration, err error) {
	err = r.Reading(ctx, func(tx runtime.Tx) error {
		gone = nil
		if there, err := r.hasRegister(ctx, tx); err != nil || !there {
			return err
		}
		all, err := r.read(ctx, tx)
		if err != nil {
			return err
		}
		for _, g := range all {
			form, _, known := g.registration().parse()
			if !known {
				continue
			}
			_, err := r.dialect.Column(ctx, tx, g.Table, g.Column, dialect.Form(form), true)
			if errors.Is(err, dialect.ErrNoColumn) {
				gone = append(gone, g)
			} else if err != nil {
				return fmt.Errorf("%s.%s, of the program %q: %w", g.Table, g.Column, g.Program, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("filecleangen: references: %w", err)
	}
	return gone, nil
}

// Empty returns the tables with columns that name files of a storage and that have no
// rows, and how many such tables there are in all. Where a database was restored in part, or
// is another one, tables are empty whose files are there.
func (r *References) Empty(ctx context.Context, storage string) (empty []string, of int, err error) {
	err = r.Reading(ctx, func(tx runtime.Tx) error {
		if _, err := r.changed(ctx, tx, storage, r.columns(storage), true); err != nil {
			return err
		}
		var tables []string
		for _, c := range r.columns(storage) {
			tables = append(tables, c.source.Table)
		}
		slices.Sort(tables)
		tables = slices.Compact(tables)
		of, empty = len(tables), nil
		for _, t := range tables {
			var some bool
			if err := dialect.QueryRow(ctx, tx, dialect.New(r.dialect, "SELECT EXISTS (SELECT 1 FROM "+r.dialect.Quote(t)+")"), &some); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
			if !some {
				empty = append(empty, t)
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("filecleangen: references: %w", err)
	}
	return empty, of, nil
}
