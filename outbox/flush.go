package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// maxName is how long a name may be in bytes, and maxStorage the name of a
// storage: what the databases can put in an index.
const (
	maxName    = 2048
	maxStorage = 255
)

// portion is how many names a statement mentions at most.
const portion = 500

// write puts what a batch promises into its transaction.
func (o *Outbox) write(ctx context.Context, tx references.Handle, h *runtime.Handover) error {
	if err := o.callOff(ctx, tx, h); err != nil {
		return err
	}
	return o.promise(ctx, tx, h.Released)
}

// callOff takes deletions back that others, or the intents of uploads, promised:
// rows are to name the files now. Where nothing is promised it only reads, and
// locks nothing.
func (o *Outbox) callOff(ctx context.Context, tx references.Handle, h *runtime.Handover) error {
	c := &callingOff{takes: map[runtime.Ref]takes{}, off: map[runtime.Ref]bool{}}
	for _, intent := range h.Uploads {
		c.add(intent.Ref, takes{intent: intent.ID})
	}
	for _, ref := range h.Perhaps {
		c.add(ref, takes{held: true})
	}
	for _, ref := range h.Held {
		c.add(ref, takes{held: true, sure: true})
	}
	for _, group := range byStorage(slices.Collect(maps.Keys(c.takes))) {
		for part := range slices.Chunk(group.names, portion) {
			if err := o.callOffNames(ctx, tx, group.storage, part, c); err != nil {
				return fmt.Errorf("filecleangen: outbox: %w", err)
			}
		}
	}
	for _, intent := range h.Uploads {
		if c.takes[intent.Ref].held && !c.off[intent.Ref] {
			return fmt.Errorf("%w: the upload %s was not named in time, see outbox.WithUploadTime, or another transaction has taken it up", runtime.ErrGone, intent.Ref)
		}
	}
	if err := o.lock(ctx, tx, c.left); err != nil {
		return fmt.Errorf("filecleangen: outbox: %w", err)
	}
	return o.insert(ctx, tx, c.again, 0)
}

