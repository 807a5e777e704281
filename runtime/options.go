package runtime

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// An Option configures a [Cleaner].
type Option func(*Cleaner) error

// WithStorage gives the cleaner a storage under the name that tags use;
// `file:""` and `file:",default=…"` mean the default storage, whose name is "".
// For a local directory use [storage.Dir]; other implementations of afero.Fs work if
// they keep names apart and their Remove says fs.ErrNotExist of missing files.
// The same file must not be reachable under two storages.
func WithStorage(name string, fs afero.Fs, options ...StorageOption) Option {
	return func(c *Cleaner) error {
		if fs == nil {
			return fmt.Errorf("storage %q is nil", name)
		}
		if _, taken := c.storages[name]; taken {
			return fmt.Errorf("storage %q is given twice", name)
		}
		s := &store{fs: fs, exclusive: storage.CreatesExclusively(fs)}
		for _, o := range options {
			if o == nil {
				return fmt.Errorf("storage %q: an option is nil", name)
			}
			if err := o(s); err != nil {
				return fmt.Errorf("storage %q: %w", name, err)
			}
		}
		c.storages[name] = s
		c.hasNames = c.hasNames || s.name != nil
		return nil
	}
}

// A StorageOption configures a storage given to [WithStorage].
type StorageOption func(*store) error

// Exclusive says that a storage creates exclusively, for one that does not say so itself
// (see [storage.ExclusiveCreator]): storagetest.Exclusive finds out. Then uploads get the
// name that was wanted, if it is free.
func Exclusive() StorageOption {
	return func(s *store) error {
		s.exclusive = true
		return nil
	}
}

// Names is for columns that do not hold the names of files but, for example,
// their URLs or paths with a slash in front. The function returns the name that
// a value of such a column means in its storage, or "" if the value means no
// file of it, such as the URL of another site:
//
//	runtime.WithStorage("media", media, runtime.Names(func(url string) string {
//		name, ours := strings.CutPrefix(url, "https://cdn.example.com/")
//		if !ours {
//			return ""
//		}
//		return name
//	}))
//
// Two values that mean the same file are one ref. Reports, observers and the
// references have to do with names, the snapshot, the record and the row
// with values; a default in a tag may be either. The function must say the same
// each time, and may be called from several goroutines at once; if it panics,
// the generated method that called it does.
func Names(name func(value string) string) StorageOption {
	return func(s *store) error {
		if name == nil || s.name != nil {
			return errors.New("Names needs one function, once")
		}
		s.name = name
		return nil
	}
}

// WithTypes tells the cleaner of record types: pass the FileTypes() of every
// package with generated code. Files released by a type that it was not told of
// are kept, since they might be another type's default; and so is what one let go of and
// such a type came to hold in the same batch, since its rows may not be asked.
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

// WithReferences says which rows name files: they are asked after each commit, and
// before each further attempt, right before files are deleted; a file that one names
// stays. It costs one question for a batch that lets go of something, and nothing for
// others. [New] needs it, or [Unchecked]. References with a method Check(*Cleaner) error,
// as package references has, are asked whether they know the rows of all types. They must
// know every table that has rows of these: what only another one names is deleted. With
// an outbox, relays ask instead.
func WithReferences(r References) Option {
	return func(c *Cleaner) error {
		if r == nil || c.references != nil {
			return errors.New("WithReferences needs references, once")
		}
		c.references = r
		return nil
	}
}

