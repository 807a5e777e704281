package references

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// Ask returns which of the refs some committed row names, in columns of this program
// and of all that told of theirs. A file about which the rows can't be asked is
// unknown, and no reason not to ask about others.
func (r *References) Ask(ctx context.Context, refs []runtime.Ref) (answer runtime.Answer, err error) {
	err = r.Reading(ctx, func(tx runtime.Tx) error {
		answer, err = r.AskIn(ctx, tx, refs)
		return err
	})
	if err != nil {
		return runtime.Answer{}, fmt.Errorf("filecleangen: references: %w", err)
	}
	return answer, nil
}

// AskIn is Ask in a transaction that [References.Transaction] or [References.Reading]
// has begun. It fails if the rows can't be asked about any file; in a storage of which
// that is true, while others can be asked, all files are unknown.
func (r *References) AskIn(ctx context.Context, tx runtime.Tx, refs []runtime.Ref) (runtime.Answer, error) {
	answer := runtime.Answer{Unknown: map[runtime.Ref]error{}}
	byStorage := map[string][]string{}
	for _, ref := range refs {
		if err := cmp.Or(storage.CheckName(ref.Name), r.dialect.Doubt(r.session, ref.Name)); err != nil {
			answer.Unknown[ref] = err
			continue
		}
		byStorage[ref.Storage] = append(byStorage[ref.Storage], ref.Name)
	}
	var errs []error
	for storage, names := range byStorage {
		err := r.askStorage(ctx, tx, storage, names, &answer)
		if err == nil {
			continue
		}
		errs = append(errs, err)
		for _, name := range names {
			answer.Unknown[runtime.Ref{Storage: storage, Name: name}] = err
		}
	}
	if err := errors.Join(errs...); len(errs) > 0 && (len(errs) == len(byStorage) || ctx.Err() != nil) {
		return runtime.Answer{}, err
	}
	return answer, nil
}

// askStorage asks all columns that name files of a storage. What may have changed is
// looked at when the question has been answered, and it is asked again then: who tells
// of a column before it writes a name there is known before the name is seen.
func (r *References) askStorage(ctx context.Context, tx runtime.Tx, storage string, names []string, answer *runtime.Answer) error {
	const mostRounds = 10
	for range mostRounds {
		columns := r.columns(storage)
		q := r.question(storage, columns, names)
		failed := q.ask(ctx, tx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		changed, err := r.changed(ctx, tx, storage, columns, failed != nil)
		switch {
		case err != nil:
			return errors.Join(err, failed)
		case changed:
			continue
		case failed != nil:
			return fmt.Errorf("looking for rows that name files of storage %q: %w", storage, failed)
		}
		for name := range q.named {
			answer.Named = append(answer.Named, runtime.Ref{Storage: storage, Name: name})
		}
		for name, err := range q.unknown {
			answer.Unknown[runtime.Ref{Storage: storage, Name: name}] = err
		}
		return nil
	}
	return fmt.Errorf("the columns that name files of storage %q change all the time", storage)
}

// columns returns the columns that name files of a storage, as they are known.
func (r *References) columns(storage string) []*column {
	r.mu.Lock()
	defer r.mu.Unlock()
	columns := slices.Clone(r.own[storage])
	own := len(columns)
	for _, c := range r.others {
		if c != nil && c.storage == storage {
			columns = append(columns, c)
		}
	}
	slices.SortFunc(columns[own:], func(a, b *column) int {
		return cmp.Or(cmp.Compare(a.source.Table, b.source.Table), cmp.Compare(a.source.Column, b.source.Column), cmp.Compare(a.form, b.form), cmp.Compare(a.mapping.form(), b.mapping.form()))
	})
	return columns
}

// changed reports whether there are other columns than these, or others than they
// were. One of this program that is gone is an error: it may be called otherwise now. With
// look, each is looked at whatever its table looks like: a question failed, perhaps because of what
// no table shows, such as where the type of a domain is.
func (r *References) changed(ctx context.Context, tx dialect.Handle, storage string, columns []*column, look bool) (changed bool, err error) {
	now := shape{columns: columns}
	if now.text, err = r.dialect.Shape(ctx, tx, tablesOf(columns)); err != nil && ctx.Err() != nil {
		return false, ctx.Err()
	}
	if look || err != nil || !r.hasShape(storage, now) {
		for _, c := range columns {
			is, err := r.refresh(ctx, tx, c)
			if err != nil {
				return false, fmt.Errorf("%s.%s: %w", c.source.Table, c.source.Column, err)
			}
			changed = changed || is
		}
		if err == nil && !changed {
			r.setShape(storage, now)
		}
	}
	learned, err := r.learn(ctx, tx, storage)
	return changed || learned, err
}

// shape is what the catalogue had of the tables of columns, before they were found to be
// what they are known as.
type shape struct {
	columns []*column
	text    string
}

// tablesOf returns the tables of columns, as they are called, and as they were said: that
// may come to be another one.
func tablesOf(columns []*column) (tables []string) {
	for _, c := range columns {
		tables = append(tables, c.source.Table, c.table)
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

func (r *References) hasShape(storage string, now shape) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.shapes[storage]
	return known.text == now.text && len(known.columns) > 0 && slices.Equal(known.columns, now.columns)
}

func (r *References) setShape(storage string, now shape) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shapes[storage] = now
}

// refresh looks at a column again, and reports whether it is not what it was.
func (r *References) refresh(ctx context.Context, tx dialect.Handle, c *column) (changed bool, err error) {
	now := *c
	err = r.look(ctx, tx, &now)
	gone := errors.Is(err, dialect.ErrNoColumn) && r.isOther(c)
	switch {
	case err == nil && now.source.Table != c.source.Table: // rows of either may name files
		return false, fmt.Errorf("the table %s is found as %s now: make the references anew", c.source.Table, now.source.Table)
	case err != nil && !gone:
		return false, err
	case !gone && now.source == c.source:
		return false, nil
	}
	r.replace(c, &now, gone)
	return true, nil
}

func (r *References) isOther(c *column) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.Contains(r.own[c.storage], c)
}

// replace puts a column into the place of what it was; if it is gone, learn is to
// find that out.
func (r *References) replace(was, now *column, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.own[was.storage], was); i >= 0 {
		r.own[was.storage] = slices.Clone(r.own[was.storage])
		r.own[was.storage][i] = now
	}
	for g, other := range r.others {
		switch {
		case other != was:
		case gone:
			delete(r.others, g)
		default:
			r.others[g] = now
		}
	}
}
