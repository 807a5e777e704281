package load

import (
	"go/ast"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// ref is a name that a type is made of.
type ref struct {
	path string // "": of the same package
	name string
	// opaque says that it is the type of a struct field without a tag, or of a
	// part of one: if it comes from the standard library, it has no file fields
	// and need not be looked at.
	opaque bool
	arity  int // how many type arguments it was given
}

// refsIn returns what the types below a node are made of: names of other
// packages, and, for a package of others, names of its own. Function types are
// passed over, since nothing stored is one, but for methods that name files.
func (l *Loader) refsIn(m *modules, f *ast.File, of *foreign, node ast.Node) []ref {
	v := &refVisitor{l: l, m: m, file: f, own: of != nil, dots: dotImports(f)}
	switch n := node.(type) {
	case *ast.File:
		for _, d := range n.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if t, ok := s.(*ast.TypeSpec); ok {
						ast.Walk(v, t)
					}
				}
			case *ast.FuncDecl:
				if d.Name.Name == "FileNames" {
					v.visitFields(d.Type.Params, d.Type.Results)
				}
			}
		}
	case *ast.FuncType:
		v.visitFields(n.Params, n.Results)
	default:
		ast.Walk(v, node)
	}
	return v.refs
}

type refVisitor struct {
	l      *Loader
	m      *modules
	file   *ast.File
	own    bool     // whether names without a package count
	dots   []string // the packages that are imported with a dot
	opaque bool     // inside an untagged field
	arity  int      // of the type that comes next
	refs   []ref
}

// Visit implements [ast.Visitor].
func (v *refVisitor) Visit(n ast.Node) ast.Visitor {
	inner := *v
	switch n := n.(type) {
	case *ast.StructType:
		for _, f := range n.Fields.List {
			inner.opaque = len(f.Names) > 0 && (f.Tag == nil || !strings.Contains(f.Tag.Value, "file:"))
			ast.Walk(&inner, f.Type)
		}
	case *ast.InterfaceType:
		for _, f := range n.Methods.List {
			if fn, ok := f.Type.(*ast.FuncType); ok && len(f.Names) == 1 && f.Names[0].Name == "FileNames" {
				inner.visitFields(fn.Params, fn.Results)
			} else {
				ast.Walk(&inner, f.Type)
			}
		}
	case *ast.FuncType:
	case *ast.ArrayType:
		if n.Len != nil {
			length := *v
			length.opaque = false
			ast.Walk(&length, n.Len)
			inner.refs = length.refs
		}
		ast.Walk(&inner, n.Elt)
	case *ast.IndexExpr:
		inner.arity = 1
		ast.Walk(&inner, n.X)
		inner.arity = 0
		ast.Walk(&inner, n.Index)
	case *ast.IndexListExpr:
		inner.arity = len(n.Indices)
		ast.Walk(&inner, n.X)
		inner.arity = 0
		for _, x := range n.Indices {
			ast.Walk(&inner, x)
		}
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok {
			inner.add(v.l.importNamed(v.m, v.file, x.Name), n.Sel.Name)
		}
	case *ast.Ident:
		if v.own {
			inner.add("", n.Name)
		}
		for _, path := range v.dots {
			inner.add(path, n.Name)
		}
	default:
		return v
	}
	v.refs = inner.refs
	return nil
}

func (v *refVisitor) add(path, name string) {
	if path == "" && !v.own {
		return
	}
	v.refs = append(v.refs, ref{path: path, name: name, opaque: v.opaque, arity: v.arity})
}

func (v *refVisitor) visitFields(lists ...*ast.FieldList) {
	for _, l := range lists {
		if l == nil {
			continue
		}
		for _, f := range l.List {
			ast.Walk(v, f.Type)
		}
	}
}

func dotImports(f *ast.File) (paths []string) {
	for _, spec := range f.Imports {
		if spec.Name != nil && spec.Name.Name == "." {
			paths = append(paths, importPath(spec))
		}
	}
	return paths
}

func importPaths(f *ast.File) (paths []string) {
	for _, spec := range f.Imports {
		paths = append(paths, importPath(spec))
	}
	return paths
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	return p
}

// importNamed returns the path of the package that a file knows by a name. The
// name of a package is in its source; most can be told by their path.
func (l *Loader) importNamed(m *modules, f *ast.File, name string) string {
	var unsure []string
	for _, spec := range f.Imports {
		p := importPath(spec)
		switch {
		case spec.Name != nil && spec.Name.Name == name:
			return p
		case spec.Name != nil:
		case GuessName(p) == name:
			return p
		default:
			unsure = append(unsure, p)
		}
	}
	for _, p := range unsure {
		if l.standard(m, p) {
			continue
		}
		if o := l.foreign(m, p); o.dir != nil && o.name() == name {
			return p
		}
	}
	return ""
}

// name returns the name in the package clause.
func (f *foreign) name() string {
	for _, file := range f.dir.files {
		if !file.test && !file.never {
			return packageName(file)
		}
	}
	return ""
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// GuessName returns the name that a package most likely has.
func GuessName(p string) string {
	base := path.Base(p)
	if version.MatchString(base) && strings.Contains(p, "/") {
		base = path.Base(path.Dir(p))
	}
	if i := strings.Index(base, ".v"); i > 0 {
		base = base[:i] // gopkg.in/yaml.v3
	}
	return strings.TrimPrefix(base, "go-")
}
