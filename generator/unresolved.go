package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"

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
		if slices.ContainsFunc(in.unit.Errors, func(e types.Error) bool { return within(e.Pos, imported) }) {
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
