package generator

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
)

const directivePrefix = "//filecleangen:"

// directives are what may be said of a type in its comment.
var directives = []string{"ignore", "select", "key"}

// directive is one line //filecleangen:NAME ARGS... above a type.
type directive struct {
	name    string
	args    []string
	generic bool // the type is
	pos     token.Position
}

// readDirectives notes the directives of a file's types, and reports those that
// belong to none, or are not known.
func (in *inspection) readDirectives(f *ast.File, ours bool) {
	attached := map[*ast.Comment]bool{}
	for _, decl := range f.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		for _, spec := range group.Specs {
			t := spec.(*ast.TypeSpec)
			docs := []*ast.CommentGroup{t.Doc}
			if !group.Lparen.IsValid() {
				docs = append(docs, group.Doc)
			}
			for _, c := range comments(docs) {
				if d, ok := in.parseDirective(c); ok {
					attached[c] = true
					d.generic = t.TypeParams != nil
					in.directives[t.Name.Pos()] = append(in.directives[t.Name.Pos()], d)
				}
			}
		}
	}
	if !ours {
		return
	}
	for _, c := range comments(f.Comments) {
		d, ok := in.parseDirective(c)
		if !ok {
			continue
		}
		if !slices.Contains(directives, d.name) {
			in.ds.Add(d.pos, "unknown directive %s%s%s; known: %signore, select, key FIELD...", directivePrefix, d.name, diag.Nearest(d.name, directives), directivePrefix)
		} else if !attached[c] {
			in.ds.Add(d.pos, "%s%s belongs in the comment right above a type", directivePrefix, d.name)
		}
	}
}

func comments(groups []*ast.CommentGroup) (list []*ast.Comment) {
	for _, g := range groups {
		if g != nil {
			list = append(list, g.List...)
		}
	}
	return list
}

func (in *inspection) parseDirective(c *ast.Comment) (directive, bool) {
	text, ok := strings.CutPrefix(c.Text, directivePrefix)
	if !ok {
		return directive{}, false
	}
	name, args, _ := strings.Cut(text, " ")
	args, _, _ = strings.Cut(args, "//")
	return directive{
		name: strings.TrimSpace(name),
		args: strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\r' }),
		pos:  in.fset.Position(c.Pos()),
	}, true
}

// directive returns what the type whose name is declared at pos is told.
func (in *inspection) directive(pos token.Pos, name string) (directive, bool) {
	for _, d := range in.directives[pos] {
		if d.name == name {
			return d, true
		}
	}
	return directive{}, false
}
