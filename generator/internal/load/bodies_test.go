package load

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

// some are the methods that matter here.
var some = map[string]bool{"FileNames": true, "Value": true, "BeforeUpdate": true}

var sources = []string{
	"package p\n\nfunc f() { return }\n\ntype A struct{ F string }\n",
	"package p\n\nfunc f(x interface{ M() }) (y struct{ A, B int }, z map[string]struct{}) {\n\treturn // }\n}\n\nfunc external(int) string\n\ntype A struct{}\n",
	"package p\n\nvar x = `\nfunc f() {\n`\n\ntype A struct{ F string `file:\"m\"` }\n\nvar y = `}`\n",
	"package p\n\nfunc f() {\n\tx := '{'\n\ty := '\\''\n\tz := \"}\\\"\"\n\t/* } */\n\t_ = x / y\n}\n\nfunc (r *A) g() { type L struct{ F string `file:\"m\"` } }\n",
	"package p\n\nfunc f[T interface{ ~string }](a [2]T) func() struct{} { return nil }\n\ntype (\n\tA, B = int\n\tC[T any] struct{}\n)\n\nconst (\n\tX, Y = iota, 1 << iota\n\tZ, _\n)\n",
	"package p\r\n\r\nfunc f() {\r\n\tg()\r\n}\r\n\r\ntype A int\r\n",
	"package p\nfunc f() {}\nfunc g() {",
}

// TestWithoutBodies: bodies go, but for those that mention a tag; all else
// stays where it is.
func TestWithoutBodies(t *testing.T) {
	for _, text := range sources {
		checkWithoutBodies(t, text)
	}
	got := withoutBodies([]byte(sources[3]), some)
	if bytes.Contains(got, []byte("'{'")) || !bytes.Contains(got, []byte("type L struct")) {
		t.Errorf("%s", got)
	}
	if got := withoutBodies([]byte(sources[2]), some); string(got) != sources[2] {
		t.Errorf("a string was taken for code:\n%s", got)
	}
}

// FuzzWithoutBodies: of a file that parses, the declarations are the same.
func FuzzWithoutBodies(f *testing.F) {
	for _, text := range sources {
		f.Add(text)
	}
	f.Fuzz(checkWithoutBodies)
}

func checkWithoutBodies(t *testing.T, text string) {
	t.Helper()
	fset := token.NewFileSet()
	whole, err := parser.ParseFile(fset, "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		return
	}
	short, err := parser.ParseFile(fset, "p.go", withoutBodies([]byte(text), some), parser.SkipObjectResolution)
	if err != nil {
		return // then the whole file is parsed
	}
	if a, b := outline(whole), outline(short); !slices.Equal(a, b) {
		t.Errorf("%v\n%v\n%q", a, b, text)
	}
}

// outline returns the names and tags outside of functions, and where they are.
func outline(f *ast.File) (list []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		at := func(what string, n ast.Node) { list = append(list, what+string(rune(n.Pos()-f.FileStart))) }
		switch n := n.(type) {
		case *ast.BlockStmt, *ast.FuncLit:
			return false
		case *ast.FuncDecl:
			if n.Recv != nil && !some[n.Name.Name] {
				return false
			}
		case *ast.Ident:
			at(n.Name, n)
		case *ast.BasicLit:
			at(n.Value, n)
		case *ast.StructType:
			at("struct", n)
		}
		return true
	})
	return list
}

// FuzzDeclaredNames: no declaration is missed in a file that gofmt has written.
func FuzzDeclaredNames(f *testing.F) {
	for _, text := range sources {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		formatted, err := format.Source([]byte(text))
		if err != nil {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", formatted, parser.SkipObjectResolution)
		if err != nil {
			return
		}
		names := declaredNames(formatted)
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range group.Specs {
				if spec, ok := s.(*ast.TypeSpec); ok && !slices.Contains(names, spec.Name.Name) {
					t.Errorf("%s is not among %q in\n%s", spec.Name.Name, names, formatted)
				}
			}
		}
	})
}

func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{
		"F string `file:\"m\"`":            true,
		"F string `json:\"x\" file:\"m\"`": true,
		`F string "file:\"m\""`:            true,
		`F string "json:\"x\" file:\"m\""`: true,
		"F string `file:m`":                true,
		"F string `json:\"x\" file:'m'`":   true,
		"//filecleangen:ignore":            true,
		"// see the file: it says why":     false,
		"profile:\"m\"":                    false,
		"fmt.Println(file:line)":           false,
		"a file:line position":             false,
		"file:":                            false,
	} {
		if got := mentions([]byte(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}
