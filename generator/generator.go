// Package generator writes the methods that track the files of structs with
// file tags. The command filecleangen is a thin wrapper of it.
//
// Data flows one way: load finds and parses packages, inspect turns each into
// a plain model ([Package]), render turns the model into Go source. Nothing is
// written before everything has been rendered; see [Generate] and [File.Write].
package generator

import (
	"context"
	"go/token"
	"os"
	"path/filepath"
	"slices"
)

// DefaultOutput is the name of the generated file of a package.
const DefaultOutput = "filecleangen_gen.go"

// Config is what to generate.
type Config struct {
	Dir      string   // where patterns start; "" is the working directory
	Patterns []string // of packages, as the go command takes them; none is "."
	Types    []string // only these types; none is all
	Output   string   // the name of the generated files; "" is DefaultOutput
	Tags     string   // build tags, as the go command takes them
}

// Generate returns the files to write for the packages that match. It writes
// nothing itself. What is wrong with the input is returned all at once, as
// [Diagnostics]; then there are no files.
func Generate(ctx context.Context, cfg Config) ([]File, error) {
	if len(cfg.Patterns) == 0 {
		cfg.Patterns = []string{"."}
	}
	if cfg.Output == "" {
		cfg.Output = DefaultOutput
	}
	l := newLoader(ctx, cfg)
	sources, ds, err := l.load(cfg.Patterns, cfg.Output)
	if err != nil {
		return nil, err
	}
	var models []*Package
	for _, s := range sources {
		p, more, err := inspect(l, s)
		if err != nil {
			return nil, err
		}
		ds = append(ds, more...)
		models = append(models, p)
	}
	if len(ds) == 0 {
		models, ds = selectTypes(models, cfg.Types)
	}
	files, more := output(models, cfg.Output)
	ds = append(ds, more...)
	if len(files) == 0 && len(ds) == 0 {
		ds.add(token.Position{}, "no struct with a file tag in these packages; tag a field like this: Cover string `file:\"media\"`")
	}
	if err := ds.err(); err != nil {
		return nil, err
	}
	return files, nil
}

// selectTypes drops the structs that were not asked for, and the packages that
// have only such.
func selectTypes(models []*Package, names []string) (selected []*Package, ds Diagnostics) {
	if len(names) == 0 {
		return models, nil
	}
	var known []string
	for _, p := range models {
		for _, s := range p.Structs {
			known = append(known, s.Name)
		}
		p.Structs = slices.DeleteFunc(p.Structs, func(s Struct) bool { return !slices.Contains(names, s.Name) })
		if len(p.Structs) > 0 {
			selected = append(selected, p)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			ds.add(token.Position{}, "no struct %s with a file tag in these packages%s", name, nearest(name, known))
		}
	}
	return selected, ds
}

// output renders the packages that have structs, and removes what was
// generated for those that have none any more.
func output(models []*Package, name string) (files []File, ds Diagnostics) {
	for _, p := range models {
		path := filepath.Join(p.Dir, name)
		if len(p.Structs) == 0 {
			if text, err := os.ReadFile(path); err == nil && isOurs(text) {
				files = append(files, File{Path: path})
			}
			continue
		}
		if err := mayReplace(path); err != nil {
			ds.add(token.Position{Filename: path}, "%v", err)
			continue
		}
		content, err := render(p)
		if err != nil {
			ds.add(token.Position{Filename: path}, "%v", err)
			continue
		}
		files = append(files, File{Path: path, Content: content})
	}
	return files, ds
}
