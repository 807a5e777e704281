package generator

import (
	"bytes"
	"errors"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// FuzzGenerate: whatever parses as Go neither makes the generator panic nor
// makes it write something that gofmt would write differently, or not at all.
func FuzzGenerate(f *testing.F) {
	for _, seed := range []string{
		"package p\n\ntype A struct {\n\tID int\n\tF string `file:\"m,default=a\"`\n}\n",
		"package p\n\nimport \"database/sql\"\n\ntype N string\n\ntype A struct {\n\tF, G []*N `file:\"m\"`\n\tH sql.NullString `file:\"\"`\n\t*B\n}\n\ntype B struct{ *A }\n",
		"package p\n\ntype (\n\tA[T any, U ~string] struct {\n\t\tF U `file:\"m\"`\n\t\tG string `file:\"m\"`\n\t}\n\tC A[int, string]\n\tD = A[int, string]\n)\n\nfunc f() { var x struct{ F string `file:\"m\"` } }\n",
		"package p\n\ntype L []L\ntype A struct { F L `file:\"m\"`; _ string `file:\"m\"` }\ntype FileTypes int\nfunc (A) FileKey() {}\nvar runtime int\n",
		"package p\n\nimport . \"x\"\n\ntype A struct { x.B; C `file:\"m\"`; *D `file:\"-\"` }\ntype string int\n",
		"package p\n\ntype N struct { F string `file:\"m,derived={stem}.x,prune,column=c\"`; Kids []N; M map[string]*N; P [2]P }\ntype P struct { ID, NID int; G []string `file:\",keep\"`; O *N }\n",
		"package p\n\n//filecleangen:key A B.C\ntype N struct { A int; B; F struct { V string; Valid bool } `file:\"m\"` }\ntype B struct { C [16]byte; X struct { G string `file:\"m\"` } }\n//filecleangen:ignore\ntype I struct { B }\n",
		"package p\n\ntype S string\nfunc (S) FileNames() func(func(string) bool) { return nil }\ntype N struct { S `file:\"m\"`; M map[int][3]struct{ T []**S `file:\"m\"` } }\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u := unitOf(text)
		if u == nil {
			return
		}
		for _, cfg := range []*Config{{Snapshot: DefaultSnapshot}, {Snapshot: "Names{type}", Select: true, Hooks: HooksNone}} {
			p, _, in := inspect(cfg, &load.Package{Name: u.Types.Name(), Dir: "/p", Units: []*load.Unit{u}})
			for _, d := range in.ds {
				if d.Message == "" {
					t.Errorf("empty message at %s", d.Pos)
				}
			}
			if len(in.ds) > 0 {
				continue
			}
			for _, o := range outputs(p, DefaultOutput) {
				source := render(p, o, cfg.withDefaults().flags())
				formatted, err := format.Source(source)
				if err != nil {
					t.Fatalf("%v\n%s\nfrom\n%s", err, source, text)
				}
				if !bytes.Equal(source, formatted) {
					t.Fatalf("gofmt would write this differently:\n%s\nfrom\n%s", source, text)
				}
			}
		}
	})
}

// unitOf checks one file, in which nothing of other packages is known.
func unitOf(text string) *load.Unit {
	u := &load.Unit{Fset: token.NewFileSet()}
	file, err := parser.ParseFile(u.Fset, "p.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || file.Name.Name == "_" {
		return nil
	}
	config := types.Config{IgnoreFuncBodies: true, FakeImportC: true, Importer: nowhere{}, Error: func(err error) {
		if e, ok := errors.AsType[types.Error](err); ok {
			u.Errors = append(u.Errors, e)
		}
	}}
	u.Types, _ = config.Check("p", u.Fset, []*ast.File{file}, nil)
	u.Files = []load.File{{File: file, Ours: true}}
	return u
}

type nowhere struct{}

func (nowhere) Import(string) (*types.Package, error) { return nil, errors.New("not found") }
