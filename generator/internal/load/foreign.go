package load

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// foreign is a package of others: the declarations that types of ours are made
// of, and no more.
type foreign struct {
	path     string
	dir      *directory // nil: it was not found
	modules  *modules
	platform *platform
	decls    map[string]*declaration // what was asked for; nil if it has none of that name
	opaque   map[string]int          // types of the standard library whose inside does not matter, and their number of type parameters
	checked  *types.Package
	checking bool
}

type foreignKey struct {
	modules *modules
	path    string
}

// declaration is one declaration at package level.
type declaration struct {
	file *ast.File
	decl ast.Decl
	refs []ref
	// tagged says that it is a struct with a tag that may be ours.
	tagged bool
	// reaches is 1 if a tag can be reached from it, 2 if not, 3 while this is
	// being found out.
	reaches uint8
}

func (d *declaration) pos() token.Pos {
	if d == nil {
		return token.NoPos
	}
	return d.decl.Pos()
}

// need finds what the types of a package are made of, and returns what could
// not be found.
func (l *Loader) need(d *draft) (missing []*want) {
	for _, u := range d.units {
		var refs []ref
		for _, f := range u.Files {
			refs = append(refs, l.refsIn(d.modules, f.File, nil, f.File)...)
		}
		missing = append(missing, l.follow(d.modules, refs)...)
	}
	return missing
}

type want struct {
	modules *modules
	ref     ref
}

// follow declares what refs need in other packages, and what that needs, and
// returns what could not be found.
func (l *Loader) follow(m *modules, refs []ref) (missing []*want) {
	queue := slices.Clone(refs)
	for len(queue) > 0 {
		r := queue[0]
		queue = queue[1:]
		if r.path == "" || r.path == "C" || r.path == "unsafe" {
			continue
		}
		f := l.foreign(m, r.path)
		switch {
		case f.dir == nil && (!r.opaque || !l.standard(m, r.path)):
			missing = append(missing, &want{m, r})
		case r.opaque && l.standard(m, r.path):
			if f.opaque == nil {
				f.opaque = map[string]int{}
			}
			f.opaque[r.name] = max(f.opaque[r.name], r.arity)
		default:
			queue = append(queue, l.declare(f, r.name)...)
		}
	}
	return missing
}

// foreign returns what is known of a package, and looks for it where that was
// not done yet.
func (l *Loader) foreign(m *modules, path string) *foreign {
	key := foreignKey{m, path}
	f := l.others[key]
	if f == nil {
		f = &foreign{path: path, modules: m, decls: map[string]*declaration{}, platform: satisfying(nil, l.tags)}
		l.others[key] = f
	}
	if f.dir != nil {
		return f
	}
	dir := l.asked[path]
	if dir == "" && !l.env.foreign {
		dir = m.dirOf(path)
	}
	if dir == "" {
		return f
	}
	if l.dirs[dir] == nil {
		if d, _, err := l.readDirectory(dir, false); err == nil {
			l.dirs[dir] = d
		}
	}
	f.dir = l.dirs[dir]
	return f
}

// standard reports whether a package is one of the standard library.
func (l *Loader) standard(m *modules, path string) bool {
	return isStandard(path) && !m.knows(path)
}

// declare finds the declaration of a name, with what belongs to it, and returns
// what they refer to that was not followed yet.
func (l *Loader) declare(f *foreign, name string) (more []ref) {
	if _, done := f.decls[name]; done {
		return nil
	}
	f.decls[name] = nil
	for _, file := range f.declaring(name) {
		syntax, err := l.parse(file)
		if err != nil {
			continue
		}
		if decl, spec := find(syntax, name); decl != nil {
			d := &declaration{file: syntax, decl: decl, tagged: hasTag(decl)}
			d.refs = l.refsIn(f.modules, syntax, f, spec)
			l.facts.add(decl)
			f.decls[name] = d
			more = append(more, d.refs...)
			more = append(more, l.declareMethods(f, name)...)
			break
		}
	}
	// Names without a path are declared by the same package.
	var outside []ref
	for _, r := range more {
		if r.path == "" {
			outside = append(outside, l.declare(f, r.name)...)
		} else {
			outside = append(outside, r)
		}
	}
	return outside
}

