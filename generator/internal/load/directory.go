package load

import (
	"bytes"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// directory is the Go files of one directory, each read once and parsed at
// most once.
type directory struct {
	path  string
	files []*file
	index map[string][]*file // see declaring

	methodFiles []*file // see withMethods
	sought      bool
}

// file is a Go file, written by people or by others than us.
type file struct {
	path       string
	text       []byte
	constraint constraint.Expr
	badHeader  error // in the constraint
	test       bool
	never      bool // in no build, by convention

	syntax *ast.File
	err    error // in the syntax
}

// readDirectory reads a directory. Our own output is left out, so that it may
// be stale, broken or missing; its paths are returned. Of packages of others,
// tests are no part.
func (l *Loader) readDirectory(path string, tests bool) (d *directory, generated []Generated, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, nil, err
	}
	d = &directory{path: path}
	for _, e := range entries {
		if !isGoFile(e) {
			continue
		}
		f := &file{path: filepath.Join(path, e.Name()), test: strings.HasSuffix(e.Name(), "_test.go")}
		if f.test && !tests {
			continue
		}
		if f.text, err = os.ReadFile(f.path); err != nil {
			return nil, nil, err
		}
		if l.output.Generated(f.text) {
			generated = append(generated, Generated{f.path, headOf(f.text)})
			continue
		}
		if len(bytes.TrimSpace(f.text)) == 0 && l.output.Named(e.Name()) {
			continue
		}
		f.constraint, f.badHeader = constraintOf(f.path, f.text)
		f.never = f.isNever()
		d.files = append(d.files, f)
	}
	return d, generated, nil
}

// headOf returns what comes before the package clause.
func headOf(text []byte) []byte {
	if i := bytes.Index(text, []byte("\npackage ")); i >= 0 {
		text = text[:i]
	}
	return bytes.Clone(text)
}

// parse parses the file, once, and keeps its syntax.
func (l *Loader) parse(f *file) (*ast.File, error) {
	if f.syntax == nil && f.err == nil {
		f.syntax, f.err = f.read(l.fset, l.methods)
	}
	return f.syntax, f.err
}

// read parses the file and keeps nothing.
func (f *file) read(fset *token.FileSet, methods map[string]bool) (*ast.File, error) {
	const mode = parser.ParseComments | parser.SkipObjectResolution
	short := withoutBodies(f.text, methods)
	syntax, err := parser.ParseFile(fset, f.path, short, mode)
	if err != nil && len(short) > 0 && &short[0] != &f.text[0] {
		syntax, err = parser.ParseFile(fset, f.path, f.text, mode)
	}
	if err != nil {
		return nil, err
	}
	return syntax, nil
}

// isNever reports whether the file is in no build, by convention: it is marked
// "ignore", or is documentation.
func (f *file) isNever() bool {
	if f.constraint != nil && slices.Contains(tagsOf(f.constraint), "ignore") {
		without := &constraint.AndExpr{X: f.constraint, Y: &constraint.NotExpr{X: &constraint.TagExpr{Tag: "ignore"}}}
		if satisfying(without, nil) == nil {
			return true
		}
	}
	return bytes.Contains(f.text, []byte("package documentation")) && packageName(f) == "documentation"
}

// mentions reports whether the file may have tags or directives of ours.
func (f *file) mentions() bool {
	return mentions(f.text)
}

// declaresTypes reports whether the file may declare a struct type.
func (f *file) declaresTypes() bool { return bytes.Contains(f.text, []byte("struct")) }

// declaring returns the files that look like they declare a type or constant:
// parsing a file for nothing takes long where it is large.
func (d *directory) declaring(name string) []*file {
	if d.index == nil {
		d.index = map[string][]*file{}
		for _, f := range d.files {
			for _, n := range declaredNames(f.text) {
				if list := d.index[n]; len(list) == 0 || list[len(list)-1] != f {
					d.index[n] = append(list, f)
				}
			}
		}
	}
	return d.index[name]
}

// ownMethods are those that say how a type is stored, and which files it names.
var ownMethods = []string{"FileNames", "Value", "Scan", "ToDB", "TableName", "MarshalJSON"}

// withMethods returns the files that look like they declare methods that matter.
func (d *directory) withMethods(methods map[string]bool) []*file {
	if !d.sought {
		d.sought = true
		for _, f := range d.files {
			if declaresMethod(f.text, methods) {
				d.methodFiles = append(d.methodFiles, f)
			}
		}
	}
	return d.methodFiles
}

func declaresMethod(text []byte, methods map[string]bool) bool {
	for name := range methods {
		if bytes.Contains(text, []byte(") "+name+"(")) {
			return true
		}
	}
	return false
}

// declaredNames returns the first word of each line that begins a declaration
// of types or constants, or stands in a group of them. It may be too many.
func declaredNames(text []byte) (names []string) {
	group := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		rest, isType := bytes.CutPrefix(line, []byte("type"))
		if !isType {
			var isConst bool
			if rest, isConst = bytes.CutPrefix(line, []byte("const")); !isConst && !group {
				continue
			}
		}
		rest = bytes.TrimSpace(rest)
		switch {
		case bytes.HasPrefix(rest, []byte("(")):
			group = true
			rest = bytes.TrimSpace(rest[1:])
		case bytes.Equal(line, []byte(")")):
			group = false
		}
		for {
			word := rest[:len(rest)-len(bytes.TrimLeftFunc(rest, isIdent))]
			if len(word) > 0 {
				names = append(names, string(word))
			}
			rest = bytes.TrimSpace(rest[len(word):])
			if rest, isType = bytes.CutPrefix(rest, []byte(",")); !isType || len(word) == 0 {
				break
			}
			rest = bytes.TrimSpace(rest)
		}
	}
	return names
}

func isIdent(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
