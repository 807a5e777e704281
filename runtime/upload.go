package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/internal/deletion"
	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

// ErrUpload is wrapped by the errors of [Keeper.Create], and by that of [Keeper.Commit]
// when a record names an upload that is not complete.
var ErrUpload = errors.New("filecleangen: upload")

// An Upload is a new file that goes unless a row comes to name it. Write it, Close it and
// check the error of Close: before that no transaction can be committed whose record
// names it. Then a transaction takes it by its name: the record holds it.
type Upload struct {
	cleaner *Cleaner
	ref     Ref
	file    afero.File
	entry   *registry.Upload
	note    *Note // nil without an outbox

	mu        sync.Mutex
	failed    error // the first error of Write
	closed    bool
	closing   bool // Close is under way
	complete  bool // closed without error, everything written
	discarded bool
}

// Create opens a new file in a storage, for a row to name, before the transaction that
// names it begins:
//
//	up, err := cleaner.Create(ctx, "media", "covers/new.png")
//	…
//	defer up.Discard()
//	… // write, and check the error of up.Close
//	article.Cover = up.Name()
//
// Parent directories are made as needed. If the name is taken, or was until lately, the
// file gets a free one beside it ("a.png" becomes "a_x4k2p7q.png", as in Django);
// [Upload.Name] says which, and is what the record must hold. In a storage that can't
// create exclusively (see [storage.ExclusiveCreator]) it always gets a name that nobody
// else has. It never opens a file that was there before.
//
// With an outbox the upload is noted in it before the file is made, so that the file goes
// also if the process dies.
//
// Errors wrap [ErrUpload], and [storage.ErrBadName] where that is the cause.
func (c *Cleaner) Create(ctx context.Context, storageName, name string) (*Upload, error) {
	u, err := c.create(ctx, storageName, name)
	if err != nil {
		return nil, fmt.Errorf("%w of %s: %w", ErrUpload, Ref{Storage: storageName, Name: name}, err)
	}
	return u, nil
}

func (c *Cleaner) create(ctx context.Context, storageName, name string) (*Upload, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	in, ok := c.storages[storageName]
	if !ok {
		return nil, fmt.Errorf("storage %q was not given to runtime.New", storageName)
	}
	const tries = 100
	wanted := name
	if !in.exclusive {
		name = beside(wanted, len(rand.Text()))
	}
	err := fs.ErrExist
	for range tries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var u *Upload
		u, err = c.createAs(ctx, in.fs, Ref{Storage: storageName, Name: name})
		switch {
		case err == nil:
			return u, nil
		case errors.Is(err, fs.ErrExist):
			name = beside(wanted, 7)
		case !errors.Is(err, fs.ErrNotExist): // a deletion pruned the directory: it is made again
			return nil, err
		}
	}
	return nil, fmt.Errorf("no free name in %d tries: %w", tries, err)
}

// createAs is create under one name. It looks for a file before it reserves the name:
// who deletes a file that is there, or names it, must not take it for an upload.
func (c *Cleaner) createAs(ctx context.Context, files afero.Fs, ref Ref) (*Upload, error) {
	switch _, err := storage.Lstat(files, ref.Name); {
	case err == nil:
		return nil, fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err // it may be there
	}
	entry, free := c.registry.Reserve(ref)
	if !free {
		return nil, fs.ErrExist
	}
	u := &Upload{cleaner: c, ref: ref, entry: entry}
	if err := u.open(ctx, files); err != nil {
		return nil, err
	}
	return u, nil
}

// open makes the file, which must not have been there, or takes the reservation back.
func (u *Upload) open(ctx context.Context, files afero.Fs) (err error) {
	defer func() {
		if u.file == nil { // also on a panic
			u.cleaner.registry.Drop(u.entry)
		}
	}()
	if dir := path.Dir(u.ref.Name); dir != "." {
		if err := files.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	box := u.cleaner.outbox
	if box != nil {
		if u.note, err = box.NoteUpload(ctx, u.ref); err != nil {
			return err
		}
		if u.note == nil {
			return fs.ErrExist
		}
		if deletion.Passed(u.note.Until) { // the process was stopped, and the file is taken for gone
			return errors.Join(fmt.Errorf("%w: the time of the upload is over", ErrGone), box.DiscardUploads(context.WithoutCancel(ctx), []*Note{u.note}))
		}
		u.cleaner.registry.Expire(u.entry, u.note.Until.Add(time.Hour))
	}
	file, err := storage.CreateNew(files, u.ref.Name)
	if err == nil {
		u.file = file
		u.cleaner.registry.Opened(u.entry)
		return nil
	}
	if box != nil {
		err = errors.Join(err, u.takeBack(context.WithoutCancel(ctx), box, err))
	}
	return err
}

// takeBack takes a note back whose file could not be made: if there was one, it is
// somebody else's, and otherwise a part of it may be there.
func (u *Upload) takeBack(ctx context.Context, box Outbox, failed error) error {
	if errors.Is(failed, fs.ErrExist) {
		return box.CancelUpload(ctx, u.note)
	}
	return box.DiscardUploads(ctx, []*Note{u.note})
}

// beside returns a name beside the wanted one, in the manner of Django's
// Storage.get_alternative_name: an underscore and n random characters before the
// extension. A long name is shortened to what file systems take.
func beside(name string, n int) string {
	const longest = 255 // bytes of one element of a path
	dir, base := path.Split(name)
	ext := path.Ext(base)
	if ext == base || len(ext)+n+1 >= longest { // a dot file
		ext = ""
	}
	stem := strings.TrimSuffix(base, ext)
	for len(stem) > 0 && len(stem)+1+n+len(ext) > longest {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	return dir + stem + "_" + strings.ToLower(rand.Text()[:n]) + ext
}

// Name returns the name that the file got, for the record to hold.
func (u *Upload) Name() string { return u.ref.Name }

// Ref returns the storage and name of the file.
func (u *Upload) Ref() Ref { return u.ref }

// Write writes to the file.
func (u *Upload) Write(p []byte) (int, error) {
	n, err := u.file.Write(p)
	if err != nil {
		u.mu.Lock()
		u.failed = err
		u.mu.Unlock()
	}
	return n, err
}

// Close ends the upload. Its error matters: many storages write the file only now. After
// an error of Write or Close the upload is not complete, and a record can't be committed
// with its name. A second Close returns [fs.ErrClosed].
func (u *Upload) Close() error {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return fmt.Errorf("%w of %s: %w", ErrUpload, u.ref, fs.ErrClosed)
	}
	u.closed, u.closing = true, true
	failed := u.failed
	u.mu.Unlock()
	defer u.endClose() // also on a panic

	err := u.file.Close()
	if box := u.cleaner.outbox; err == nil && failed == nil && box != nil {
		err = box.CompleteUpload(context.Background(), u.note)
	}
	u.mu.Lock()
	u.complete = err == nil && u.failed == nil
	complete := u.complete
	u.mu.Unlock()
	if complete {
		u.cleaner.registry.Complete(u.entry)
	}
	return err
}

// endClose gives the file up if it was discarded while Close was under way: a storage may
// have made it only now.
func (u *Upload) endClose() {
	u.mu.Lock()
	u.closing = false
	discarded := u.discarded
	u.mu.Unlock()
	if discarded {
		u.giveUp()
	}
}
