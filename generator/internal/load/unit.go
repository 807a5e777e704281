package load

import (
	"errors"
	"go/build/constraint"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
)

// draft is a package on its way to be loaded.
type draft struct {
	*Package
	modules *modules
	files   []*file // of the package itself
	beside  []*file // for test files: those that they are compiled with
	tagged  bool    // a file may have tags or directives, or types lead to some
	refs    []ref   // see probe
	units   []*Unit
}

// draftsOf sorts the files of a directory into the packages it has, without
// those that can't have file fields. Test packages count only if they have tags
// themselves: a test that embeds a record is no record.
func (l *Loader) draftsOf(d *directory) (drafts []*draft) {
	var files [3][]*file
	for _, f := range d.files {
		if f.never {
			continue
		}
		v := Source
		if f.test {
			v = Tests
			if strings.HasSuffix(packageName(f), "_test") {
				v = ExternalTests
			}
		}
		files[v] = append(files[v], f)
	}
	for v, list := range files {
		tagged := slices.ContainsFunc(list, (*file).mentions)
		if !tagged && (Variant(v) != Source || !slices.ContainsFunc(list, (*file).declaresTypes)) {
			continue
		}
		p := &draft{Package: &Package{Dir: d.path, Variant: Variant(v)}, modules: l.modulesOf(d.path), files: list, tagged: tagged}
		if p.Path = p.modules.pathOf(d.path); p.Path != "" && p.Variant == ExternalTests {
			p.Path += "_test"
		}
		switch {
		case Variant(v) == Tests:
			p.beside = files[Source]
		case Variant(v) == Source && tagged:
			p.Beside = namesIn(files[Tests])
		}
		drafts = append(drafts, p)
	}
	return drafts
}

var topLevel = regexp.MustCompile(`(?m)^(?:func|var|const|type)[ \t]+(\pL[\pL\pN_]*)`)

// namesIn returns the names that files declare, without parsing them.
func namesIn(files []*file) (names []string) {
	for _, f := range files {
		for _, m := range topLevel.FindAllSubmatch(f.text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}

func (l *Loader) modulesOf(dir string) *modules {
	root := rootOf(dir, "go.mod")
	if root == "" {
		root = l.dir
	}
	m, ok := l.modules[root]
	if !ok {
		m = newModules(l.env, root)
		l.modules[root] = m
	}
	return m
}

// packageName returns the name in the package clause, or "".
func packageName(f *file) string {
	if f.syntax != nil {
		return f.syntax.Name.Name
	}
	s, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.PackageClauseOnly)
	if err != nil {
		return ""
	}
	return s.Name.Name
}

// complete parses the files of a package and groups them into units: one for
// the usual platform, and one more for each build constraint that it does not
// meet.
func (l *Loader) complete(d *draft) (ds diag.Diagnostics) {
	for _, f := range d.files {
		if f.badHeader != nil {
			ds.Add(token.Position{Filename: f.path}, "build constraint: %v", f.badHeader)
		}
	}
	d.Constraint = sharedConstraint(d.files)
	// The usual platform comes first.
	usual := satisfying(nil, l.tags)
	var files, unusual []*file
	for _, f := range d.files {
		if usual.holds(f.constraint) {
			files = append(files, f)
		} else {
			unusual = append(unusual, f)
		}
	}
	taken := map[*file]bool{}
	for _, f := range append(files, unusual...) {
		if taken[f] || !f.declaresTypes() && !f.mentions() {
			continue
		}
		p := satisfying(f.constraint, l.tags)
		if p == nil {
			continue // no build has this file
		}
		u := &Unit{Fset: l.fset, Facts: l.facts}
		ds = append(ds, l.addFiles(d, u, p, taken)...)
		d.units = append(d.units, u)
	}
	return ds
}

// sharedConstraint returns the build constraint that all files have, or "".
func sharedConstraint(files []*file) string {
	if len(files) == 0 || files[0].constraint == nil {
		return ""
	}
	shared := files[0].constraint.String()
	for _, f := range files[1:] {
		if f.constraint == nil || f.constraint.String() != shared {
			return ""
		}
	}
	return shared
}

// addFiles adds the files that are compiled on a platform. Files that have been
// taken by an earlier unit are only there to be known.
func (l *Loader) addFiles(d *draft, u *Unit, p *platform, taken map[*file]bool) (ds diag.Diagnostics) {
	name := ""
	for i, f := range slices.Concat(d.files, d.beside) {
		if !p.holds(f.constraint) {
			continue
		}
		beside := i >= len(d.files)
		syntax, err := l.parse(f)
		if err != nil {
			if !beside && !taken[f] {
				ds = append(ds, syntaxErrors(f.path, err)...)
			}
			taken[f] = true
			continue
		}
		if name == "" {
			name = syntax.Name.Name
		}
		if syntax.Name.Name != name {
			if !taken[f] {
				ds.Add(l.fset.Position(syntax.Name.Pos()), "package %s; other files in this directory are package %s", syntax.Name.Name, name)
			}
			taken[f] = true
			continue
		}
		u.Files = append(u.Files, File{File: syntax, Constraint: d.beyondShared(f.constraint), Ours: !beside && !taken[f]})
		taken[f] = true
	}
	d.Name = name
	return ds
}

func (d *draft) beyondShared(e constraint.Expr) string {
	if e == nil || e.String() == d.Constraint {
		return ""
	}
	return e.String()
}

func syntaxErrors(path string, err error) (ds diag.Diagnostics) {
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		ds.Add(token.Position{Filename: path}, "%v", err)
	}
	for _, e := range list {
		ds.Add(e.Pos, "%s", e.Msg)
	}
	return ds
}
