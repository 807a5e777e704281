package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// ErrUpload is wrapped by the errors of [Batch.Create], and by that of
// [Batch.CommitWith] when a record names an upload that is not complete.
var ErrUpload = errors.New("filecleangen: upload")

// An Upload is a new file that goes unless a row comes to name it. Write it, Close it
// and check the error of Close: before that no transaction can be committed whose
// record names it. Then a transaction takes it by its name: the record holds it.
type Upload struct {
	batch  *Batch // which is responsible; of an upload that the cleaner made, its own
	ref    Ref
	file   afero.File
	intent *Intent // nil without an outbox

	// Guarded by batch.mu.
	failed   error // the first error of Write
	closed   bool
	complete bool // closed without error, everything written
	cut      bool // a rollback to a savepoint cut a record's hold of it

	taken bool // a transaction has come to name it, or may have; guarded by company.mu
}

// Create opens a new file in a storage, for a row to name, before the transaction
// that names it begins:
//
//	up, err := cleaner.Create(ctx, "media", "covers/new.png")
//	…
//	defer up.Discard()
//	… // write, and check the error of up.Close
//	article.Cover = up.Name()
//
// Parent directories are made as needed. If the name is taken, or was until lately,
// the file gets a free one beside it ("a.png" becomes "a_x4k2p7q.png", as in Django);
// [Upload.Name] says which, and is what the record must hold. It never opens a file
// that was there before.
//
// With an outbox the upload is noted in it before the file is made, so that the file
// goes also if the process dies.
//
// Errors wrap [ErrUpload], and [storage.ErrBadName] where that is the cause.
func (c *Cleaner) Create(ctx context.Context, storage, name string) (*Upload, error) {
	b := c.Begin()
	u, err := b.Create(ctx, storage, name)
	if err != nil {
		b.leave()
		return nil, err
	}
	if c.intents != nil { // the outbox is responsible
		b.leave()
	}
	c.company.watch(u)
	return u, nil
}

// Discard gives the file up, unless a transaction has taken it: it is deleted if no
// row names it. Defer it when the upload was created. Without an outbox the file goes
// at once, and the rows are asked if the cleaner has references; with one, a relay
// asks them, and does it. What can't be done now is logged.
//
// An upload of [Batch.Create] is the batch's: Discard does nothing.
func (u *Upload) Discard() {
	c := u.batch.cleaner
	watched, taken := c.company.unwatch(u)
	if !watched {
		return
	}
	u.batch.mu.Lock()
	closed := u.closed
	u.closed = true
	if u.intent != nil {
		u.intent.Complete = u.complete
	}
	u.batch.mu.Unlock()
	if !closed {
		_ = guard(u.file.Close) // nobody wants what is in it
	}
	switch ctx := context.Background(); {
	case taken:
		u.batch.leave()
	case u.intent != nil:
		if err := guard(func() error { return c.intents.Discard(ctx, []*Intent{u.intent}) }); err != nil {
			c.log(ctx, slog.LevelWarn, "filecleangen: an upload could not be discarded; it goes when its time is over",
				slog.String("storage", u.ref.Storage), slog.String("name", u.ref.Name), slog.Any("error", err))
		}
	default:
		b := u.batch
		b.mu.Lock()
		b.state, b.undone = ended, true
		b.mu.Unlock()
		c.execute(ctx, b, view{}, &Report{Outcome: RolledBack, Files: []Result{{Ref: u.ref, Reason: Unused}}}, c.askDatabase)
	}
}

// leave ends a batch that has nothing to decide.
func (b *Batch) leave() {
	b.mu.Lock()
	b.state, b.undone, b.uploads = ended, true, nil
	b.mu.Unlock()
	b.cleaner.company.handOver(b, view{})
}

// Create is [Cleaner.Create] for a file that this batch is responsible for: it goes if
// the batch is rolled back, and stays if a record holds it when the batch is
// committed. With an outbox, call it before the transaction begins: a transaction at
// REPEATABLE READ can't take what was noted after its snapshot was made.
//
// Errors wrap [ErrUpload], and [storage.ErrBadName] or [ErrEnded] where these are the
// cause.
func (b *Batch) Create(ctx context.Context, storage, name string) (*Upload, error) {
	u, err := b.create(ctx, storage, name)
	if err != nil {
		return nil, fmt.Errorf("%w of %s: %w", ErrUpload, Ref{Storage: storage, Name: name}, err)
	}
	return u, nil
}

