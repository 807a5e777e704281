package runtime

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/internal/deletion"
	"github.com/filecleangen/filecleangen/storage"
)

// An Outbox keeps what batches promise in the user's database, instead of the memory of
// the process. Package outbox has one; programs use that.
type Outbox interface {
	// Promise puts what a batch promises into its transaction. Where that is not
	// possible for one release, it keeps it, by its Status.
	Promise(ctx context.Context, tx Tx, p *Promise) error

	// NoteUpload notes an upload, durably, before its file is there. If the name is
	// spoken for it returns nil, and the upload gets another one. Each of these methods
	// returns when what it notes is committed.
	NoteUpload(ctx context.Context, ref Ref) (*Note, error)
	// CompleteUpload notes that the file is complete, so that rows may name it. It is an
	// error if its time was over before.
	CompleteUpload(ctx context.Context, n *Note) error
	// CancelUpload takes back a note whose file was not made, because there was one.
	CancelUpload(ctx context.Context, n *Note) error
	// DiscardUploads notes that files are not wanted any more: they go now, unless rows
	// name them.
	DiscardUploads(ctx context.Context, notes []*Note) error
}

// A Promise is what a batch leaves to an [Outbox]. A file may be in both lists: whether a
// row names it at the end is for the rows to say.
type Promise struct {
	// Takes are the files that rows may come to name by the transaction, without
	// duplicates. Deletions of them that others promised are to be decided after it.
	Takes []Ref
	// Releases are the files that go if, after the commit, no row names them. Derived
	// files are not among them: they are released when their file has gone.
	Releases []*Result
}

// A Note is what an [Outbox] has noted of an upload: the file goes unless a row comes to
// name it.
type Note struct {
	Ref   Ref
	ID    string    // tells it from others for the same file, before and after it
	Until time.Time // when it is over, by this process's clock: the file must not be made any more

	Complete bool // whether the file is, when it is discarded
}

// Attach makes the batches and uploads of a cleaner leave their promises to an outbox,
// whose relays ask the given references before they call [Cleaner.Delete]. Package
// outbox calls it. It fails if the cleaner has an outbox, has opened a batch, or has created an upload.
func (c *Cleaner) Attach(o Outbox, asked References) error {
	switch {
	case o == nil:
		return errors.New("filecleangen: the outbox is nil")
	case c.outbox != nil:
		return errors.New("filecleangen: the cleaner has an outbox")
	case c.registry.Used():
		return errors.New("filecleangen: the cleaner has opened batches, or created uploads, without the outbox; attach it first")
	}
	c.outbox, c.asksAgain = o, c.references != nil && !same(c.references, asked)
	return nil
}

func same(a, b References) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

// leaveToOutbox ends a batch by leaving what it promised to the outbox. Nothing is deleted
// here. The report has the files that policy keeps, and as Pending those that were handed
// over. Where commit is nil the caller commits later.
func (c *Cleaner) leaveToOutbox(ctx context.Context, b *Batch, tx Tx, commit func() error) (*Report, error) {
	if tx == nil {
		return nil, errors.New("filecleangen: an outbox needs the transaction, to write in it")
	}
	files, p := c.promise(b)
	if err := c.outbox.Promise(ctx, tx, p); err != nil {
		return nil, err
	}
	for i := range files {
		if files[i].Status == "" {
			files[i].Status = Pending
		}
	}
	b.setState(ended)
	r, err := &Report{Outcome: Flushed, Files: files}, error(nil)
	if commit != nil {
		r.Outcome, r.Err = Unknown, errors.New("commit panicked")
	}
	defer func() {
		c.registry.Close(b.id)
		c.finish(context.WithoutCancel(ctx), r)
	}()
	if commit != nil {
		if err = commit(); err == nil {
			r.Outcome = Committed
			c.take(b)
		}
		r.Err = err
	}
	return r, err
}

// promise says what the journal has of takes and releases.
func (c *Cleaner) promise(b *Batch) ([]Result, *Promise) {
	b.mu.Lock()
	verdicts := b.journal.Replay(c.flags)
	p := &Promise{Takes: b.journal.Takes(func(ref Ref) bool { _, is := c.defaults[ref]; return is })}
	b.mu.Unlock()
	files := resultsOf(verdicts)
	for i := range files {
		files[i].keepByFlags(&verdicts[i])
	}
	c.keepByPolicy(files)
	for i := range files {
		if f := &files[i]; f.Status == "" && f.DerivedFrom == "" {
			p.Releases = append(p.Releases, f)
		}
	}
	return files, p
}

// Delete makes one attempt to delete files that an outbox promised to delete, after it
// made sure that no row names them, and says what became of each. Policy, vetoes, the
// deadline and the number of workers apply as they do to the files of a batch; so do
// references, if they are others than the outbox has asked. A file that a batch of this
// cleaner comes to mention during the call is kept, with the cause [UsedElsewhere].
//
// Nothing is tried again: a file that was not deleted is [Failed] if last says that this
// was its last attempt, which observers and the log are told of, and [Pending] otherwise.
// Relays of an outbox call it, with files that are derived from others in calls of their
// own, as files like any other.
func (c *Cleaner) Delete(ctx context.Context, results []Result, last func(Result) bool) []Result {
	results = slices.Clone(results)
	c.keepByPolicy(results)
	for i := range results {
		if _, ok := c.storages[results[i].Ref.Storage]; !ok && results[i].Status == "" {
			results[i].Status, results[i].Err = Failed, errors.New("the storage was not given to runtime.New")
		}
	}
	files := filesOf(results)
	planned := c.registry.Enter(pending(files))
	plan := deletion.NewPlan(files, planned)
	if c.asksAgain {
		timed, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		c.ask(timed, files)
	}
	c.deleter.Once(ctx, plan)
	for i, f := range files {
		if results[i].Status == "" {
			results[i] = resultOf(f)
		}
		if r := &results[i]; r.Status == Failed && !last(*r) {
			r.Status = Pending
		}
	}
	c.tell(ctx, results, 0)
	c.summarise(ctx, "filecleangen: files of the outbox were deleted", results)
	return results
}

// Timeout returns how long one attempt at deletions may take, see [WithTimeout].
func (c *Cleaner) Timeout() time.Duration { return c.timeout }

// Types returns the types that the cleaner was told of, sorted by name.
func (c *Cleaner) Types() []*Type {
	return slices.SortedFunc(maps.Keys(c.types), func(a, b *Type) int { return strings.Compare(a.Name, b.Name) })
}

// References returns what the cleaner asks before a file goes; nil with [Unchecked].
func (c *Cleaner) References() References { return c.references }

// Storages returns the names of the cleaner's storages, sorted.
func (c *Cleaner) Storages() []string {
	return slices.Sorted(maps.Keys(c.storages))
}

// Storage returns the storage with this name, or nil, and whether columns hold something
// else than names of files in it (see [Names]).
func (c *Cleaner) Storage(name string) (files afero.Fs, hasNames bool) {
	s, ok := c.storages[name]
	if !ok {
		return nil, false
	}
	return s.fs, s.name != nil
}

// DerivedNames returns the names of the files that go with the named one, by the
// templates of the field that names it.
func (f *Field) DerivedNames(name string) []string {
	names := make([]string, len(f.Derived))
	for i, template := range f.Derived {
		names[i] = storage.Derive(template, name)
	}
	return names
}
