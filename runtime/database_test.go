package runtime_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// database is the committed rows of a world, and the references that it asks.
type database struct {
	mu    sync.Mutex
	rows  map[any][]runtime.Ref // the files that each row names
	asked [][]runtime.Ref       // each question
}

func newDatabase() *database { return &database{rows: map[any][]runtime.Ref{}} }

// Ask implements runtime.References.
func (d *database) Ask(_ context.Context, refs []runtime.Ref) (a runtime.Answer, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, slices.Clone(refs))
	for _, row := range d.rows {
		for _, ref := range row {
			if slices.Contains(refs, ref) {
				a.Named = append(a.Named, ref)
			}
		}
	}
	return a, nil
}

// questions returns how often the rows were asked.
func (d *database) questions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// has says that there is a row with these files, committed long ago.
func (d *database) has(key any, refs ...runtime.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.rows[key]; !known {
		d.rows[key] = refs
	}
}

// txn is a transaction and its batch.
type txn struct {
	*runtime.Batch
	w     *world
	wrote map[any][]runtime.Ref // rows; nil are deleted
	saved map[runtime.Savepoint]map[any][]runtime.Ref
}

// set writes a row; without files it names none any more.
func (b *txn) set(key any, refs ...runtime.Ref) {
	if b.wrote == nil {
		b.wrote = map[any][]runtime.Ref{}
	}
	b.wrote[key] = refs
}

// read says that the transaction has read a row with these files: if nobody has written
// it, it was there before.
func (b *txn) read(key any, refs ...runtime.Ref) {
	if _, own := b.wrote[key]; !own {
		b.w.rows.has(key, refs...)
	}
}

// land makes the rows of the transaction visible. It is a commit that goes well.
func (b *txn) land() error {
	d := b.w.rows
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.rows, b.wrote)
	return nil
}

// Savepoint is that of the batch and of the rows.
func (b *txn) Savepoint() runtime.Savepoint {
	s := b.Batch.Savepoint()
	if b.saved == nil {
		b.saved = map[runtime.Savepoint]map[any][]runtime.Ref{}
	}
	b.saved[s] = maps.Clone(b.wrote)
	return s
}

// rollbackTo rolls back to a savepoint that exists.
func (b *txn) rollbackTo(s runtime.Savepoint) {
	b.w.t.Helper()
	if err := b.RollbackTo(s); err != nil {
		b.w.t.Fatal(err)
	}
	b.wrote = maps.Clone(b.saved[s])
}

// keyOf returns what tells the row of a record from others.
func keyOf(r *doc) any {
	if r.ID == 0 {
		return r
	}
	return r.ID
}

// named returns the files that the row of a record names, by each spelling.
func named(s docFiles) (refs []runtime.Ref) {
	for _, name := range append([]string{s.A, s.B}, s.Gallery...) {
		for _, name := range []string{name, storage.OtherSpelling(name)} {
			if name != "" {
				refs = append(refs, media(name))
			}
		}
	}
	return refs
}

// The writes of a database that does what it is told.

func insert(b *txn, r *doc) {
	_ = b.Exec(r.AfterCreate, b.row(r))
}

// update changes a record and saves it.
func update(b *txn, r *doc, change func(*doc)) {
	old := r.FileSnapshot()
	b.read(keyOf(r), named(old)...)
	change(r)
	_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, old) }, b.row(r))
}

func remove(b *txn, r *doc) {
	old := r.FileSnapshot()
	b.read(keyOf(r), named(old)...)
	_ = b.Exec(func(b *runtime.Batch) { r.AfterDelete(b, old) }, b.gone(r))
}

// row is a write that makes the row of a record what it says.
func (b *txn) row(r *doc) func() (int64, error) {
	return func() (int64, error) {
		b.set(keyOf(r), named(r.FileSnapshot())...)
		return 1, nil
	}
}

// gone is a write that deletes the row of a record.
func (b *txn) gone(r *doc) func() (int64, error) {
	return func() (int64, error) {
		b.set(keyOf(r))
		return 1, nil
	}
}

// And those of one that does not.

func noRow() (int64, error) { return 0, nil }

func failed() (int64, error) { return 0, errWrite }

// butFails makes a write fail after it was made.
func butFails(write func() (int64, error)) func() (int64, error) {
	return func() (int64, error) { _, _ = write(); return 0, errWrite }
}

// oneRow says that a row was written, of a table that nobody asks.
func oneRow() (int64, error) { return 1, nil }

var errWrite = errors.New("UNIQUE constraint failed")
