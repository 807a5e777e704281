package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// maxName is how long a name may be in bytes, and maxStorage the name of a
// storage: what the databases can put in an index.
const (
	maxName    = dialect.MaxName
	maxStorage = dialect.MaxStorage
)

// chunk is how many names a statement mentions at most.
const chunk = 500

// write puts what a batch takes and releases into its transaction.
func (o *Outbox) write(ctx context.Context, tx runtime.Tx, p *runtime.Promise) error {
	entries := entriesOf(p)
	err := o.writeEntries(ctx, tx, entries, o.grace)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, runtime.ErrGone):
		return err
	case len(p.Takes) > 0 && o.dialect.Stale(err):
		return fmt.Errorf("filecleangen: outbox: the transaction reads by a snapshot, and what it takes has changed since: begin it anew, and create uploads before it begins: %w", err)
	}
	return fmt.Errorf("filecleangen: outbox: %w", err)
}

// entriesOf makes one entry of all that a batch says of a file.
func entriesOf(p *runtime.Promise) []dialect.Entry {
	entries := make([]dialect.Entry, 0, len(p.Takes)+len(p.Releases))
	for _, ref := range p.Takes {
		if fits(ref) { // or it has no row
			entries = append(entries, dialect.Entry{Storage: ref.Storage, Name: ref.Name, Take: true})
		}
	}
	for _, f := range p.Releases {
		if !fits(f.Ref) {
			f.Status, f.Cause = runtime.Kept, runtime.UnsafeName
			f.Err = fmt.Errorf("%w: the outbox takes names of up to %d bytes", storage.ErrBadName, maxName)
			continue
		}
		entries = append(entries, releaseOf(f))
	}
	return merged(entries)
}

func fits(ref runtime.Ref) bool {
	return len(ref.Name) <= maxName && len(ref.Storage) <= maxStorage && storage.CheckName(ref.Name) == nil
}

func releaseOf(f *runtime.Result) dialect.Entry {
	e := dialect.Entry{Storage: f.Ref.Storage, Name: f.Ref.Name, Release: true, Reason: string(f.Reason), Record: clip(f.Key.String())}
	if f.Type != nil {
		e.Model, e.Field = clip(f.Type.ID()), clip(f.Field.Path)
	}
	return e
}

// merged sorts entries, and makes one of those for the same file: all transactions
// lock rows in one order.
func merged(entries []dialect.Entry) []dialect.Entry {
	slices.SortStableFunc(entries, func(a, b dialect.Entry) int {
		return cmp.Or(strings.Compare(a.Storage, b.Storage), strings.Compare(a.Name, b.Name))
	})
	all := entries[:0]
	for _, e := range entries {
		if n := len(all); n > 0 && all[n-1].Storage == e.Storage && all[n-1].Name == e.Name {
			e.Take = e.Take || all[n-1].Take
			all[n-1] = e // the release has more to say, and comes last
			continue
		}
		all = append(all, e)
	}
	return all
}

// writeEntries writes sorted entries in a transaction. What is released is due after
// the wait.
func (o *Outbox) writeEntries(ctx context.Context, tx dialect.Handle, entries []dialect.Entry, wait time.Duration) error {
	for part := range slices.Chunk(entries, chunk) {
		err := o.dialect.Write(ctx, tx, dialect.Writer{Version: SchemaVersion, Wait: wait}, part)
		if errors.Is(err, dialect.ErrGone) {
			return fmt.Errorf("%w: a record names a file that is being deleted, was deleted lately, or is an upload that was not closed, was discarded, or was not named in time (see WithUploadTime and WithRetention). Read the rows anew, or create the file anew, which gives it another name: %w", runtime.ErrGone, err)
		}
		if err != nil {
			return o.explain(ctx, err)
		}
	}
	return nil
}

// clip makes of text that is for people what every column takes.
func clip(text string) string {
	const most = 1000
	return strings.ToValidUTF8(strings.ReplaceAll(text[:min(len(text), most)], "\x00", ""), "")
}
