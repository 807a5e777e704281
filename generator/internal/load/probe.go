package load

import (
	"go/ast"
	"go/parser"
	"go/token"
	"runtime"
	"slices"
	"sync"
)

// sourcesOf returns the files of packages, each once.
func sourcesOf(drafts []*draft) (files []*file) {
	sent := map[*file]bool{}
	for _, d := range drafts {
		for _, f := range slices.Concat(d.files, d.beside) {
			if !sent[f] {
				sent[f] = true
				files = append(files, f)
			}
		}
	}
	return files
}

// each does something with files on all processors, since parsing is most of the
// work.
func each(files []*file, do func(i int, f *file)) {
	todo := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range todo {
				do(i, files[i])
			}
		})
	}
	for i := range files {
		todo <- i
	}
	close(todo)
	workers.Wait()
}

// parseAll parses files and keeps their syntax, or what is wrong with it.
func (l *Loader) parseAll(files []*file) {
	each(files, func(_ int, f *file) { _, _ = l.parse(f) })
}

// probe notes what the structs of packages without tags of their own are made
// of in other packages, which may have some, and returns what could not be
// found. It keeps no syntax that it has made: these are nearly all packages of
// a large module, and nearly none of them matters.
func (l *Loader) probe(drafts []*draft) (missing []*want) {
	var files []*file
	var owners []*draft
	for _, d := range drafts {
		for _, f := range d.files {
			if f.declaresTypes() && l.importsOthers(d.modules, f) {
				files, owners = append(files, f), append(owners, d)
			}
		}
	}
	for len(files) > 0 {
		n := min(64, len(files))
		for i, syntax := range l.glance(files[:n]) {
			if syntax != nil {
				owners[i].refs = append(owners[i].refs, l.refsIn(owners[i].modules, syntax, nil, syntax)...)
			}
		}
		files, owners = files[n:], owners[n:]
	}
	for _, d := range drafts {
		missing = append(missing, l.follow(d.modules, d.refs)...)
	}
	return missing
}

// glance returns the syntax of files, or nil for those that don't parse, and
// keeps it for nobody else.
func (l *Loader) glance(files []*file) []*ast.File {
	list := make([]*ast.File, len(files))
	each(files, func(i int, f *file) {
		if f.syntax != nil {
			list[i] = f.syntax
			return
		}
		list[i], _ = f.read(token.NewFileSet(), l.methods) // without what is wrong with it: it may not matter
	})
	return list
}

// importsOthers reports whether a file imports more than the standard library.
func (l *Loader) importsOthers(m *modules, f *file) bool {
	syntax, _ := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.ImportsOnly)
	return syntax != nil && slices.ContainsFunc(importPaths(syntax), func(path string) bool {
		return path != "C" && !l.standard(m, path)
	})
}