// declareMethods adds the methods of a type that matter.
func (l *Loader) declareMethods(f *foreign, receiver string) (more []ref) {
	for _, file := range f.dir.withMethods(l.methods) {
		if file.test || !f.platform.holds(file.constraint) {
			continue
		}
		syntax, err := l.parse(file)
		if err != nil {
			continue
		}
		for _, d := range syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && l.methods[fn.Name.Name] && receiverName(fn) == receiver {
				l.facts.add(fn)
				m := &declaration{file: syntax, decl: fn, refs: l.refsIn(f.modules, syntax, f, fn.Type)}
				f.decls[receiver+"."+fn.Name.Name] = m
				more = append(more, m.refs...)
			}
		}
	}
	return more
}

// declaring returns the files that may declare a name, those of the usual
// platform first: a type may be there on another one only.
func (f *foreign) declaring(name string) (files []*file) {
	var others []*file
	for _, file := range f.dir.declaring(name) {
		switch {
		case file.test || file.never:
		case f.platform.holds(file.constraint):
			files = append(files, file)
		default:
			others = append(others, file)
		}
	}
	return append(files, others...)
}

func receiverName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) != 1 {
		return ""
	}
	t := ast.Unparen(fn.Recv.List[0].Type)
	if p, ok := t.(*ast.StarExpr); ok {
		t = ast.Unparen(p.X)
	}
	switch x := t.(type) {
	case *ast.IndexExpr:
		t = x.X
	case *ast.IndexListExpr:
		t = x.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// find returns the declaration of a name, alone or with all of its group if it
// is a constant, and what to look for references in.
func find(f *ast.File, name string) (ast.Decl, ast.Node) {
	for _, d := range f.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.Name == name {
					return &ast.GenDecl{Doc: group.Doc, Tok: token.TYPE, TokPos: s.Pos(), Lparen: group.Lparen, Specs: []ast.Spec{s}}, s
				}
			case *ast.ValueSpec:
				if group.Tok == token.CONST && slices.ContainsFunc(s.Names, func(id *ast.Ident) bool { return id.Name == name }) {
					return group, group
				}
			}
		}
	}
	return nil, nil
}

// hasTag reports whether a declaration has a struct tag that may be ours.
func hasTag(decl ast.Node) (has bool) {
	ast.Inspect(decl, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok && f.Tag != nil && strings.Contains(f.Tag.Value, "file:") {
			has = true
		}
		return !has
	})
	return has
}

// tagged reports whether a tag that may be ours can be reached from a ref.
func (l *Loader) tagged(m *modules, r ref) bool {
	f := l.others[foreignKey{m, r.path}]
	return f != nil && l.reaches(f, r.name)
}

func (l *Loader) reaches(f *foreign, name string) bool {
	d := f.decls[name]
	if d == nil || d.reaches == 3 {
		return false
	}
	if d.reaches != 0 {
		return d.reaches == 1
	}
	d.reaches = 3
	found := d.tagged
	for _, r := range d.refs {
		if found {
			break
		}
		if r.path == "" {
			found = l.reaches(f, r.name)
		} else {
			found = l.tagged(f.modules, r)
		}
	}
	d.reaches = 2
	if found {
		d.reaches = 1
	}
	return found
}

// askForDirs asks the go command where packages are: those that are missing,
// and all that they import, so that once is enough.
func (l *Loader) askForDirs(missing []*want) {
	l.asked = map[string]string{}
	var paths []string
	for _, w := range missing {
		paths = append(paths, w.ref.path)
	}
	slices.Sort(paths)
	found, _, err := l.ask(slices.Compact(paths), packages.NeedName|packages.NeedFiles|packages.NeedImports|packages.NeedDeps)
	if err != nil {
		return // they stay missing, which is reported where it matters
	}
	packages.Visit(found, nil, func(p *packages.Package) {
		if len(p.GoFiles) > 0 {
			l.asked[p.PkgPath] = filepath.Dir(p.GoFiles[0])
		}
	})
}
