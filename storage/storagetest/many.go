package storagetest

import (
	"context"
	"fmt"
	"path"
	"strconv"

	"github.com/filecleangen/filecleangen/storage"
)

// removeAsRuntime removes a file in the way that the runtime does.
func (e *examination) removeAsRuntime(full string) error {
	many, ok := e.Fs.(storage.ManyRemover)
	if !ok {
		return e.remove(full)
	}
	if err := many.RemoveMany(context.Background(), []string{full}); err != nil {
		return err
	}
	return e.gone(full)
}

// most returns how many names RemoveMany takes, as the runtime sees it.
func most(many storage.ManyRemover) int {
	if n := many.MaxRemove(); n > 0 {
		return n
	}
	return 1000
}

func removeMany(e *examination) error {
	many, ok := e.Fs.(storage.ManyRemover)
	if !ok {
		return nil
	}
	names := []string{path.Join(e.dir, "many/not there")}
	for _, name := range []string{"many/one", "many/a b", "many/100%", "many/a&b<c>", "many/tab\t", "many/control\x01", "many/日本語"} {
		full, err := e.write(name)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		names = append(names, full)
	}
	for len(names) > 0 {
		n := min(len(names), most(many))
		if err := many.RemoveMany(context.Background(), names[:n]); err != nil {
			return err
		}
		for _, full := range names[:n] {
			if err := e.gone(full); err != nil {
				return fmt.Errorf("it says that it has removed %q: %w", full, err)
			}
		}
		names = names[n:]
	}
	return nil
}

// removeManyNeighbours: names are neither prefixes, nor patterns, nor directories.
func removeManyNeighbours(e *examination) error {
	many, ok := e.Fs.(storage.ManyRemover)
	if !ok {
		return nil
	}
	others := []string{"beside/onetwo", "beside/on", "beside/dir/file"}
	for _, name := range others {
		if _, err := e.write(name); err != nil {
			return err
		}
	}
	if _, err := e.write("beside/one"); err != nil {
		return err
	}
	for _, name := range []string{"one", "one", "dir", "*", "o%"} { // the second "one" is missing
		// What it says of them is the matter of other checks.
		_ = many.RemoveMany(context.Background(), []string{path.Join(e.dir, "beside", name)})
		for _, other := range others {
			if err := e.intact(other); err != nil {
				return fmt.Errorf("after beside/%s was removed: %w", name, err)
			}
		}
	}
	return nil
}

// removeMost asks for as many files at once as it may. Most of them need not be there: a
// missing file is no error.
func removeMost(e *examination) error {
	many, ok := e.Fs.(storage.ManyRemover)
	if !ok {
		return nil
	}
	n := min(most(many), 10_000) // a larger request would be a test of something else
	names := make([]string, n)
	for i := range names {
		names[i] = path.Join(e.dir, "most", strconv.Itoa(i))
	}
	full, err := e.write(path.Join("most", strconv.Itoa(n-1))) // whoever stops early leaves the last
	if err != nil {
		return err
	}
	if err := many.RemoveMany(context.Background(), names); err != nil {
		return fmt.Errorf("%d names: %w", n, err)
	}
	if err := e.gone(full); err != nil {
		return fmt.Errorf("it says that it has removed the last of %d files: %w", n, err)
	}
	return nil
}
