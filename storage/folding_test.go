package storage_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// folder is a directory that folds names, or that nothing can be made in.
type folder struct {
	*storage.DirFs
	fold     func(string) string
	readOnly bool
	made     []string
}

func (f *folder) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	f.made = append(f.made, name)
	if f.readOnly {
		return nil, errors.New("read-only file system")
	}
	return f.DirFs.OpenFile(f.fold(name), flag, perm)
}

func (f *folder) Remove(name string) error { return f.DirFs.Remove(f.fold(name)) }

func (f *folder) LstatIfPossible(name string) (os.FileInfo, bool, error) {
	return f.DirFs.LstatIfPossible(f.fold(name))
}

func same(name string) string     { return name }
func composed(name string) string { return strings.ReplaceAll(name, "e\u0301", "\u00e9") }

func TestFindFolding(t *testing.T) {
	if openDir(t, t.TempDir()).Folding().Folds() {
		t.Skip("this file system folds names itself")
	}
	const both = "cover-\u00e9.png"
	for name, test := range map[string]struct {
		fold   func(string) string
		files  []string
		closed bool // nothing can be made
		system string
		want   storage.Folding
		made   bool // a file had to be made
	}{
		"nothing":                  {same, nil, false, "darwin", storage.Folding{}, true},
		"nothing, by a file":       {same, []string{both}, true, "darwin", storage.Folding{}, false},
		"nothing, by two files":    {same, []string{"A", "caf\u00e9"}, true, "darwin", storage.Folding{}, false},
		"other files say nothing":  {same, []string{"1", "\xff"}, true, "windows", storage.Folding{Case: true, Unknown: true}, true},
		"case":                     {strings.ToLower, nil, false, "linux", storage.Folding{Case: true}, true},
		"forms":                    {composed, nil, false, "linux", storage.Folding{Normalization: true}, true},
		"both":                     {func(s string) string { return strings.ToLower(composed(s)) }, []string{both}, false, "linux", storage.Folding{Case: true, Normalization: true}, true},
		"case, by a file":          {strings.ToLower, []string{both}, true, "linux", storage.Folding{Case: true}, true},
		"case, by a directory":     {strings.ToLower, []string{"covers/"}, true, "linux", storage.Folding{Case: true, Unknown: true}, true},
		"unknown, linux":           {same, nil, true, "linux", storage.Folding{Unknown: true}, true},
		"unknown, windows":         {same, nil, true, "windows", storage.Folding{Case: true, Unknown: true}, true},
		"unknown, darwin":          {same, nil, true, "darwin", storage.Folding{Case: true, Normalization: true, Unknown: true}, true},
		"case is known, forms not": {same, []string{"a"}, true, "darwin", storage.Folding{Normalization: true, Unknown: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			for _, file := range test.files {
				if strings.HasSuffix(file, "/") {
					must(t, os.Mkdir(filepath.Join(path, file), 0o755))
					continue
				}
				if err := os.WriteFile(filepath.Join(path, file), nil, 0o644); err != nil {
					t.Skip("the file can't be made here:", err)
				}
			}
			dir := &folder{DirFs: openDir(t, path), fold: test.fold, readOnly: test.closed}
			before := list(t, path)
			if got := storage.FindFolding(dir, test.system); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got := len(dir.made) > 0; got != test.made {
				t.Errorf("files made: %q", dir.made)
			}
			for _, name := range dir.made {
				if !strings.HasPrefix(name, ".filecleangen-") {
					t.Errorf("made %q", name)
				}
			}
			if after := list(t, path); !slices.Equal(before, after) {
				t.Errorf("%q were there, and now %q", before, after)
			}
		})
	}
}

// TestFoldingHere: this file system folds nothing, whoever asks at the same time.
func TestFoldingHere(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "a"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "A")); err == nil {
		t.Skip("it does")
	}
	var all sync.WaitGroup
	for range 8 {
		dir := openDir(t, path)
		all.Go(func() {
			for range 2 {
				if got := dir.Folding(); got.Case || got.Unknown {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	all.Wait()
	if got := list(t, path); !slices.Equal(got, []string{"a"}) {
		t.Errorf("left: %q", got)
	}
}

// TestFoldingLinks: two links to one file are not two spellings of its name.
func TestFoldingLinks(t *testing.T) {
	path := t.TempDir()
	must(t, os.WriteFile(filepath.Join(path, "a"), nil, 0o644))
	if err := os.Link(filepath.Join(path, "a"), filepath.Join(path, "A")); err != nil {
		t.Skip(err)
	}
	if got := openDir(t, path).Folding(); got.Case {
		t.Errorf("%+v", got)
	}
}

// TestFoldingClosed: a directory that can't be asked is no error.
func TestFoldingClosed(t *testing.T) {
	dir := openDir(t, t.TempDir())
	must(t, dir.Close())
	if got := dir.Folding(); !got.Unknown {
		t.Errorf("%+v", got)
	}
}

func openDir(t *testing.T, path string) *storage.DirFs {
	t.Helper()
	dir, err := storage.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func list(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// foldingFs says that it folds names.
type foldingFs struct {
	afero.Fs
	folding storage.Folding
}

func (f foldingFs) Folding() storage.Folding { return f.folding }

// TestNewWarns: a cleaner says of its storages which fold names.
func TestNewWarns(t *testing.T) {
	var log strings.Builder
	mem := afero.NewMemMapFs()
	_, err := runtime.New(
		runtime.Unchecked(),
		runtime.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
		runtime.WithStorage("mem", mem),
		runtime.WithStorage("apart", foldingFs{mem, storage.Folding{Unknown: true}}),
		runtime.WithStorage("folds", foldingFs{mem, storage.Folding{Case: true}}),
		runtime.WithStorage("here", openDir(t, t.TempDir())),
	)
	must(t, err)
	for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
		if !strings.Contains(line, "level=WARN") || !strings.Contains(line, "two spellings") ||
			!strings.Contains(line, "storage=folds case=true normalization=false guessed=false") && !strings.Contains(line, "storage=here") {
			t.Errorf("logged %s", line)
		}
	}
	if !strings.Contains(log.String(), "storage=folds") {
		t.Errorf("logged %s", log.String())
	}
}
