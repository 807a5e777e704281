package runtime

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/afero"
)

// An Option configures a [Cleaner].
type Option func(*Cleaner) error

// WithStorage gives the cleaner a storage under the name that tags use;
// `file:""` and `file:",default=…"` mean the default storage, whose name is "".
// For a local directory use [Dir]; other implementations of afero.Fs work if
// they keep names apart and their Remove says fs.ErrNotExist of missing files.
// The same file must not be reachable under two storages.
func WithStorage(name string, fs afero.Fs) Option {
	return func(c *Cleaner) error {
		if fs == nil {
			return fmt.Errorf("storage %q is nil", name)
		}
		if _, taken := c.storages[name]; taken {
			return fmt.Errorf("storage %q is given twice", name)
		}
		c.storages[name] = fs
		return nil
	}
}

// WithTypes tells the cleaner of record types: pass the FileTypes() of every
// package with generated code. Files released by a type that it was not told of
// are kept, since they might be another type's default.
func WithTypes(types ...*Type) Option {
	return func(c *Cleaner) error {
		for _, t := range types {
			if t == nil {
				return errors.New("a type is nil")
			}
			c.types[t] = struct{}{}
		}
		return nil
	}
}

// WithProtected adds a function that reports whether a file must never be
// deleted, for defaults that are computed. It may be called from several
// goroutines at once; a panic means yes.
func WithProtected(protected func(Ref) bool) Option {
	return func(c *Cleaner) error {
		if protected == nil {
			return errors.New("the function given to WithProtected is nil")
		}
		c.protectors = append(c.protectors, protected)
		return nil
	}
}

// WithReferenceCheck makes the cleaner ask the database, right before it
// deletes, whether some row names the files after all. It is what makes files
// that several records share safe.
func WithReferenceCheck(check ReferenceCheck) Option {
	return func(c *Cleaner) error {
		if check == nil || c.check != nil {
			return errors.New("WithReferenceCheck needs one function, once")
		}
		c.check = check
		return nil
	}
}

// WithObserver adds an observer of deletions.
func WithObserver(o Observer) Option {
	return func(c *Cleaner) error {
		c.observers = append(c.observers, o)
		return nil
	}
}

// WithLogger sets where the cleaner logs: one line per batch that let go of a
// file, one error per deletion that failed or name that was refused. Without
// it, slog.Default as it is when New is called.
func WithLogger(l *slog.Logger) Option {
	return func(c *Cleaner) error {
		if l == nil {
			return errors.New("the logger is nil")
		}
		c.logger = l
		return nil
	}
}
