package load

import (
	"bytes"
	"fmt"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/go/packages"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
)

// find returns the directories of the packages that match the patterns, sorted.
// Patterns that are paths are followed here, in milliseconds; the go command is
// asked about others.
func (l *Loader) find(patterns []string) (dirs []string, ds diag.Diagnostics, err error) {
	var others []string
	for _, p := range patterns {
		switch {
		case l.env.foreign || !isPath(p):
			others = append(others, p)
		case strings.HasSuffix(p, ".go"):
			ds.Add(token.Position{}, "%s: want packages, not files; the files of a package belong together: give its directory", p)
		default:
			found, err := l.findPath(p)
			if err != nil {
				ds.Add(token.Position{}, "%v", err)
			}
			dirs = append(dirs, found...)
		}
	}
	if len(others) > 0 {
		found, more, err := l.ask(others, packages.NeedName|packages.NeedFiles)
		if err != nil {
			return nil, nil, err
		}
		ds = append(ds, more...)
		for _, p := range found {
			if files := slices.Concat(p.GoFiles, p.IgnoredFiles); len(files) > 0 {
				dirs = append(dirs, filepath.Dir(files[0]))
			}
		}
	}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	if len(dirs) == 0 && len(ds) == 0 {
		ds.Add(token.Position{}, "no packages match %s", strings.Join(patterns, " "))
	}
	return dirs, ds, nil
}

// isPath reports whether a pattern is a directory, with or without /... after
// it.
func isPath(pattern string) bool {
	pattern = filepath.ToSlash(pattern)
	base := strings.TrimSuffix(pattern, "/...")
	if strings.Contains(base, "...") {
		return false
	}
	return strings.HasSuffix(base, ".go") || base == "." || base == ".." || filepath.IsAbs(pattern) ||
		strings.HasPrefix(base, "./") || strings.HasPrefix(base, "../")
}

func (l *Loader) findPath(pattern string) ([]string, error) {
	base, below := strings.CutSuffix(filepath.ToSlash(pattern), "/...")
	root := filepath.FromSlash(base)
	if !filepath.IsAbs(root) {
		root = filepath.Join(l.dir, root)
	}
	info, err := os.Stat(root)
	if err != nil || !info.IsDir() {
		return nil, fmt.Errorf("no packages match %s: there is no directory %s", pattern, base)
	}
	if below {
		return walk(root)
	}
	if !hasGoFiles(root) {
		return nil, fmt.Errorf("no Go files in %s", base)
	}
	return []string{root}, nil
}

func hasGoFiles(dir string) bool {
	entries, _ := os.ReadDir(dir) // what can't be read has none
	return slices.ContainsFunc(entries, isGoFile)
}

func isGoFile(e fs.DirEntry) bool {
	return strings.HasSuffix(e.Name(), ".go") && !strings.HasPrefix(e.Name(), "_") && !strings.HasPrefix(e.Name(), ".") && !e.IsDir()
}

// walk returns the directories below root that have Go files and belong to its
// module, as the go command understands it.
func walk(root string) ([]string, error) {
	ignored := ignoredDirs(root)
	dirs := map[string]bool{}
	// With the dot, a root that is a symbolic link is followed.
	start := root + string(filepath.Separator) + "."
	err := filepath.WalkDir(start, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != start && leftOut(path, e.Name(), ignored):
			return filepath.SkipDir
		case isGoFile(e):
			dirs[filepath.Dir(path)] = true
		}
		return nil
	})
	return slices.Collect(maps.Keys(dirs)), err
}

func leftOut(path, name string, ignored func(string) bool) bool {
	if name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || ignored(path) {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil // another module
}

// ignoredDirs returns what the ignore directives of the module's go.mod leave
// out (https://go.dev/ref/mod#go-mod-file-ignore).
func ignoredDirs(dir string) func(path string) bool {
	none := func(string) bool { return false }
	root := rootOf(dir, "go.mod")
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if root == "" || err != nil || !bytes.Contains(text, []byte("ignore")) {
		return none
	}
	mod, err := modfile.ParseLax("go.mod", text, nil)
	if err != nil {
		return none
	}
	return func(path string) bool {
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return false
		}
		rel = filepath.ToSlash(rel)
		for _, i := range mod.Ignore {
			if fixed, ok := strings.CutPrefix(i.Path, "./"); ok {
				if rel == fixed {
					return true
				}
			} else if rel == i.Path || strings.HasSuffix(rel, "/"+i.Path) {
				return true
			}
		}
		return false
	}
}

// rootOf returns the nearest directory from dir upwards that has the named
// file, or "".
func rootOf(dir, name string) string {
	for {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