// lock keeps relays away from intents until the transaction is over: then they see
// whether it has come to name the file.
func (o *Outbox) lock(ctx context.Context, tx references.Handle, intents []int64) error {
	for part := range slices.Chunk(intents, portion) {
		// Drivers don't agree on whether a row that did not change counts.
		s := dialect.New(o.dialect, "UPDATE "+table).Add(" SET claim = ? WHERE state = ? AND id IN ", rand.Text(), stateUpload)
		n, err := dialect.Exec(ctx, tx, dialect.In(s, part))
		if err == nil && n != int64(len(part)) {
			err = fmt.Errorf("%w: a record names an upload that has come to be deleted, or that another transaction took up", runtime.ErrGone)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takes says how a batch takes up a file.
type takes struct {
	held, sure bool   // a record names it; and its write hit a row
	intent     string // the id of the intent, if the batch has uploaded it
}

// callingOff is what a batch takes up, and what was found.
type callingOff struct {
	takes map[runtime.Ref]takes
	off   map[runtime.Ref]bool // called off
	again []*row               // to be promised anew
	left  []int64              // intents of others, for a relay to decide about
}

func (c *callingOff) add(ref runtime.Ref, as takes) {
	if len(ref.Name) <= maxName && runtime.CheckName(ref.Name) == nil { // or it has no row
		t := c.takes[ref]
		c.takes[ref] = takes{t.held || as.held, t.sure || as.sure, cmp.Or(t.intent, as.intent)}
	}
}

// found decides what to do with a row under a name that the batch takes up.
func (c *callingOff) found(r *row) (off bool, err error) {
	ref := runtime.Ref{Storage: r.storage, Name: r.name}
	t := c.takes[ref]
	switch {
	case t.intent != "" && (r.state != stateUpload || r.record != t.intent):
		return false, nil // the upload is gone, and this is the row of another file
	case r.state != statePending && r.state != stateUpload:
		return false, fmt.Errorf("%w: a record names %s, which is being deleted", runtime.ErrGone, ref)
	case r.state == stateUpload && t.intent == "" && !t.sure:
		c.left = append(c.left, r.id) // it is not for a write to take that may have hit no row
		return false, nil
	case r.state == statePending && !t.sure:
		c.again = append(c.again, r)
	}
	c.off[ref] = true
	return true, nil
}

func (o *Outbox) callOffNames(ctx context.Context, tx references.Handle, storage string, names []string, c *callingOff) error {
	var ids []int64
	s := dialect.In(dialect.New(o.dialect, "SELECT id, name, state, reason, model, field, record, derived_from FROM "+table).Add(" WHERE storage = ? AND name IN ", storage), names)
	err := dialect.QueryAll(ctx, tx, s, func(rows *sql.Rows) error {
		r := &row{storage: storage}
		if err := rows.Scan(&r.id, &r.name, &r.state, &r.reason, &r.model, &r.field, &r.record, &r.derivedFrom); err != nil {
			return err
		}
		off, err := c.found(r)
		if off {
			ids = append(ids, r.id)
		}
		return err
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	slices.Sort(ids)
	n, err := dialect.Exec(ctx, tx, dialect.In(dialect.New(o.dialect, "DELETE FROM "+table).Add(" WHERE state IN (?, ?) AND id IN ", statePending, stateUpload), ids))
	if err == nil && n != int64(len(ids)) {
		err = fmt.Errorf("%w: a record names a file in %q that has come to be deleted, or that another transaction took up", runtime.ErrGone, storage)
	}
	return err
}

// promise adds a row for each file that is to go.
func (o *Outbox) promise(ctx context.Context, tx references.Handle, files []*runtime.Result) error {
	var rows []*row
	for _, f := range files {
		if len(f.Ref.Name) > maxName || len(f.Ref.Storage) > maxStorage {
			f.Status, f.Cause = runtime.Kept, runtime.UnsafeName
			f.Err = fmt.Errorf("%w: the outbox takes names of up to %d bytes", runtime.ErrBadName, maxName)
			continue
		}
		rows = append(rows, newRow(f))
	}
	return o.insert(ctx, tx, rows, o.grace)
}

// newRow returns the row for a file that was released.
func newRow(f *runtime.Result) *row {
	r := &row{storage: f.Ref.Storage, name: f.Ref.Name, reason: string(f.Reason), record: clip(f.Key.String())}
	if f.Type != nil {
		r.model, r.field = clip(f.Type.ID()), clip(f.Field.Path)
	}
	return r
}

// insert adds rows that are due after wait, or changes those that are pending
// under the same names; it leaves intents, and what is being deleted, as they are.
// All rows are locked in one order.
func (o *Outbox) insert(ctx context.Context, tx dialect.Execer, rows []*row, wait time.Duration) error {
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(strings.Compare(a.storage, b.storage), strings.Compare(a.name, b.name))
	})
	d := o.dialect
	for part := range slices.Chunk(rows, portion) {
		s := dialect.New(d, "INSERT INTO "+table+" (storage, name, reason, model, field, record, derived_from, created_at, not_before) VALUES ")
		for i, r := range part {
			if i > 0 {
				s.Add(", ")
			}
			s.Add("(?, ?, ?, ?, ?, ?, ?, "+d.Now()+", "+d.Now()+" + ?)",
				r.storage, r.name, r.reason, r.model, r.field, r.record, r.derivedFrom, wait.Milliseconds())
		}
		s.Raw(d.UpdatePending(table, []string{"reason", "model", "field", "record", "not_before"}))
		if _, err := dialect.Exec(ctx, tx, s); err != nil {
			return fmt.Errorf("filecleangen: outbox: %w", err)
		}
	}
	return nil
}

// group is names in one storage.
type group struct {
	storage string
	names   []string
}

// byStorage groups names by storage, all sorted: what locks rows does it in one
// order.
func byStorage(refs []runtime.Ref) (groups []group) {
	slices.SortFunc(refs, func(a, b runtime.Ref) int {
		return cmp.Or(strings.Compare(a.Storage, b.Storage), strings.Compare(a.Name, b.Name))
	})
	for _, ref := range refs {
		if n := len(groups); n == 0 || groups[n-1].storage != ref.Storage {
			groups = append(groups, group{storage: ref.Storage})
		}
		last := &groups[len(groups)-1]
		last.names = append(last.names, ref.Name)
	}
	return groups
}

// clip makes of text that is for people what every column takes.
func clip(text string) string {
	const most = 1000
	return strings.ToValidUTF8(strings.ReplaceAll(text[:min(len(text), most)], "\x00", ""), "")
}
