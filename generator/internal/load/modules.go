package load

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// modules knows where the packages are that one main module imports. It reads
// go.mod and go.work as the go command does, which takes a fraction of a
// millisecond where asking it takes thirty; what it can't find, the go command
// is asked for.
type modules struct {
	env     environ
	root    string                         // where the go.mod is, if there is one
	path    string                         // of its module
	main    map[string]string              // module path -> directory
	require map[string]string              // module path -> version
	replace map[module.Version]replacement // version "": all
	vendor  string                         // the vendor directory, if there is one
}

type replacement struct {
	dir string // or else
	mod module.Version
}

// newModules reads the go.mod, and go.work, that a directory belongs to.
func newModules(env environ, dir string) *modules {
	m := &modules{env: env, main: map[string]string{}, require: map[string]string{}, replace: map[module.Version]replacement{}}
	root := rootOf(dir, "go.mod")
	if m.root = root; root != "" {
		m.path = m.addMain(root)
	}
	if path := m.workFile(dir); path != "" {
		m.addWork(path)
		root = filepath.Dir(path)
	}
	// In a workspace, the vendor directories of modules don't count.
	if root != "" && !env.noVendor {
		m.addVendor(root)
	}
	return m
}

func (m *modules) workFile(dir string) string {
	switch m.env.work {
	case "off":
		return ""
	case "":
		if root := rootOf(dir, "go.work"); root != "" {
			return filepath.Join(root, "go.work")
		}
		return ""
	}
	return m.env.work
}

func (m *modules) addWork(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	work, err := modfile.ParseWork(path, text, nil)
	if err != nil {
		return
	}
	root := filepath.Dir(path)
	for _, use := range work.Use {
		m.addMain(absolute(root, use.Path))
	}
	m.addReplace(root, work.Replace)
}

// addMain adds a module whose source is at hand, and what it requires. Of
// several versions the highest is used, as in a build. It returns its path.
func (m *modules) addMain(root string) (path string) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return ""
	}
	mod, err := modfile.ParseLax("go.mod", text, nil)
	if err != nil || mod.Module == nil {
		return ""
	}
	path = mod.Module.Mod.Path
	m.main[path] = root
	for _, r := range mod.Require {
		if v, ok := m.require[r.Mod.Path]; !ok || semver.Compare(r.Mod.Version, v) > 0 {
			m.require[r.Mod.Path] = r.Mod.Version
		}
	}
	// ParseLax leaves out replace directives, since they count in main modules
	// only. This is one.
	if mod, err = modfile.Parse("go.mod", text, nil); err == nil {
		m.addReplace(root, mod.Replace)
	}
	return path
}

func (m *modules) addReplace(root string, list []*modfile.Replace) {
	for _, r := range list {
		to := replacement{mod: r.New}
		if r.New.Version == "" {
			to = replacement{dir: absolute(root, r.New.Path)}
		}
		m.replace[r.Old] = to
	}
}

func (m *modules) addVendor(root string) {
	if _, err := os.Stat(filepath.Join(root, "vendor", "modules.txt")); err == nil {
		m.vendor = filepath.Join(root, "vendor")
	}
}

func absolute(root, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}

// pathOf returns the import path of a package in a directory of the module, or ""
// if there is none.
func (m *modules) pathOf(dir string) string {
	rest, err := filepath.Rel(m.root, dir)
	if m.path == "" || err != nil {
		return ""
	}
	return path.Join(m.path, filepath.ToSlash(rest))
}

// dirOf returns the directory of a package, or "".
func (m *modules) dirOf(path string) string {
	for prefix := path; prefix != ""; prefix = parentPath(prefix) {
		rest := filepath.FromSlash(strings.TrimPrefix(strings.TrimPrefix(path, prefix), "/"))
		for _, root := range m.rootsOf(prefix) {
			if dir := filepath.Join(root, rest); hasGoFiles(dir) {
				return dir
			}
		}
	}
	if m.vendor != "" {
		if dir := filepath.Join(m.vendor, filepath.FromSlash(path)); hasGoFiles(dir) {
			return dir
		}
	}
	if isStandard(path) && m.env.goroot != "" {
		if dir := filepath.Join(m.env.goroot, "src", filepath.FromSlash(path)); hasGoFiles(dir) {
			return dir
		}
	}
	return ""
}

func parentPath(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return ""
}

// knows reports whether a package belongs to a module that go.mod or go.work
// mention.
func (m *modules) knows(path string) bool {
	if m.vendor != "" && hasGoFiles(filepath.Join(m.vendor, filepath.FromSlash(path))) {
		return true
	}
	for prefix := path; prefix != ""; prefix = parentPath(prefix) {
		if len(m.rootsOf(prefix)) > 0 {
			return true
		}
	}
	return false
}

// rootsOf returns where the module with this path may be.
func (m *modules) rootsOf(path string) []string {
	if dir, ok := m.main[path]; ok {
		return []string{dir}
	}
	if m.vendor != "" {
		return nil // what is not in there is not part of the build
	}
	version, required := m.require[path]
	to, ok := m.replace[module.Version{Path: path, Version: version}]
	if !ok {
		to, ok = m.replace[module.Version{Path: path}]
	}
	switch {
	case ok && to.dir != "":
		return []string{to.dir}
	case ok:
		return m.cached(to.mod)
	case required:
		return m.cached(module.Version{Path: path, Version: version})
	}
	return nil
}

func (m *modules) cached(mod module.Version) []string {
	path, err := module.EscapePath(mod.Path)
	if err != nil {
		return nil
	}
	version, err := module.EscapeVersion(mod.Version)
	if err != nil {
		return nil
	}
	return []string{filepath.Join(m.env.modcache, filepath.FromSlash(path)+"@"+version)}
}

// isStandard reports whether a path looks like one of the standard library.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// isLocal reports whether a file is in a main module of the run.
func (l *Loader) isLocal(path string) bool {
	for _, m := range l.modules {
		for _, root := range m.main {
			rel, err := filepath.Rel(root, path)
			if err == nil && filepath.IsLocal(rel) && !strings.HasPrefix(rel, "vendor"+string(filepath.Separator)) {
				return true
			}
		}
	}
	return false
}