func (b *Batch) create(ctx context.Context, where, name string) (*Upload, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	in, ok := b.cleaner.storages[where]
	if !ok {
		return nil, fmt.Errorf("storage %q was not given to runtime.New", where)
	}
	const tries = 100
	wanted := name
	err := fs.ErrExist
	for range tries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		u := &Upload{batch: b, ref: Ref{Storage: where, Name: name}}
		reserved, reserveErr := b.cleaner.company.reserve(u)
		if reserveErr != nil {
			return nil, reserveErr
		}
		if !reserved {
			name = alternative(wanted)
			continue
		}
		err = u.open(ctx, in.fs)
		switch {
		case err == nil:
			return u, nil
		case errors.Is(err, fs.ErrExist):
			name = alternative(wanted)
		case !errors.Is(err, fs.ErrNotExist): // a deletion pruned the directory: it is made again
			return nil, err
		}
	}
	return nil, fmt.Errorf("no free name in %d tries: %w", tries, err)
}

// open makes the file, which must not have been there, or takes the reservation
// back: only a file that this batch made may ever be removed as its upload.
func (u *Upload) open(ctx context.Context, files afero.Fs) (err error) {
	var file afero.File
	defer func() {
		u.batch.mu.Lock()
		u.file = file
		if file == nil { // also on a panic
			u.batch.uploads = slices.DeleteFunc(u.batch.uploads, func(other *Upload) bool { return other == u })
		}
		orphan := file != nil && u.batch.state == ended
		u.batch.mu.Unlock()
		if orphan { // the batch ended meanwhile, without it; nobody knows its name
			err = errors.Join(ErrEnded, file.Close(), files.Remove(u.ref.Name))
		}
	}()
	if dir := path.Dir(u.ref.Name); dir != "." {
		if err := files.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	// Look first, for the sake of storages that don't know O_EXCL.
	switch _, err := storage.Lstat(files, u.ref.Name); {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err // it may be there
	}
	in := u.batch.cleaner.intents
	if in != nil {
		if u.intent, err = in.Note(ctx, u.ref); err != nil {
			return err
		}
		if u.intent == nil {
			return fs.ErrExist
		}
	}
	if in != nil && passed(u.intent.Until) { // the process was stopped, and the file is taken for gone
		return errors.Join(fmt.Errorf("%w: the time of the upload is over", ErrGone), in.Discard(context.WithoutCancel(ctx), []*Intent{u.intent}))
	}
	f, err := files.OpenFile(u.ref.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		file = f
		return nil
	}
	if in != nil {
		err = errors.Join(err, u.takeBack(context.WithoutCancel(ctx), in, err))
	}
	return err
}

// takeBack takes an intent back whose file could not be made: if there was one, it is
// somebody else's, and otherwise a part of it may be there.
func (u *Upload) takeBack(ctx context.Context, in *Intents, failed error) error {
	if errors.Is(failed, fs.ErrExist) {
		return in.Cancel(ctx, u.intent)
	}
	return in.Discard(ctx, []*Intent{u.intent})
}

// alternative returns a name beside the wanted one, in the manner of Django's
// Storage.get_alternative_name: an underscore and 7 random characters before
// the extension.
func alternative(name string) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	if ext == base { // a dot file
		ext = ""
	}
	return dir + strings.TrimSuffix(base, ext) + "_" + strings.ToLower(rand.Text()[:7]) + ext
}

// Name returns the name that the file got, for the record to hold.
func (u *Upload) Name() string { return u.ref.Name }

// Ref returns the storage and name of the file.
func (u *Upload) Ref() Ref { return u.ref }

// Write writes to the file.
func (u *Upload) Write(p []byte) (int, error) {
	n, err := u.file.Write(p)
	if err != nil {
		u.batch.mu.Lock()
		u.failed = err
		u.batch.mu.Unlock()
	}
	return n, err
}

// Close ends the upload. Its error matters: many storages write the file only
// now. After an error of Write or Close the upload is not complete, and a
// record can't be committed with its name. A second Close returns
// [fs.ErrClosed].
func (u *Upload) Close() error {
	u.batch.mu.Lock()
	if u.closed {
		u.batch.mu.Unlock()
		return fmt.Errorf("%w of %s: %w", ErrUpload, u.ref, fs.ErrClosed)
	}
	u.closed = true
	u.batch.mu.Unlock()

	err := u.file.Close()
	u.batch.mu.Lock()
	failed := u.failed
	u.batch.mu.Unlock()
	if in := u.batch.cleaner.intents; err == nil && failed == nil && in != nil {
		err = in.Complete(context.Background(), u.intent)
	}
	u.batch.mu.Lock()
	u.complete = err == nil && u.failed == nil
	complete := u.complete
	u.batch.mu.Unlock()
	if complete {
		u.batch.cleaner.company.completed(u)
	}
	return err
}
