package generator

import (
	"context"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/tools/go/packages"

	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// TestOracle: in every scenario, what is found the fast way is what is found
// when the go command finds the packages and all of them and their imports are
// type-checked.
func TestOracle(t *testing.T) {
	scenarios, err := filepath.Glob("../testdata/script/*.txtar")
	if err != nil || len(scenarios) == 0 {
		t.Fatal("no scenarios: ", err)
	}
	compared := 0
	for _, s := range scenarios {
		t.Run(strings.TrimSuffix(filepath.Base(s), ".txtar"), func(t *testing.T) {
			for _, dir := range extract(t, s) {
				compared += compareWithOracle(t, dir)
			}
		})
	}
	if compared < 90 {
		t.Errorf("only %d structs were compared", compared)
	}
}

// extract writes the files of a scenario and returns the directories of its
// modules.
func extract(t *testing.T, scenario string) (modules []string) {
	t.Helper()
	archive, err := txtar.ParseFile(scenario)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) == "go.mod" {
			modules = append(modules, filepath.Dir(path))
		}
	}
	for _, f := range archive.Files {
		if !strings.Contains(f.Name, "vendor/") {
			write(f.Name, string(f.Data))
		}
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(dir, "go.work")
	text, err := os.ReadFile(work)
	if err != nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			write("go.mod", "module example.com/app\n\ngo 1.26.0\n")
		}
		text = []byte("go 1.26.0\n\nuse .\n")
		modules = []string{dir}
	}
	write("go.work", string(text)+"\nuse "+filepath.ToSlash(root)+"\n")
	return modules
}

// compareWithOracle returns how many structs were compared.
func compareWithOracle(t *testing.T, dir string) (compared int) {
	t.Helper()
	cfg := Config{Dir: dir, Patterns: []string{"./..."}, Hooks: HooksNone, Snapshot: "{type}OfTheOracle"}
	fast, err := Generate(context.Background(), cfg)
	if err != nil {
		return 0 // what is wrong with it is another test's business
	}
	found := map[string]Struct{} // by its position
	hasTests := map[string]bool{}
	for _, p := range fast.Packages {
		if p.Variant != load.Source {
			hasTests[p.Dir] = true
		}
		if p.Constraint != "" {
			continue // the oracle sees one platform only
		}
		for _, s := range p.Structs {
			found[s.Pos.String()] = s
		}
	}
	for _, p := range oracle(t, dir) {
		if p.Variant != load.Source && !hasTests[p.Dir] {
			continue // tests count only if they have tags
		}
		model, _, in := inspect(&cfg, p)
		for _, d := range in.ds {
			t.Errorf("oracle: %v", d)
		}
		for _, full := range model.Structs {
			compared++
			s := found[full.Pos.String()]
			s.Constraint = "" // which the oracle does not know
			if !reflect.DeepEqual(withoutOffsets(s), withoutOffsets(full)) {
				t.Errorf("found   %+v\ninstead %+v", s, full)
			}
			delete(found, full.Pos.String())
		}
	}
	for _, s := range found {
		if s.Constraint == "" {
			t.Errorf("found %s, and the oracle did not", s.Name)
		}
	}
	return compared
}

// oracle loads packages with everything that go/packages knows. The generated
// files are emptied, since they are not part of the question.
func oracle(t *testing.T, dir string) (list []*load.Package) {
	t.Helper()
	fset := token.NewFileSet()
	config := &packages.Config{
		Dir: dir, Fset: fset, Tests: true, Overlay: map[string][]byte{},
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax | packages.NeedForTest,
	}
	found, err := packages.Load(config, "./...")
	if err != nil {
		t.Fatal(err)
	}
	var all []*ast.File
	packages.Visit(found, nil, func(p *packages.Package) { all = append(all, p.Syntax...) })
	facts := load.NewFacts(all...)
	for _, p := range found {
		if p.Types == nil || strings.HasSuffix(p.PkgPath, ".test") {
			continue
		}
		variant := load.Source
		switch {
		case p.ForTest == "":
		case strings.HasSuffix(p.Name, "_test"):
			variant = load.ExternalTests
		default:
			variant = load.Tests
		}
		u := &load.Unit{Fset: fset, Types: p.Types, Facts: facts}
		for _, f := range p.Syntax {
			name := fset.File(f.Pos()).Name() // of the cgo output, which has no tags
			isTest := strings.HasSuffix(name, "_test.go")
			u.Files = append(u.Files, load.File{File: f, Ours: isTest == (variant != load.Source)})
		}
		list = append(list, &load.Package{Name: p.Name, Dir: p.Dir, Variant: variant, Units: []*load.Unit{u}})
	}
	return list
}

// withoutOffsets makes positions comparable: cgo changes offsets, but neither
// lines nor columns.
func withoutOffsets(s Struct) Struct {
	s.Pos.Offset = 0
	s.Fields = slices.Clone(s.Fields)
	for i := range s.Fields {
		s.Fields[i].Pos.Offset = 0
	}
	return s
}
