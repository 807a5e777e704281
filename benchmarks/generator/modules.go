package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// synthetic is a module that is written to be measured.
type synthetic struct {
	name, what string
	packages   int // how many
	tagged     int // how many of them have structs with file fields
	files      int // per package
	structs    int // per file of a tagged package
	methods    int // per struct: bodies that nobody needs to look at
	links      int // per struct: fields that lead to others
	imports    []heavyImport
	kinds      []string // the types that stringer is for
}

// heavyImport is an import that drags in many packages, and a field that needs
// it.
type heavyImport struct{ path, field string }

var (
	gorm = heavyImport{"gorm.io/gorm", "Gone gorm.DeletedAt"}
	core = heavyImport{"k8s.io/api/core/v1", "Pod v1.PodSpec"}
)

// The modules of the benchmark.
var modules = []*synthetic{
	{name: "small", what: "one package, one file, one struct", packages: 1, tagged: 1, files: 1, structs: 1, methods: 2},
	{name: "many", what: "one package, 200 structs in 50 files", packages: 1, tagged: 1, files: 50, structs: 4, methods: 4},
	{name: "heavy", what: "one package of 5 structs that imports gorm and k8s.io/api", packages: 1, tagged: 1, files: 5, structs: 1, methods: 2, imports: []heavyImport{gorm, core}},
	{name: "packages", what: "100 packages of 5 files, each importing gorm, 20 with structs", packages: 100, tagged: 20, files: 5, structs: 1, methods: 4, imports: []heavyImport{gorm}},
	{name: "linked", what: "one package, 400 structs that lead to 10 others each", packages: 1, tagged: 1, files: 20, structs: 20, methods: 1, links: 10},
	{name: "repository", what: "2,400 files in 240 packages, each importing gorm, 20 packages with structs", packages: 240, tagged: 20, files: 10, structs: 1, methods: 12, imports: []heavyImport{gorm}},
}

// requirements pins what the synthetic modules import.
const requirements = `
require (
	gorm.io/gorm v1.31.1
	k8s.io/api v0.34.1
)
`

// write writes the module, and downloads what it imports.
func (m *synthetic) write(root string) error {
	mod := "module example.com/" + m.name + "\n\ngo 1.26.0\n"
	if len(m.imports) > 0 {
		mod += requirements
	}
	if err := writeFile(filepath.Join(root, "go.mod"), mod); err != nil {
		return err
	}
	for p := range m.packages {
		for f := range m.files {
			path := filepath.Join(root, fmt.Sprintf("p%03d", p), fmt.Sprintf("file%02d.go", f))
			if err := writeFile(path, m.source(p, f)); err != nil {
				return err
			}
		}
	}
	for f := range m.files {
		m.kinds = append(m.kinds, fmt.Sprintf("Kind%d", f))
	}
	tidy := exec.Command("go", "mod", "tidy")
	tidy.Dir, tidy.Env = root, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := tidy.CombinedOutput(); err != nil {
		return fmt.Errorf("go mod tidy: %w\n%s", err, out)
	}
	return nil
}

// dirs returns the directories of the packages with structs.
func (m *synthetic) dirs() (dirs []string) {
	for p := range m.tagged {
		dirs = append(dirs, fmt.Sprintf("./p%03d", p))
	}
	return dirs
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// source returns one file of a package.
func (m *synthetic) source(p, f int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "// Package p%03d is synthetic.\n//\n// +kubebuilder:object:generate=true\npackage p%03[1]d\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n", p)
	if len(m.imports) > 0 {
		b.WriteString("\n")
	}
	for _, i := range m.imports {
		fmt.Fprintf(&b, "\t%q\n", i.path)
	}
	fmt.Fprintf(&b, ")\n\ntype Kind%d int\n\nconst (\n\tA%[1]d Kind%[1]d = iota\n\tB%[1]d\n\tC%[1]d\n)\n", f)
	for s := range m.structs {
		m.structSource(&b, f*m.structs+s, p < m.tagged)
	}
	return b.String()
}

func (m *synthetic) structSource(b *strings.Builder, number int, tagged bool) {
	name := fmt.Sprintf("Record%d", number)
	tag := func(s string) string {
		if tagged {
			return fmt.Sprintf(" `file:%q`", s)
		}
		return ""
	}
	fmt.Fprintf(b, "\n// %s is stored in a table.\ntype %[1]s struct {\n\tID int64\n\tTitle string\n", name)
	fmt.Fprintf(b, "\tCover string%s\n\tThumb *string%s\n\tGallery []string%s\n", tag("media,default=blank.png"), tag("thumbs"), tag("media"))
	for _, i := range m.imports {
		fmt.Fprintf(b, "\t%s\n", i.field)
	}
	for i := range m.links {
		fmt.Fprintf(b, "\tLink%d []*Record%d\n", i, (number*7+i*13+1)%(m.files*m.structs))
	}
	b.WriteString("}\n")
	for i := range m.methods {
		fmt.Fprintf(b, `
// Method%d does something with the record.
func (r *%s) Method%[1]d(parts ...string) (string, error) {
	if r.ID == %[1]d {
		return "", fmt.Errorf("record %%d has no title", r.ID)
	}
	for i, p := range parts {
		if p == r.Title {
			return strings.Join(parts[i:], ","), nil
		}
	}
	return strings.ToUpper(r.Title), nil
}
`, i, name)
	}
}