// Unchecked makes a cleaner that believes what the generated methods are told, and asks
// no row. A file that a committed row names is deleted by it unless all of this is true:
//
//   - A file is named by one record at a time, or all records that name it are written in
//     the batch that lets go of it.
//   - A name is not handed from one record to another by transactions that run at the same
//     time, in this process or in others: what one lets go of, or uploads and discards,
//     another does not come to name.
//   - The old snapshot given to BeforeUpdate and AfterDelete is what the row said, read in
//     the same transaction; and the record is what the row says after it: an UPDATE that
//     does not write a file column is told of by a record that has the column's value.
//   - A write that returns no error, and a row for each record of its hook, has changed
//     these rows and no others. Hooks that are called without [Batch.Exec] count at once.
//   - No write runs inside another to the same row.
//   - Two records with the same [Key] and type are the same row; where one type is stored
//     in several tables, the caller says which with [Key.In].
//   - A commit that reports success has committed, and nothing else commits. MySQL reports
//     success for a transaction that it rolled back itself, because of a deadlock, and
//     commits before statements such as CREATE TABLE; SQLite rolls back on a conflict that
//     says so (INSERT OR ROLLBACK); MyISAM tables don't roll back. After a statement that
//     failed, roll back, or go back to a savepoint.
//   - The batch is opened before its transaction.
//   - A program has one cleaner for a storage.
//
// With references none of these can lose a file that a row names when they are asked. Open
// the batch before its transaction all the same: what is deleted between the two is not
// told to the batch ([ErrGone]). Unchecked is for programs whose rows can't be asked, and
// for tests.
func Unchecked() Option {
	return func(c *Cleaner) error {
		c.unchecked = true
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

// WithWorkers sets how many goroutines of the cleaner call a storage at once to
// delete files, over all its batches. The default, 8, suits disks; object
// stores without [storage.ManyRemover] gain from more. With 1 no goroutine is started:
// files are deleted where the batch is committed. A storage that hangs does not
// hold up another.
func WithWorkers(n int) Option {
	return func(c *Cleaner) error {
		if n < 1 {
			return fmt.Errorf("WithWorkers(%d): it takes at least one", n)
		}
		c.workers = n
		return nil
	}
}

// WithTimeout sets how long one attempt at the deletions of a batch may take, by
// default a minute: [Cleaner.Commit] returns when it is over, as soon as the
// calls of storages that are under way have returned, and what was not tried is
// left to further attempts in the background. A call that has not returned when as
// much time again has passed is left alone ([ErrHangs]). It is also the deadline of the
// context that observers, references and [storage.ManyRemover] get.
func WithTimeout(d time.Duration) Option {
	return func(c *Cleaner) error {
		if d <= 0 {
			return fmt.Errorf("WithTimeout(%v): it must be positive", d)
		}
		c.timeout = d
		return nil
	}
}

// WithRetry sets how deletions that failed are tried again. The default is 10
// attempts in all, over about four minutes: Retry{10, time.Second, time.Minute}.
// With one attempt nothing is tried again, and no goroutine outlives a batch.
//
// Before each attempt the rows are asked again, and what batches of
// this cleaner came to mention meanwhile is kept. At most 100,000 files wait;
// more fail at once. They are in memory: they are lost with the process, which
// should call [Cleaner.Close] at its end.
func WithRetry(r Retry) Option {
	return func(c *Cleaner) error {
		if r.Attempts < 1 || r.First < 0 || r.Longest < r.First {
			return fmt.Errorf("WithRetry(%+v): it takes at least one attempt, and 0 <= First <= Longest", r)
		}
		c.retry = r
		return nil
	}
}

// WithLogger sets where the cleaner logs: at the level Info one line per batch that let
// go of a file, at Debug one per file, with its storage, name, field, key and reason, so
// that it can be known what became of it; a warning for each deletion that failed and is
// tried again, and an error for each that failed for good and each name that was refused.
// Without it, slog.Default as it is when New is called.
func WithLogger(l *slog.Logger) Option {
	return func(c *Cleaner) error {
		if l == nil {
			return errors.New("the logger is nil")
		}
		c.logger = l
		return nil
	}
}

// A Retry says how deletions that failed are tried again, in the background.
type Retry struct {
	Attempts int           // how often a deletion is tried in all, the first time by Commit
	First    time.Duration // how long to wait before the second attempt; twice as long before each further one
	Longest  time.Duration // the longest wait
}
