package load

import (
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

// parse parses files on all processors, since that is most of the work.
func (l *Loader) parse(files []*file) {
	todo := make(chan *file)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for f := range todo {
				_, _ = f.parse(l.fset, parser.ParseComments) // the error is kept
			}
		})
	}
	for _, f := range files {
		todo <- f
	}
	close(todo)
	workers.Wait()
}

// probe notes what the structs of packages without tags of their own are made
// of in other packages, which may have some, and returns what could not be
// found. It keeps no syntax: these are nearly all packages of a large module,
// and nearly none of them matters.
func (l *Loader) probe(drafts []*draft) (missing []*want) {
	type source struct {
		draft *draft
		file  *file
	}
	var sources []source
	for _, d := range drafts {
		for _, f := range d.files {
			if f.declaresTypes() && l.importsOthers(d.modules, f) {
				sources = append(sources, source{d, f})
			}
		}
	}
	for some := range slices.Chunk(sources, 64) {
		files := make([]*file, len(some))
		for i, s := range some {
			files[i] = s.file
		}
		l.parse(files)
		for _, s := range some {
			if s.file.syntax != nil {
				s.draft.refs = append(s.draft.refs, l.refsIn(s.draft.modules, s.file, nil, s.file.syntax)...)
			}
			s.file.syntax, s.file.err = nil, nil
		}
	}
	for _, d := range drafts {
		missing = append(missing, l.follow(d.modules, d.refs)...)
	}
	return missing
}

// importsOthers reports whether a file imports more than the standard library.
func (l *Loader) importsOthers(m *modules, f *file) bool {
	syntax, _ := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.ImportsOnly)
	return syntax != nil && slices.ContainsFunc(importPaths(syntax), func(path string) bool {
		return path != "C" && !l.standard(m, path)
	})
}
