package generator

import (
	"bytes"
	"context"
	"errors"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// FuzzModules: no module, whatever its packages are made of and how they hang
// together, makes the generator panic, or write something that gofmt would write
// differently, or not at all, or something else the second time.
func FuzzModules(f *testing.F) {
	f.Setenv("PATH", "") // packages that are not there are not asked for
	for _, seed := range []string{
		"package p\n\ntype A struct {\n\tID int\n\tF string `file:\"m,default=a\"`\n}\n",
		"package p\n\nimport \"database/sql\"\n\ntype N string\n\ntype A struct {\n\tF, G []*N `file:\"m\"`\n\tH sql.NullString `file:\"\"`\n\t*B\n}\n\ntype B struct{ *A }\n",
		"package p\n\ntype (\n\tA[T any, U ~string] struct {\n\t\tF U `file:\"m\"`\n\t\tG string `file:\"m\"`\n\t}\n\tC A[int, string]\n\tD = A[int, string]\n)\n\nfunc f() { var x struct{ F string `file:\"m\"` } }\n",
		"package p\n\ntype L []L\ntype A struct { F L `file:\"m\"`; _ string `file:\"m\"` }\ntype FileTypes int\nfunc (A) FileKey() {}\nvar runtime int\n",
		"package p\n\nimport . \"x\"\n\ntype A struct { x.B; C `file:\"m\"`; *D `file:\"-\"` }\ntype string int\n",
		"package p\n\ntype N struct { F string `file:\"m,derived={stem}.x,prune,column=c\"`; Kids []N; M map[string]*N; P [2]P }\ntype P struct { ID, NID int; G []string `file:\",keep\"`; O *N }\n",
		"package p\n\n//filecleangen:key A B.C\ntype N struct { A int; B; F struct { V string; Valid bool } `file:\"m\"` }\ntype B struct { C [16]byte; X struct { G string `file:\"m\"` } }\n//filecleangen:ignore\ntype I struct { B }\n",
		"package p\n\ntype S string\nfunc (S) FileNames() func(func(string) bool) { return nil }\ntype N struct { S `file:\"m\"`; M map[int][3]struct{ T []**S `file:\"m\"` } }\n",

		"-- a/a.go --\npackage a\n\nimport \"example.com/m/b\"\n\ntype A struct {\n\tID int\n\tF string `file:\"m\"`\n\tB b.B\n}\n-- b/b.go --\npackage b\n\nimport \"example.com/m/c\"\n\ntype B struct{ C c.C }\n-- c/c.go --\npackage c\n\nimport \"example.com/m/a\"\n\ntype C struct{ N *a.A }\n",
		"-- a/a.go --\npackage a\n\nimport . \"example.com/m/b\"\n\ntype T[P any] struct { B[[]P]; Next *T[*P] }\ntype U struct { T[int] `gorm:\"embedded\"`; F V `db:\"f\"` }\n-- b/b.go --\npackage b\n\ntype B[P any] struct { ID int; F string `file:\"m\"`; X map[string]B[P]; y P }\ntype V []*B[int]\n\nfunc (v V) Value() (any, error) { return json.Marshal(v) }\n-- b/b_test.go --\npackage b_test\n\nimport \"example.com/m/b\"\n\ntype E struct { b.B[string]; Edges Edges; G string `file:\"m\"` }\ntype Edges struct { loadedTypes [1]bool; E []*E }\n",
	} {
		f.Add(seed)
	}
	scenarios, err := filepath.Glob("../testdata/script/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range scenarios {
		text, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		archive := txtar.Parse([]byte(text))
		if len(archive.Files) == 0 {
			archive.Files = []txtar.File{{Name: "p.go", Data: []byte(text)}}
		}
		dir := t.TempDir()
		if writeModule(dir, archive) {
			generateTwice(t, dir)
		}
	})
}

// writeModule writes a module, and reports whether it has names that files can
// have.
func writeModule(dir string, archive *txtar.Archive) bool {
	archive.Files = append([]txtar.File{{Name: "go.mod", Data: []byte("module example.com/m\n\ngo 1.26.0\n")}}, archive.Files...)
	for _, f := range archive.Files {
		name := filepath.FromSlash(f.Name)
		if !filepath.IsLocal(name) || name == "." || strings.ContainsRune(name, 0) || f.Name == "go.work" {
			return false
		}
		path := filepath.Join(dir, name)
		if os.MkdirAll(filepath.Dir(path), 0o755) != nil || os.WriteFile(path, f.Data, 0o644) != nil {
			return false
		}
	}
	return true
}

// failer is a test, or one case of rapid's.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// generateTwice generates for all of a module, each time with a second set of
// flags, too, and checks what comes out.
func generateTwice(t failer, dir string) {
	t.Helper()
	for _, cfg := range []Config{{}, {Snapshot: "Names{type}", Select: true, Hooks: HooksNone}, {Hooks: HooksGorm}} {
		cfg.Dir, cfg.Patterns = dir, []string{"./..."}
		result, err := Generate(context.Background(), cfg)
		if err != nil {
			checkDiagnostics(t, err)
			continue
		}
		if slices.ContainsFunc(result.Files, func(f File) bool { return f.Content == nil }) {
			continue // a file that is removed remembers no flags
		}
		for _, f := range result.Files {
			formatted, err := format.Source(f.Content)
			if err != nil {
				t.Fatalf("%s: %v\n%s", f.Path, err, f.Content)
			}
			if unused := unusedIn(f.Content); unused != "" {
				t.Fatalf("%s: %s\n%s", f.Path, unused, f.Content)
			}
			if !bytes.Equal(f.Content, formatted) {
				t.Fatalf("gofmt would write %s differently:\n%s", f.Path, f.Content)
			}
		}
		var dirs []string // with flags to remember
		for _, f := range result.Files {
			if _, err := f.Write(); err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, filepath.Dir(f.Path))
		}
		again, err := Generate(context.Background(), Config{Dir: dir, Patterns: dirs})
		if err != nil {
			t.Fatalf("the second run: %v", err)
		}
		for _, f := range again.Files {
			if _, stale, err := f.Stale(); err != nil || stale {
				t.Fatalf("the second run, with the flags of the first, changes %s: %v", f.Path, err)
			}
		}
	}
}

// unusedIn returns what a file declares or imports and does not use, which can be
// told without knowing anything else.
func unusedIn(content []byte) (what string) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "gen.go", content, parser.SkipObjectResolution)
	if err != nil {
		return err.Error()
	}
	config := types.Config{Importer: nowhere{}, Error: func(err error) {
		if strings.Contains(err.Error(), "declared and not used") {
			what = err.Error()
		}
	}}
	_, _ = config.Check("p", fset, []*ast.File{file}, nil)
	return what
}

type nowhere struct{}

func (nowhere) Import(string) (*types.Package, error) { return nil, errors.New("not found") }

func checkDiagnostics(t failer, err error) {
	t.Helper()
	ds, ok := errors.AsType[Diagnostics](err)
	if !ok {
		return
	}
	for _, d := range ds {
		if d.Message == "" || strings.Contains(d.Message, "%!") || strings.Contains(d.Message, "<nil>") {
			t.Errorf("a message that says nothing: %s: %q", d.Pos, d.Message)
		}
	}
}
