package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime/internal/deletion"
	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

// A Cleaner owns the storages, the references, the policy and the observers of a program,
// and is the [Keeper] that keeps promises in memory. One per program is usual; it lives
// as long as the program and is safe for concurrent use.
type Cleaner struct {
	storages   map[string]*store
	hasNames   bool // one of them has a function for names
	types      map[*Type]struct{}
	defaults   map[Ref]struct{}
	protectors []func(Ref) bool
	references References // nil if it is unchecked
	unchecked  bool
	observers  []Observer
	logger     *slog.Logger
	timeout    time.Duration
	retry      Retry
	workers    int

	registry *registry.Registry
	deleter  *deletion.Deleter
	counters counters

	outbox    Outbox // or nil
	asksAgain bool   // whether Delete asks other references than the outbox has asked
}

// store is a storage, and what options say of it.
type store struct {
	fs        afero.Fs
	exclusive bool // whether it creates exclusively
	name      func(value string) string
}

// nameOf returns the name of the file that the value of a column means. The storage may
// be one that the cleaner was not told of.
func (s *store) nameOf(value string) string {
	if s == nil || s.name == nil {
		return value
	}
	return s.name(value)
}

// New returns a cleaner. It needs the storages that the file fields of its types name,
// and references: the rows are asked before a file goes. Without them it takes
// [Unchecked], which says what must be true then.
//
//	media, err := storage.Dir("/srv/media")
//	…
//	refs, err := references.New(ctx, own, references.PostgreSQL,
//		references.Table(models.ArticleFileType, "article"))
//	…
//	cleaner, err := runtime.New(
//		runtime.WithStorage("media", media),
//		runtime.WithTypes(models.FileTypes()...),
//		runtime.WithReferences(refs),
//	)
//
// It logs a warning for each storage in which names that differ are one file, see
// [storage.Folding].
func New(options ...Option) (*Cleaner, error) {
	c := &Cleaner{
		storages: map[string]*store{},
		types:    map[*Type]struct{}{},
		defaults: map[Ref]struct{}{},
		logger:   slog.Default(),
		timeout:  time.Minute,
		retry:    defaultRetry,
		workers:  defaultWorkers,
		registry: registry.New(),
	}
	var errs []error
	for _, o := range options {
		if o == nil {
			errs = append(errs, errors.New("an option is nil"))
			continue
		}
		if err := o(c); err != nil {
			errs = append(errs, err)
		}
	}
	switch {
	case c.references == nil && !c.unchecked:
		errs = append(errs, errors.New("who knows which rows name files? Give runtime.WithReferences(…), so that they are asked before a file goes; or runtime.Unchecked(), whose documentation says what must be true then"))
	case c.references != nil && c.unchecked:
		errs = append(errs, errors.New("give runtime.WithReferences or runtime.Unchecked, not both"))
	}
	for t := range c.types {
		errs = append(errs, c.learn(t)...)
	}
	if r, ok := c.references.(interface{ Check(c *Cleaner) error }); ok {
		errs = append(errs, r.Check(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("filecleangen: %w", err)
	}
	c.deleter = c.newDeleter()
	c.warnOfFolding()
	return c, nil
}

// warnOfFolding tells of storages in which names that differ are one file: to the rows
// and the outbox they are two, and the file would go with the first.
func (c *Cleaner) warnOfFolding() {
	for _, name := range c.Storages() {
		in, ok := c.storages[name].fs.(interface{ Folding() storage.Folding })
		if !ok {
			continue
		}
		if f := in.Folding(); f.Folds() {
			c.log(context.Background(), slog.LevelWarn, "filecleangen: names that differ are one file in this storage; rows must not name a file by two spellings, or it goes when one of them lets go of it",
				slog.String("storage", name), slog.Bool("case", f.Case), slog.Bool("normalization", f.Normalization), slog.Bool("guessed", f.Unknown))
		}
	}
}

func (c *Cleaner) newDeleter() *deletion.Deleter {
	stores := make(map[string]*deletion.Store, len(c.storages))
	for name, s := range c.storages {
		stores[name] = deletion.NewStore(s.fs)
	}
	return deletion.New(deletion.Config{
		Stores: stores, Registry: c.registry, Workers: c.workers, Timeout: c.timeout, Retry: deletion.Retry(c.retry),
		Detach: func(tag any) any { r := *tag.(*Result); return &r },
		Ask:    c.ask,
		Before: func(ctx context.Context, f *deletion.File) error {
			err := c.before(ctx, *f.Tag.(*Result))
			if err != nil {
				f.Tag.(*Result).Cause = Vetoed
			}
			return err
		},
		After:   func(ctx context.Context, f *deletion.File) { c.after(ctx, resultOf(f)) },
		Retried: c.retried,
	})
}

// retried tells what an attempt in the background decided.
func (c *Cleaner) retried(ctx context.Context, files []*deletion.File, attempts int) {
	var decided []Result
	for _, f := range files {
		if f.State != deletion.Waiting {
			decided = append(decided, resultOf(f))
		}
	}
	c.counters.retried.Add(uint64(len(files)))
	c.tell(ctx, decided, attempts)
	c.summarise(ctx, "filecleangen: deletions that had failed were tried again", decided, slog.Int("attempts", attempts))
}

// learn takes up what the cleaner needs to know of a type.
func (c *Cleaner) learn(t *Type) (errs []error) {
	for _, f := range t.Fields {
		in, ok := c.storages[f.Storage]
		if !ok {
			errs = append(errs, fmt.Errorf("%s.%s names storage %q, which was not given: add runtime.WithStorage(%[3]q, …)", t.Name, f.Path, f.Storage))
		}
		for _, name := range f.Defaults {
			other := in.nameOf(name)
			if ok && storage.CheckName(name) != nil && storage.CheckName(other) != nil {
				errs = append(errs, fmt.Errorf("%s.%s has the default %q, which is no name of a file in storage %q; if its columns hold such values, say with runtime.Names what they mean", t.Name, f.Path, name, f.Storage))
			}
			c.defaults[Ref{Storage: f.Storage, Name: name}] = struct{}{}
			if other != "" {
				c.defaults[Ref{Storage: f.Storage, Name: other}] = struct{}{}
			}
		}
	}
	return errs
}

const defaultWorkers = 8

var defaultRetry = Retry{Attempts: 10, First: time.Second, Longest: time.Minute}
