package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/afero"
)

// A Cleaner owns the storages, the policy and the observers of a program, and
// opens batches. One per program is usual; it lives as long as the program and
// is safe for concurrent use.
type Cleaner struct {
	storages   map[string]afero.Fs
	types      map[*Type]struct{}
	defaults   map[Ref]struct{}
	protectors []func(Ref) bool
	check      ReferenceCheck
	observers  []Observer
	logger     *slog.Logger
	company    company
}

// A ReferenceCheck returns those of the refs that some row still names. It is
// asked once per batch, after the commit and right before the deletions. Where
// it returns an error or panics, all files are kept.
type ReferenceCheck func(ctx context.Context, refs []Ref) (named []Ref, err error)

// New returns a cleaner. It needs at least the storages that the file fields of
// its types name.
//
//	media, err := runtime.Dir("/srv/media")
//	…
//	cleaner, err := runtime.New(
//		runtime.WithStorage("media", media),
//		runtime.WithTypes(models.FileTypes()...),
//	)
func New(options ...Option) (*Cleaner, error) {
	c := &Cleaner{
		storages: map[string]afero.Fs{},
		types:    map[*Type]struct{}{},
		defaults: map[Ref]struct{}{},
		logger:   slog.Default(),
	}
	c.company.open, c.company.finishing = map[*Batch]struct{}{}, map[*Batch]struct{}{}
	c.company.deleting = map[Ref]int{}
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
	for t := range c.types {
		errs = append(errs, c.learn(t)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("filecleangen: %w", err)
	}
	return c, nil
}

// learn takes up what the cleaner needs to know of a type.
func (c *Cleaner) learn(t *Type) (errs []error) {
	for _, f := range t.Fields {
		if _, ok := c.storages[f.Storage]; !ok {
			errs = append(errs, fmt.Errorf("%s.%s names storage %q, which was not given: add runtime.WithStorage(%[3]q, …)", t.Name, f.Path, f.Storage))
		}
		for _, name := range f.Defaults {
			c.defaults[Ref{f.Storage, name}] = struct{}{}
		}
	}
	return errs
}
