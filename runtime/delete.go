package runtime

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// Delete makes one attempt to delete files that an outbox promised to delete,
// after it made sure that no row names them, and says what became of each.
// Policy, vetoes, references, the deadline and the number of workers
// apply as they do to the files of a batch; a file that a batch of this cleaner
// comes to mention during the call is kept, with the cause [UsedElsewhere].
//
// Nothing is tried again: a file that was not deleted is [Failed] if last says
// that this was its last attempt, which observers and the log are told of, and
// [Pending] otherwise. Relays of an outbox call it, with files that are derived
// from others in calls of their own, as files like any other.
func (c *Cleaner) Delete(ctx context.Context, files []Result, last func(Result) bool) []Result {
	c.running.begin()
	defer c.running.end()
	files = slices.Clone(files)
	c.applyPolicy(files)
	for i := range files {
		if _, ok := c.storages[files[i].Ref.Storage]; !ok && files[i].Status == "" {
			files[i].Status, files[i].Err = Failed, errors.New("the storage was not given to runtime.New")
		}
	}
	t := newTask(files, c.company.doomAll(undecided(files)))
	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer context.AfterFunc(c.stop, cancel)()
	c.askDatabase(timed, t.files)
	c.attempt(timed, t)

	var doomed []Ref
	for _, f := range t.files {
		doomed = append(doomed, f.Ref)
		if f.Status == "" {
			t.giveUp(f)
		}
		if f.Status == Failed && !last(*f) {
			f.Status = Pending
		}
	}
	c.company.release(doomed)
	c.tell(ctx, &Report{Files: files}, 0)
	return files
}

// Timeout returns how long one attempt at deletions may take, see [WithTimeout].
func (c *Cleaner) Timeout() time.Duration { return c.timeout }

// Types returns the types that the cleaner was told of, sorted by name.
func (c *Cleaner) Types() []*Type {
	return slices.SortedFunc(maps.Keys(c.types), func(a, b *Type) int { return strings.Compare(a.Name, b.Name) })
}

// Storages returns the names of the cleaner's storages, sorted.
func (c *Cleaner) Storages() []string {
	return slices.Sorted(maps.Keys(c.storages))
}

// Storage returns the storage with this name, or nil, and whether columns hold
// something else than names of files in it (see [Names]).
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
