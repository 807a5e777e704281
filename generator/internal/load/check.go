package load

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
)

// check type-checks the declarations of all units, against what is known of
// other packages.
func (l *Loader) check(d *draft) (ds diag.Diagnostics) {
	for _, u := range d.units {
		files := make([]*ast.File, len(u.Files))
		for i, f := range u.Files {
			files[i] = l.declarationsOf(f.File)
			u.Files[i].Dots = l.taggedDots(d.modules, f.File)
		}
		pkg, err := checkFiles(d.Name, l.fset, files, importer{l, d.modules}, func(e types.Error) { u.Errors = append(u.Errors, e) })
		if err != nil && d.tagged {
			ds.Add(token.Position{Filename: d.Dir}, "the types of this package can't be checked: %v; mend what does not compile", err)
		}
		u.Types = pkg
		d.Units = append(d.Units, u)
	}
	return ds
}

// declarationsOf returns a file with what matters of its declarations: types,
// constants, the methods that matter, and the names of functions and variables.
func (l *Loader) declarationsOf(f *ast.File) *ast.File {
	short := &ast.File{Package: f.Package, Name: f.Name, FileStart: f.FileStart, FileEnd: f.FileEnd, GoVersion: f.GoVersion}
	for _, d := range f.Decls {
		l.facts.add(d)
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				short.Decls = append(short.Decls, variables(d.Name))
			} else if l.methods[d.Name.Name] {
				short.Decls = append(short.Decls, d)
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				short.Decls = append(short.Decls, d)
				continue
			}
			for _, s := range d.Specs {
				if v, ok := s.(*ast.ValueSpec); ok {
					short.Decls = append(short.Decls, variables(v.Names...))
				}
			}
		default:
			short.Decls = append(short.Decls, d)
		}
	}
	return short
}

// variables declares names as something that takes no time to check.
func variables(names ...*ast.Ident) ast.Decl {
	if names[0].Name == "init" || names[0].Name == "main" {
		names = []*ast.Ident{ast.NewIdent("_")}
	}
	return &ast.GenDecl{Tok: token.VAR, TokPos: names[0].Pos(), Specs: []ast.Spec{&ast.ValueSpec{Names: names, Type: &ast.StructType{Fields: &ast.FieldList{}}}}}
}

// checkFiles returns the types of a package. What is wrong with them is reported,
// and an error means that nothing is known of them: on code that does not compile
// the type checker may fail itself.
func checkFiles(path string, fset *token.FileSet, files []*ast.File, imports types.Importer, report func(types.Error)) (pkg *types.Package, err error) {
	defer func() {
		if r := recover(); r != nil {
			pkg, err = emptyPackage(path), fmt.Errorf("%v", r)
		}
	}()
	config := types.Config{
		Importer:         imports,
		IgnoreFuncBodies: true,
		FakeImportC:      true,
		Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); ok {
				report(e)
			}
		},
	}
	pkg, _ = config.Check(path, fset, files, nil) // errors are reported
	return pkg, nil
}

// taggedDots returns the imports with a dot of packages that have file tags.
func (l *Loader) taggedDots(m *modules, f *ast.File) (specs []*ast.ImportSpec) {
	for _, spec := range f.Imports {
		if spec.Name == nil || spec.Name.Name != "." {
			continue
		}
		o := l.others[foreignKey{m, importPath(spec)}]
		if o != nil && o.dir != nil && slices.ContainsFunc(o.dir.files, func(f *file) bool { return !f.test && f.mentions() }) {
			specs = append(specs, spec)
		}
	}
	return specs
}

// importer gives the type checker what is known of other packages.
type importer struct {
	l *Loader
	m *modules
}

var errNotFound = errors.New("not found")

// Import implements [types.Importer].
func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	f := i.l.others[foreignKey{i.m, path}]
	if f == nil { // nothing that matters comes from there
		return emptyPackage(path), nil
	}
	if f.dir == nil && len(f.opaque) == 0 {
		return nil, errNotFound
	}
	if f.checked == nil && !f.checking {
		f.checking = true
		i.l.checkForeign(f)
	}
	if f.checked == nil {
		return emptyPackage(path), nil // an import cycle
	}
	return f.checked, nil
}

func emptyPackage(path string) *types.Package {
	p := types.NewPackage(path, GuessName(path))
	p.MarkComplete()
	return p
}

// checkForeign type-checks the declarations that are needed of a package.
func (l *Loader) checkForeign(f *foreign) {
	// In an order that does not depend on who asked for what: of code with errors,
	// types depend on it.
	names := slices.SortedFunc(maps.Keys(f.decls), func(a, b string) int {
		return cmp.Compare(f.decls[a].pos(), f.decls[b].pos())
	})
	byFile := map[*ast.File][]ast.Decl{}
	var order []*ast.File
	for _, name := range names {
		d := f.decls[name]
		if d == nil {
			continue
		}
		if byFile[d.file] == nil {
			order = append(order, d.file)
		}
		if !slices.Contains(byFile[d.file], d.decl) {
			byFile[d.file] = append(byFile[d.file], d.decl)
		}
	}
	slices.SortFunc(order, func(a, b *ast.File) int {
		return cmp.Compare(l.fset.Position(a.Package).Filename, l.fset.Position(b.Package).Filename)
	})
	var files []*ast.File
	for _, file := range order {
		files = append(files, &ast.File{
			Package: file.Package, Name: file.Name, FileStart: file.FileStart, FileEnd: file.FileEnd,
			Decls: append(importDecls(file), byFile[file]...),
		})
	}
	if opaque := f.opaqueFile(); opaque != nil {
		files = append(files, opaque)
	}
	f.checked, _ = checkFiles(f.path, l.fset, files, importer{l, f.modules}, func(types.Error) {}) // then its types can't be resolved
}

func importDecls(f *ast.File) (decls []ast.Decl) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			decls = append(decls, g)
		}
	}
	return decls
}

// opaqueFile declares the types whose inside does not matter as empty structs.
func (f *foreign) opaqueFile() *ast.File {
	file := &ast.File{Name: ast.NewIdent(GuessName(f.path))}
	for name, arity := range f.opaque {
		if f.decls[name] != nil {
			continue
		}
		spec := &ast.TypeSpec{Name: ast.NewIdent(name), Type: &ast.StructType{Fields: &ast.FieldList{}}}
		if arity > 0 {
			spec.TypeParams = &ast.FieldList{}
			for i := range arity {
				spec.TypeParams.List = append(spec.TypeParams.List,
					&ast.Field{Names: []*ast.Ident{ast.NewIdent("T" + strconv.Itoa(i))}, Type: ast.NewIdent("any")})
			}
		}
		file.Decls = append(file.Decls, &ast.GenDecl{Tok: token.TYPE, Specs: []ast.Spec{spec}})
	}
	if len(file.Decls) == 0 {
		return nil
	}
	return file
}
