package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// A Status is what an outbox knows of a file.
type Status struct {
	State     string         // writing, upload, pending, deleting, parked or gone, see the package documentation
	Reason    runtime.Reason // why the file is to go
	Model     string         // the type of the record that let go of it; "" if it was none
	Field     string         // and its field
	Record    string         // and its key; or the run of a sweep
	Created   time.Time      // when that was
	Due       time.Time      // when relays look at it; zero if they don't
	Attempts  int            // to delete it
	LastError string
	Gone      time.Time // when its file was found gone; zero if it was not
}

// Status returns what the outbox knows of files of a storage; those of which it knows
// nothing are not in the map. Names that no outbox can have are left out.
func (o *Outbox) Status(ctx context.Context, storage string, names []string) (known map[string]Status, err error) {
	d := o.dialect
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !fits(runtime.Ref{Storage: storage, Name: name}) })
	err = o.reading(ctx, func(tx runtime.Tx) error {
		known = map[string]Status{}
		for part := range slices.Chunk(names, chunk) {
			s := dialect.New(d, "SELECT name, state, reason, model, field, record, created_at, not_before, attempts, last_error, gone_at FROM "+table).
				Add(" WHERE storage = ? AND name", storage)
			if err := dialect.QueryAll(ctx, tx, d.Among(s, part), func(rows *sql.Rows) error { return scanStatus(rows, known) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("filecleangen: outbox: %w", err)
	}
	return known, nil
}

func scanStatus(rows *sql.Rows, known map[string]Status) error {
	var s Status
	var name string
	var created, due int64
	var gone sql.NullInt64
	if err := rows.Scan(&name, &s.State, &s.Reason, &s.Model, &s.Field, &s.Record, &created, &due, &s.Attempts, &s.LastError, &gone); err != nil {
		return err
	}
	s.Created = time.UnixMilli(created)
	if due < dialect.Never {
		s.Due = time.UnixMilli(due)
	}
	if gone.Valid {
		s.Gone = time.UnixMilli(gone.Int64)
	}
	known[name] = s
	return nil
}

// ReleaseOrphans releases files that no row is known to name, as package sweep found them. They
// are pending then, with the reason [runtime.Orphan]: relays ask the rows once more, and
// delete what none names. run says which sweep it was. Names that no outbox can have are an
// error.
func (o *Outbox) ReleaseOrphans(ctx context.Context, in string, names []string, run string) error {
	entries := make([]dialect.Entry, 0, len(names))
	for _, name := range names {
		if !fits(runtime.Ref{Storage: in, Name: name}) {
			return fmt.Errorf("filecleangen: outbox: %w %q", storage.ErrBadName, name)
		}
		entries = append(entries, dialect.Entry{Storage: in, Name: name, Release: true, Reason: string(runtime.Orphan), Record: clip(run)})
	}
	err := o.transaction(ctx, func(tx runtime.Tx) error { return o.writeEntries(ctx, tx, merged(entries), 0) })
	if err != nil {
		return fmt.Errorf("filecleangen: outbox: %w", err)
	}
	o.Nudge()
	return nil
}

// KeepOrphans takes back what [Outbox.ReleaseOrphans] released in a run and no relay has taken
// yet, and returns how many files that were.
func (o *Outbox) KeepOrphans(ctx context.Context, in, run string) (n int64, err error) {
	err = o.transaction(ctx, func(tx runtime.Tx) error {
		s := dialect.New(o.dialect, "DELETE FROM "+table).Add(" WHERE storage = ? AND state = ? AND reason = ? AND record = ?", in, statePending, string(runtime.Orphan), clip(run))
		n, err = dialect.Exec(ctx, tx, s)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("filecleangen: outbox: %w", err)
	}
	return n, nil
}

// UploadTime returns how much time uploads have, see [WithUploadTime].
func (o *Outbox) UploadTime() time.Duration { return o.uploadTime }

// Clock returns the time of the database's server, and the random id that the outbox got
// when its tables were made: a copy of the database has the same, and another database has
// another.
func (o *Outbox) Clock(ctx context.Context) (now time.Time, id string, err error) {
	var ms int64
	err = o.reading(ctx, func(tx runtime.Tx) error {
		return dialect.QueryRow(ctx, tx, dialect.New(o.dialect, "SELECT "+o.dialect.Now()+", id FROM filecleangen_outbox_id"), &ms, &id)
	})
	if err != nil {
		return time.Time{}, "", fmt.Errorf("filecleangen: outbox: %w", err)
	}
	return time.UnixMilli(ms), id, nil
}

// CheckMarker makes sure that a storage is an environment's, by its marker. The error
// wraps [ErrFence]. Relays do so before each chunk.
func CheckMarker(files afero.Fs, name, environment string) error {
	return errors.Join(checkEnvironment(environment), checkFence(files, name, environment))
}
