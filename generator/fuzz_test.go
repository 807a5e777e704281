package generator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// FuzzGenerate: whatever parses as Go neither makes the generator panic nor
// makes it write something that does not parse.
func FuzzGenerate(f *testing.F) {
	for _, seed := range []string{
		"package p\n\ntype A struct {\n\tID int\n\tF string `file:\"m,default=a\"`\n}\n",
		"package p\n\nimport \"database/sql\"\n\ntype N string\n\ntype A struct {\n\tF, G []*N `file:\"m\"`\n\tH sql.NullString `file:\"\"`\n\t*B\n}\n\ntype B struct{ *A }\n",
		"package p\n\ntype (\n\tA[T any, U ~string] struct {\n\t\tF U `file:\"m\"`\n\t\tG string `file:\"m\"`\n\t}\n\tC A[int, string]\n\tD = A[int, string]\n)\n\nfunc f() { var x struct{ F string `file:\"m\"` } }\n",
		"package p\n\ntype L []L\ntype A struct { F L `file:\"m\"`; _ string `file:\"m\"` }\ntype FileTypes int\nfunc (A) FileKey() {}\nvar runtime int\n",
		"package p\n\nimport . \"x\"\n\ntype A struct { x.B; C `file:\"m\"`; *D `file:\"-\"` }\ntype string int\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &source{fset: token.NewFileSet(), dir: "/p"}
		file, err := parser.ParseFile(s.fset, "p.go", text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return
		}
		s.name, s.files = file.Name.Name, []*ast.File{file}
		in := newInspection(s, importer{})
		p := in.model()
		for _, d := range in.ds {
			if d.Message == "" {
				t.Errorf("empty message at %s", d.Pos)
			}
		}
		if len(p.Structs) == 0 || len(in.ds) > 0 {
			return
		}
		if _, err := render(p); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	})
}
