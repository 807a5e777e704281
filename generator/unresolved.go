package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"strconv"
)

// explain returns why the type of a field is not known. The words of the type
// checker are best, where it has any.
func (in *inspection) explain(v *types.Var) string {
	why := "does the package that declares it compile?"
	for _, e := range in.unit.Errors {
		if field := in.fields[v.Pos()]; field != nil && within(e.Pos, field.Type) {
			why = e.Msg
		}
		// An error at an import is about every type that comes from there.
		for _, imported := range in.importsOf(v) {
			if within(e.Pos, imported) {
				why = "package " + imported.Value + " could not be found"
			}
		}
	}
	return "the type can't be resolved: " + why
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
				name, _ := strconv.Unquote(spec.Path.Value)
				name = path.Base(name)
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
