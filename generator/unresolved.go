package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// explain returns why the type of a field is not known. The words of the type
// checker are best, where it has any.
func (in *inspection) explain(v *types.Var) string {
	why := "the type can't be resolved: a package that it is made of is not there; go mod download gets those that go.mod requires"
	for _, e := range in.unit.Errors {
		if field := in.fields[v.Pos()]; field != nil && within(e.Pos, field.Type) {
			why = "the type can't be resolved: " + e.Msg
		}
	}
	// An error at an import is about every type that comes from there.
	for _, imported := range in.importsOf(v) {
		path, _ := strconv.Unquote(imported.Value)
		missing := func(e types.Error) bool {
			return within(e.Pos, imported) || strings.Contains(e.Msg, "could not import "+path+" ")
		}
		if slices.ContainsFunc(in.unit.Errors, missing) {
			return "package " + imported.Value + " is not there; go mod download gets it if go.mod requires it"
		}
	}
	return why
}

func within(pos token.Pos, n ast.Node) bool { return n.Pos() <= pos && pos < n.End() }

// importsOf returns the imports that the type of a field mentions.
func (in *inspection) importsOf(v *types.Var) (paths []*ast.BasicLit) {
	field := in.fields[v.Pos()]
	if field == nil {
		return nil
	}
	ast.Inspect(field.Type, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		for _, f := range in.unit.Files {
			if !within(v.Pos(), f) {
				continue
			}
			for _, spec := range f.Imports {
				path, _ := strconv.Unquote(spec.Path.Value)
				name := load.GuessName(path)
				if spec.Name != nil {
					name = spec.Name.Name
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
					paths = append(paths, spec.Path)
				}
			}
		}
		return true
	})
	return paths
}

// checkArguments reports a field whose type can't be resolved, but is made of a
// struct with file fields, such as datatypes.JSONSlice[Picture]: the names in it are
// the record's, and would be missed where the package is not there.
func (in *inspection) checkArguments(v *types.Var, owner string) {
	field := in.fields[v.Pos()]
	if field == nil || v.Pkg() != in.pkg || !isInvalid(innermost(v.Type())) {
		return
	}
	ast.Inspect(field.Type, func(n ast.Node) bool {
		var args []ast.Expr
		switch x := n.(type) {
		case *ast.IndexExpr:
			args = []ast.Expr{x.Index}
		case *ast.IndexListExpr:
			args = x.Indices
		}
		for _, arg := range args {
			if t := in.typeAt(arg); t != nil && in.hasFileFields(t) {
				in.ds.Add(in.at(v), "%s.%s: %s has file fields, but %s", owner, v.Name(), in.nameOf(t), in.explain(v))
				return false
			}
		}
		return true
	})
}

// typeAt returns the type of this package that an expression names, through pointers
// and lists, or nil.
func (in *inspection) typeAt(x ast.Expr) types.Type {
	switch x := ast.Unparen(x).(type) {
	case *ast.StarExpr:
		return in.typeAt(x.X)
	case *ast.ArrayType:
		return in.typeAt(x.Elt)
	case *ast.MapType:
		return in.typeAt(x.Value)
	case *ast.Ident:
		if name, ok := in.pkg.Scope().Lookup(x.Name).(*types.TypeName); ok {
			return name.Type()
		}
	}
	return nil
}

// innermost returns what a type points to, or holds many of.
func innermost(t types.Type) types.Type {
	for range 8 {
		next, ok := t.Underlying().(interface{ Elem() types.Type })
		if !ok {
			return t
		}
		t = next.Elem()
	}
	return t
}
