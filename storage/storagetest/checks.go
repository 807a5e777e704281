package storagetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// check is one question, and what it means if the answer is an error. Where that depends
// on what happened, the error is a means.
type check struct {
	name      string // of what should be so
	verdict   Verdict
	ask       func(*examination) error
	essential bool // without it the others can't be asked
}

// means is an error with a verdict of its own.
type means struct {
	verdict Verdict
	error
}

func (m *means) Unwrap() error { return m.error }

// Unsafe is what can cost a file that a row names: its name leads to another file, its
// content goes, or two have it. What only keeps a file that should go, or does not make
// one and says so, is a leak.
var checks = []check{
	{name: "a file that was there before can be removed", verdict: Leaks, ask: removeExisting},
	{name: "a file can be created (O_EXCL), read and removed", verdict: Leaks, ask: writeAndRemove, essential: true},
	{name: "a file is seen to be one", verdict: Leaks, ask: seen},
	{name: "a missing file is fs.ErrNotExist", verdict: Leaks, ask: missing},
	{name: "Remove removes no other file", verdict: Unsafe, ask: neighbours},
	{name: "names that differ are different files", verdict: Unsafe, ask: spellings},
	{name: "unusual names work", verdict: Leaks, ask: unusualNames},
	{name: "a directory is seen to be one", verdict: Unsafe, ask: directory},
	{name: "a directory with files in it is not removed (option prune)", verdict: Note, ask: fullDirectory},
	{name: "no name leaves the storage", verdict: Unsafe, ask: escape},
	{name: "a file that exists is not created again (O_EXCL)", verdict: Leaks, ask: exclusive},
	{name: "of several who create a file one does", verdict: Leaks, ask: exclusiveRace},
	{name: "several goroutines can use it at once", verdict: Unsafe, ask: concurrent},
	{name: "Rename moves a file", verdict: Note, ask: rename},
	{name: "RemoveMany, where there is one, removes the files", verdict: Leaks, ask: removeMany},
	{name: "RemoveMany removes no other file", verdict: Unsafe, ask: removeManyNeighbours},
	{name: "RemoveMany takes as many names as MaxRemove says", verdict: Leaks, ask: removeMost},
	{name: "all files are listed, in the order of their names (sweep)", verdict: Leaks, ask: list},
}

