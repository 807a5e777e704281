package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/filecleangen/filecleangen/storage"
)

// A Cleaner owns the storages, the policy and the observers of a program, and
// opens batches. One per program is usual; it lives as long as the program and
// is safe for concurrent use.
type Cleaner struct {
	storages   map[string]*store
	hasNames   bool // one of them has a function for names
	types      map[*Type]struct{}
	defaults   map[Ref]struct{}
	protectors []func(Ref) bool
	references References // or nil
	observers  []Observer
	logger     *slog.Logger
	timeout    time.Duration
	retry      Retry
	intents    *Intents // of an outbox, or nil

	company  company
	workers  int           // how many goroutines may call a storage at once
	helpers  chan struct{} // one in it for each that was started for that
	retries  retries
	running  running
	counters counters
	stop     context.Context //nolint:containedctx // cancelled when Close can't wait
	cancel   context.CancelFunc
}

// New returns a cleaner. It needs at least the storages that the file fields of
// its types name.
//
//	media, err := storage.Dir("/srv/media")
//	…
//	cleaner, err := runtime.New(
//		runtime.WithStorage("media", media),
//		runtime.WithTypes(models.FileTypes()...),
//	)
func New(options ...Option) (*Cleaner, error) {
	c := &Cleaner{
		storages: map[string]*store{},
		types:    map[*Type]struct{}{},
		defaults: map[Ref]struct{}{},
		logger:   slog.Default(),
		timeout:  time.Minute,
		retry:    defaultRetry,
		workers:  defaultWorkers,
	}
	c.company.open, c.company.doomed = map[*Batch]struct{}{}, map[Ref]doom{}
	c.retries.queues, c.retries.closes = map[string]*queue{}, make(chan struct{})
	c.stop, c.cancel = context.WithCancel(context.Background())
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
	c.helpers = make(chan struct{}, c.workers-1)
	for _, s := range c.storages {
		s.calls = make(chan struct{}, c.workers)
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
	return c, nil
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
