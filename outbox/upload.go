package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// Create uploads a file, for a transaction to take that begins later: a row comes to
// name it, which a batch or whatever else tells the outbox by the name. See
// [runtime.Cleaner.Create], which it is.
func (o *Outbox) Create(ctx context.Context, storage, name string) (*runtime.Upload, error) {
	return o.cleaner.Create(ctx, storage, name)
}

// store is what a cleaner needs of the outbox.
type store struct{ box *Outbox }

var _ runtime.Outbox = store{}

// Promise puts what a batch takes and releases into its transaction.
func (s store) Promise(ctx context.Context, tx runtime.Tx, p *runtime.Promise) error {
	return s.box.write(ctx, tx, p)
}

// NoteUpload and the following note uploads, each in a transaction of its own.
func (s store) NoteUpload(ctx context.Context, ref runtime.Ref) (*runtime.Note, error) {
	return s.box.noteUpload(ctx, ref)
}

// CompleteUpload notes that a file is complete.
func (s store) CompleteUpload(ctx context.Context, n *runtime.Note) error {
	return s.box.completeUpload(ctx, n)
}

// CancelUpload takes back what was noted of a file that was not made.
func (s store) CancelUpload(ctx context.Context, n *runtime.Note) error {
	return s.box.cancelUpload(ctx, n)
}

// DiscardUploads makes uploads due that nobody wants any more.
func (s store) DiscardUploads(ctx context.Context, notes []*runtime.Note) error {
	return s.box.discardUploads(ctx, notes)
}

// noteUpload notes a file that is about to be uploaded. It returns nil if the name has
// a row, whatever that says: also a tombstone's name is not given out, since a removal
// that is late would meet a new file.
func (o *Outbox) noteUpload(ctx context.Context, ref runtime.Ref) (*runtime.Note, error) {
	if !fits(ref) {
		return nil, fmt.Errorf("%w: the outbox takes names of up to %d bytes", storage.ErrBadName, maxName)
	}
	d, token, begun := o.dialect, rand.Text(), time.Now()
	s := dialect.New(d, "INSERT INTO "+table+" (storage, name, state, reason, claim, created_at, not_before) VALUES ").
		Add("(?, ?, ?, ?, ?, "+d.Now()+", "+d.Now()+" + ?)", ref.Storage, ref.Name, stateWriting, string(runtime.Unused), token, o.uploadTime.Milliseconds())
	s.Raw(d.KeepExisting("state"))
	var n int
	err := o.shortly(ctx, func(ctx context.Context, tx runtime.Tx) error {
		if _, err := dialect.Exec(ctx, tx, s); err != nil {
			return err
		}
		// Who has the row? Drivers don't agree on what a row is that did not change.
		return dialect.QueryRow(ctx, tx, dialect.New(d, "SELECT count(*) FROM "+table).Add(" WHERE storage = ? AND name = ? AND claim = ?", ref.Storage, ref.Name, token), &n)
	})
	if err != nil {
		return nil, fmt.Errorf("filecleangen: the outbox could not note the upload of %s: %w", ref, err)
	}
	if n == 0 {
		return nil, nil
	}
	return &runtime.Note{Ref: ref, ID: token, Until: begun.Add(o.uploadTime)}, nil
}

// shortly runs a transaction of an upload, which waits for nobody longer than need be,
// and says why that may be.
func (o *Outbox) shortly(ctx context.Context, do func(context.Context, runtime.Tx) error) error {
	timed, cancel := context.WithTimeout(ctx, o.intentWait)
	defer cancel()
	err := o.transaction(timed, func(tx runtime.Tx) error { return do(timed, tx) })
	if err != nil && !errors.Is(err, errVersion) && (o.dialect.OneWriter() || timed.Err() != nil) {
		err = fmt.Errorf("%w (it takes a connection of its own, and on SQLite the lock for writing: create uploads before the transaction begins)", err)
	}
	return err
}

// completeUpload notes that a file is complete. From here on it can be taken, for as
// long as uploads have time. If its time was over before, it goes.
func (o *Outbox) completeUpload(ctx context.Context, in *runtime.Note) error {
	d, late := o.dialect, false
	err := o.shortly(ctx, func(ctx context.Context, tx runtime.Tx) error {
		s := dialect.New(d, "UPDATE "+table).Add(" SET state = ?, not_before = "+d.Now()+" + ?", stateUpload, o.uploadTime.Milliseconds())
		n, err := dialect.Exec(ctx, tx, ofUpload(s, in, stateWriting))
		if late = n == 0; err != nil || !late {
			return err
		}
		// A storage may make a file only when it is closed.
		return o.writeEntries(ctx, tx, []dialect.Entry{{Storage: in.Ref.Storage, Name: in.Ref.Name, Release: true, Reason: string(runtime.Unused)}}, 0)
	})
	switch {
	case err != nil:
		return fmt.Errorf("filecleangen: the outbox could not note that the upload of %s is complete: %w", in.Ref, err)
	case late:
		return fmt.Errorf("%w: the upload of %s took longer than it may, see outbox.WithUploadTime", runtime.ErrGone, in.Ref)
	}
	return nil
}

