package generator

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestApps tries the generator on applications that nobody here wrote, where
// FILECLEANGEN_APPS names a folder with checkouts of those in testdata/apps.txt:
// a few of their fields are tagged, and everything is generated for. Nothing is
// asked, rows are found with all of their file fields, and what only holds rows
// gets no code; a second run changes nothing.
func TestApps(t *testing.T) {
	root := os.Getenv("FILECLEANGEN_APPS")
	if root == "" {
		t.Skip("FILECLEANGEN_APPS is not set: it names a folder with checkouts of the applications in testdata/apps.txt")
	}
	tried := 0
	for _, a := range readApps(t) {
		t.Run(a.name, func(t *testing.T) {
			source := filepath.Join(root, a.name, a.dir)
			if _, err := os.Stat(filepath.Join(source, "go.mod")); err != nil {
				t.Skip("no checkout of it in FILECLEANGEN_APPS")
			}
			tried++
			a.try(t, source)
		})
	}
	if tried == 0 {
		t.Errorf("none of the applications in testdata/apps.txt is in %s", root)
	}
}

// app is an application of testdata/apps.txt.
type app struct {
	name, dir string
	tags      []string
	rows      map[string][]string
	may, not  map[string]bool
}

func readApps(t *testing.T) (apps []*app) {
	t.Helper()
	file, err := os.Open("testdata/apps.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if words[0] == "app" {
			apps = append(apps, &app{name: words[1], dir: words[2], rows: map[string][]string{}, may: map[string]bool{}, not: map[string]bool{}})
			continue
		}
		a := apps[len(apps)-1]
		switch words[0] {
		case "tag":
			a.tags = append(a.tags, words[1])
		case "row":
			a.rows[words[1]] = words[2:]
		case "may":
			a.may[words[1]] = true
		case "not":
			a.not[words[1]] = true
		default:
			t.Fatalf("testdata/apps.txt: %s?", words[0])
		}
	}
	return apps
}

func (a *app) try(t *testing.T, source string) {
	dir := t.TempDir()
	copySources(t, source, dir)
	for _, tag := range a.tags {
		insertTag(t, dir, tag)
	}
	began := time.Now()
	cfg := Config{Dir: dir, Patterns: []string{"./..."}}
	result, err := Generate(context.Background(), cfg)
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	a.compare(t, dir, result)
	for _, f := range result.Files {
		if _, err := f.Write(); err != nil {
			t.Fatal(err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), f.Path, f.Content, 0); err != nil {
			t.Error(err)
		}
	}
	again, err := Generate(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range again.Files {
		if _, stale, err := f.Stale(); stale || err != nil {
			t.Errorf("the second run changes %s: %v", f.Path, err)
		}
	}
	t.Logf("| %s | %d | %d | %d ms | %s |", a.name, len(a.tags), len(result.Warnings), took.Milliseconds(), goList(dir))
}

// compare compares what was found with what should be.
func (a *app) compare(t *testing.T, dir string, result *Result) {
	rows := map[string]bool{}
	for _, p := range result.Packages {
		rel, _ := filepath.Rel(dir, p.Dir)
		for _, s := range p.Structs {
			name := filepath.ToSlash(rel) + "." + s.Name
			rows[name] = true
			var fields []string
			for _, f := range s.Fields {
				fields = append(fields, strings.ReplaceAll(f.Path, "[]", ""))
			}
			want, isRow := a.rows[name]
			switch {
			case a.not[name]:
				t.Errorf("%s is no row, and got methods, for %v", name, fields)
			case isRow && !slices.Equal(fields, want):
				t.Errorf("%s: file fields %v, want %v", name, fields, want)
			case !isRow && !a.may[name]:
				t.Logf("%s: also got methods, for %v", name, fields)
			}
		}
	}
	for name := range a.rows {
		if !rows[name] {
			t.Errorf("%s is a row, and was passed over", name)
		}
	}
}

// goList returns how long the go command takes to find the same packages.
func goList(dir string) string {
	began := time.Now()
	cmd := exec.Command("go", "list", "-e", "-find", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if err := cmd.Run(); err != nil {
		return "-"
	}
	return fmt.Sprintf("%d ms", time.Since(began).Milliseconds())
}

func copySources(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name := e.Name(); path != from && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if name := e.Name(); !e.Type().IsRegular() || filepath.Ext(name) != ".go" && !slices.Contains([]string{"go.mod", "go.sum", "go.work"}, name) {
			return nil
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// insertTag gives a field the tag file:"media".
func insertTag(t *testing.T, root, name string) {
	t.Helper()
	parts := strings.Split(name, ".")
	n := len(parts)
	typ, field := parts[n-2], parts[n-1]
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(strings.Join(parts[:n-2], ".")), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if at, end := findField(path, text, typ, field); at > 0 {
			// In a tag there is, before its last quote, or as a new one.
			insert := " `file:\"media\"`"
			if end > 0 {
				at, insert = end-1, " file:\"media\""
			}
			text = slices.Concat(text[:at], []byte(insert), text[at:])
			if err := os.WriteFile(path, bytes.TrimSpace(text), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("there is no field %s", name)
}

// findField returns where the type of a field ends, and where its tag does.
func findField(path string, text []byte, typ, field string) (end, tagEnd int) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
	if err != nil {
		return 0, 0
	}
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range group.Specs {
			spec, ok := s.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typ {
				continue
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range st.Fields.List {
				if !slices.ContainsFunc(f.Names, func(id *ast.Ident) bool { return id.Name == field }) {
					continue
				}
				end = fset.Position(f.Type.End()).Offset
				if f.Tag != nil {
					tagEnd = fset.Position(f.Tag.End()).Offset
				}
				return end, tagEnd
			}
		}
	}
	return 0, 0
}