// write makes a file whose content is its name.
func (e *examination) write(name string) (full string, err error) {
	full = path.Join(e.dir, name)
	if err := e.MkdirAll(path.Dir(full), 0o755); err != nil {
		return full, fmt.Errorf("make its directory: %w", err)
	}
	f, err := storage.CreateNew(e.Fs, full)
	if err != nil {
		return full, fmt.Errorf("create it: %w", err)
	}
	if _, err := io.WriteString(f, name); err != nil {
		return full, errors.Join(fmt.Errorf("write it: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return full, fmt.Errorf("close it: %w", err)
	}
	return full, nil
}

// intact returns an error unless a file is as write made it.
func (e *examination) intact(name string) error {
	got, err := afero.ReadFile(e.Fs, path.Join(e.dir, name))
	if err != nil {
		return fmt.Errorf("%s can't be read: %w", name, err)
	}
	if string(got) != name {
		return fmt.Errorf("%s has the content %q", name, got)
	}
	return nil
}

// stat looks as the runtime does.
func (e *examination) stat(full string) (fs.FileInfo, error) {
	if l, ok := e.Fs.(afero.Lstater); ok {
		info, _, err := l.LstatIfPossible(full)
		return info, err
	}
	return e.Stat(full)
}

// gone returns an error unless a file is not there.
func (e *examination) gone(full string) error {
	switch _, err := e.stat(full); {
	case err == nil:
		return errors.New("the file is still there")
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the error of Stat for a missing file is not fs.ErrNotExist: %w", err)
	}
	return nil
}

func (e *examination) remove(full string) error {
	if err := e.Remove(full); err != nil {
		return fmt.Errorf("it can't be removed: %w", err)
	}
	return e.gone(full)
}

func writeAndRemove(e *examination) error {
	full, err := e.write("plain/a.png")
	if err != nil {
		return err
	}
	if err := e.intact("plain/a.png"); err != nil {
		return &means{Unsafe, fmt.Errorf("it was written without an error: %w", err)}
	}
	return e.remove(full)
}

// seen: what is said to be missing, or a directory, is not removed.
func seen(e *examination) error {
	full, err := e.write("seen/file")
	if err != nil {
		return err
	}
	info, err := e.stat(full)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("it is said to be a directory")
	}
	return nil
}

func removeExisting(e *examination) error {
	for _, name := range e.existing {
		if err := e.remove(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func missing(e *examination) error {
	if _, err := e.write("missing/there"); err != nil {
		return err
	}
	for _, name := range []string{"missing/not", "nowhere/at/all"} {
		full := path.Join(e.dir, name)
		if err := e.gone(full); err != nil {
			return err
		}
		// Nil is the answer of object stores.
		if err := e.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the error of Remove for a missing file is not fs.ErrNotExist: %w", err)
		}
	}
	return e.intact("missing/there")
}

func neighbours(e *examination) error {
	others := []string{"near/one.png", "near/onetwo", "near/on", "near/one_/x", "near/two/one"}
	for _, name := range others {
		if _, err := e.write(name); err != nil {
			return err
		}
	}
	for _, missing := range []string{"one", "*", "on?", "[o]n", "o%", "one%", "o_", "ne"} { // none is a pattern, nor a prefix
		_ = e.Remove(path.Join(e.dir, "near", missing))
	}
	full, err := e.write("near/one")
	if err != nil {
		return err
	}
	if err := e.remove(full); err != nil {
		return err
	}
	for _, name := range others {
		if err := e.intact(name); err != nil {
			return fmt.Errorf("after near/one was removed: %w", err)
		}
	}
	return nil
}

// lookAlikes are names that are one file where case, Unicode normal forms, what Windows
// leaves out at the end, escapes or long names are not told apart.
var lookAlikes = [][2]string{
	{"a.png", "A.png"},
	{"\u00e9", "e\u0301"},
	{"x", "x "},
	{"y", "y."},
	{"B", "%42"},
	{longName + "1", longName + "2"},
}

var longName = strings.Repeat("long", 50)

func spellings(e *examination) error {
	for _, pair := range lookAlikes {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			if err := e.apart("names/"+p[0], "names/"+p[1]); err != nil {
				return fmt.Errorf("%q and %q: %w", p[0], p[1], err)
			}
		}
	}
	return nil
}

// apart returns an error if two names are one file. That a name can't be had alone is the
// matter of other checks.
func (e *examination) apart(one, other string) error {
	full, err := e.write(other)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	alone := e.remove(full)
	first, err := e.write(one)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	_ = e.Remove(full) // it is not there
	if err := e.intact(one); err != nil {
		return fmt.Errorf("after the second was removed: %w", err)
	}
	if alone != nil {
		return nil //nolint:nilerr // see above
	}
	if _, err := e.write(other); err != nil {
		return fmt.Errorf("the second beside the first: %w", err)
	}
	if err := e.remove(first); err != nil {
		return err
	}
	if err := e.intact(other); err != nil {
		return fmt.Errorf("after the first was removed: %w", err)
	}
	return e.remove(full)
}

func unusualNames(e *examination) error {
	for _, name := range []string{"with space", "100%", "a+b", "q?x=1", "#1", "a&b", "*", "[a]", "日本語", "-rf", ".hidden", "semi;colon", "quote'\"", "tab\t", longName} {
		full, err := e.write("unusual/" + name)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if err := e.remove(full); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

func directory(e *examination) error {
	if _, err := e.write("dir/file"); err != nil {
		return err
	}
	info, err := e.stat(path.Join(e.dir, "dir"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there are no directories
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("it is said to be a file")
	}
	return nil
}

func fullDirectory(e *examination) error {
	if _, err := e.write("full/file"); err != nil {
		return err
	}
	err := e.Remove(path.Join(e.dir, "full"))
	if lost := e.intact("full/file"); lost != nil { // an upload may be made in it right before
		return &means{Unsafe, lost}
	}
	if info, statErr := e.stat(path.Join(e.dir, "full")); err == nil && statErr == nil && info.IsDir() {
		return errors.New("it says that it has removed the directory")
	}
	names, readErr := afero.ReadDir(e.Fs, path.Join(e.dir, "full"))
	if err == nil && (readErr != nil || len(names) == 0) {
		return errors.New("the directory is gone, the file in it is not")
	}
	return nil
}

func escape(e *examination) error {
	var errs []error
	for _, o := range e.outside {
		if !o.there() {
			errs = append(errs, fmt.Errorf("%s is not there to begin with", o.name))
			continue
		}
		err := e.Remove(o.name)
		switch {
		case !o.there():
			errs = append(errs, fmt.Errorf("%s was removed", o.name))
		case err == nil:
			errs = append(errs, fmt.Errorf("it says that it has removed %s", o.name))
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("%s is said not to exist", o.name))
		}
	}
	return errors.Join(errs...)
}

func concurrent(e *examination) error {
	return inParallel(8, func(g int) error {
		for i := range 50 {
			name := fmt.Sprintf("parallel/%d/f%d-%d", i%3, g, i)
			full, err := e.write(name)
			if err != nil {
				return err
			}
			if err := e.intact(name); err != nil {
				return err
			}
			if err := e.removeAsRuntime(full); err != nil {
				return err
			}
		}
		return nil
	})
}

// inParallel calls do in n goroutines, and returns their errors. A panic is one.
func inParallel(n int, do func(int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = do(i)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func rename(e *examination) error {
	from, err := e.write("rename/from")
	if err != nil {
		return err
	}
	to := path.Join(e.dir, "rename/to")
	if err := e.Rename(from, to); err != nil {
		return err
	}
	if err := e.gone(from); err != nil {
		return fmt.Errorf("afterwards, under the old name: %w", err)
	}
	got, err := afero.ReadFile(e.Fs, to)
	if err != nil || string(got) != "rename/from" {
		return fmt.Errorf("afterwards, under the new name: content %q, %w", got, err)
	}
	if err := e.Rename(from, to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("of a missing file: error %w", err)
	}
	return nil
}
