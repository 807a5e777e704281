package load

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// Facts are what syntax tells that types don't, by position.
type Facts struct {
	json  map[token.Pos]bool
	keys  map[token.Pos]bool
	local func(path string) bool
}

// NewFacts returns what the files tell.
func NewFacts(files ...*ast.File) *Facts {
	f := &Facts{json: map[token.Pos]bool{}, keys: map[token.Pos]bool{}}
	for _, file := range files {
		for _, d := range file.Decls {
			f.add(d)
		}
	}
	return f
}

// WritesJSON reports whether the method Value whose name is declared at pos
// encodes its receiver as JSON, all of it.
func (f *Facts) WritesJSON(pos token.Pos) bool { return f != nil && f.json[pos] }

// HasKey reports whether the type whose name is declared at pos has the
// directive key.
func (f *Facts) HasKey(pos token.Pos) bool { return f != nil && f.keys[pos] }

// Local reports whether a file belongs to a module that is worked on, and not to
// one that it only uses.
func (f *Facts) Local(path string) bool { return f != nil && f.local != nil && f.local(path) }

func (f *Facts) add(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if writesJSON(d) {
			f.json[d.Name.Pos()] = true
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if t, ok := s.(*ast.TypeSpec); ok && (hasKeyDirective(t.Doc) || !d.Lparen.IsValid() && hasKeyDirective(d.Doc)) {
				f.keys[t.Name.Pos()] = true
			}
		}
	}
}

func hasKeyDirective(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//filecleangen:key ")
	})
}

// writesJSON reports whether a method Value passes its receiver to a function
// Marshal.
func writesJSON(fn *ast.FuncDecl) (found bool) {
	if fn.Name.Name != "Value" || fn.Recv == nil || fn.Body == nil || len(fn.Recv.List) != 1 || len(fn.Recv.List[0].Names) != 1 {
		return false
	}
	receiver := fn.Recv.List[0].Names[0].Name
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "Marshal") && isOf(call.Args[0], receiver) {
			found = true
		}
		return !found
	})
	return found
}

// isOf reports whether an expression is a variable, a pointer to it, what it
// points to, or its conversion to a list or map.
func isOf(x ast.Expr, name string) bool {
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		return x.Name == name
	case *ast.UnaryExpr:
		return isOf(x.X, name)
	case *ast.StarExpr:
		return isOf(x.X, name)
	case *ast.CallExpr:
		switch ast.Unparen(x.Fun).(type) {
		case *ast.ArrayType, *ast.MapType:
			return len(x.Args) == 1 && isOf(x.Args[0], name)
		}
	}
	return false
}