// cancelUpload takes back what was noted of a file that was not made, because there is
// one. If a row has let go of that meanwhile, which left the decision to the note, it
// is decided now.
func (o *Outbox) cancelUpload(ctx context.Context, in *runtime.Note) error {
	return o.shortly(ctx, func(ctx context.Context, tx runtime.Tx) error {
		s := ofUpload(dialect.New(o.dialect, "DELETE FROM "+table), in, stateWriting)
		if _, err := dialect.Exec(ctx, tx, s.Add(" AND reason = ?", string(runtime.Unused))); err != nil {
			return err
		}
		s = dialect.New(o.dialect, "UPDATE "+table).Add(" SET state = ?, not_before = "+o.dialect.Now(), statePending)
		_, err := dialect.Exec(ctx, tx, ofUpload(s, in, stateWriting))
		return err
	})
}

// discardUploads makes uploads due that nobody wants any more. A relay deletes the
// files, after it has asked the rows.
func (o *Outbox) discardUploads(ctx context.Context, notes []*runtime.Note) error {
	notes = slices.SortedFunc(slices.Values(notes), func(a, b *runtime.Note) int {
		return cmp.Or(strings.Compare(a.Ref.Storage, b.Ref.Storage), strings.Compare(a.Ref.Name, b.Ref.Name))
	})
	for _, wait := range patience {
		var busy []*runtime.Note
		err := o.shortly(ctx, func(ctx context.Context, tx runtime.Tx) error {
			busy = nil
			for _, in := range notes {
				locked, err := o.discardUpload(ctx, tx, in)
				if err != nil {
					return err
				}
				if locked {
					busy = append(busy, in)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("filecleangen: the outbox could not be told of uploads that nobody wants; they go when their time is over: %w", err)
		}
		if notes = busy; len(notes) == 0 {
			break
		}
		sleep(ctx, wait, nil)
	}
	o.Nudge()
	return nil
}

// patience is how long a discard waits, each time it finds the row locked: a transaction
// whose context ended is rolled back when the server has noticed.
var patience = []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 80 * time.Millisecond, 200 * time.Millisecond, 0}

// discardUpload: nobody can take a file later that is not complete. Who has locked the
// row takes the file, perhaps the caller himself, or is about to end without: he is not
// waited for long. Where there is no row any more, a file that was not complete may have
// been made since.
func (o *Outbox) discardUpload(ctx context.Context, tx runtime.Tx, in *runtime.Note) (locked bool, err error) {
	d := o.dialect
	row := func() *dialect.Statement {
		return ofUpload(dialect.New(d, "SELECT name FROM "+table), in, stateWriting, stateUpload)
	}
	there, err := dialect.Strings(ctx, tx, row())
	switch {
	case err != nil:
		return false, err
	case len(there) == 0 && in.Complete:
		return false, nil
	case len(there) == 0:
		return false, o.writeEntries(ctx, tx, []dialect.Entry{{Storage: in.Ref.Storage, Name: in.Ref.Name, Release: true, Reason: string(runtime.Unused)}}, 0)
	}
	if free, err := dialect.Strings(ctx, tx, row().Raw(d.SkipLocked())); err != nil || len(free) == 0 {
		return err == nil, err
	}
	update := dialect.New(d, "UPDATE "+table).Add(" SET state = CASE state WHEN ? THEN state ELSE ? END, not_before = "+d.Now(), stateWriting, statePending)
	_, err = dialect.Exec(ctx, tx, ofUpload(update, in, stateWriting, stateUpload))
	return false, err
}

// ofUpload appends a condition for the row of an upload, if it is in one of the states.
func ofUpload(s *dialect.Statement, in *runtime.Note, states ...string) *dialect.Statement {
	s.Add(" WHERE storage = ? AND name = ? AND claim = ?", in.Ref.Storage, in.Ref.Name, in.ID)
	return dialect.In(s.Raw(" AND state IN "), states)
}
