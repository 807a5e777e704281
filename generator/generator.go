// Package generator writes the methods that track the files of structs with
// file tags. The command filecleangen is a thin wrapper of it.
//
// Data flows one way: load finds, parses and checks packages, inspect turns
// each into a plain model ([Package]), render turns the model into Go source.
// Nothing is written before everything has been rendered; see [Generate] and
// [File.Write].
package generator

import (
	"context"
	"fmt"
	"go/token"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// DefaultOutput is the name of the generated file of a package.
const DefaultOutput = "filecleangen_gen.go"

// DefaultSnapshot is how snapshot types are named.
const DefaultSnapshot = "{type}Files"

// Diagnostic is one thing to say about the input, with its position.
type Diagnostic = diag.Diagnostic

// Diagnostics is everything that is wrong with the input of one run.
type Diagnostics = diag.Diagnostics

// Config is what to generate. If it has neither Types, Select, Snapshot nor Hooks,
// each package is generated for as its generated file says that it was made.
type Config struct {
	Dir      string   // where patterns start; "" is the working directory
	Patterns []string // of packages, as the go command takes them; none is "."
	Types    []string // only these types; none is all
	Select   bool     // only types marked //filecleangen:select
	Output   string   // the name of the generated files; "" is what it was, or DefaultOutput
	Snapshot string   // the name of snapshot types, with {type} for that of the record; "" is DefaultSnapshot
	Hooks    Hooks    // "" is HooksAuto
	Tags     []string // build tags that hold
}

func (c *Config) snapshotName(typeName string) string {
	return strings.ReplaceAll(c.Snapshot, "{type}", typeName)
}

// Result is what a run found and what it would write.
type Result struct {
	Packages []*Package // those with file fields
	Files    []File
	Warnings Diagnostics // what will hardly be meant
	Notes    Diagnostics // what is worth knowing
}

// Generate reads the packages that match and returns the files to write for
// them. It writes nothing itself. What is wrong with the input is returned all
// at once, as [Diagnostics]; then there are no files.
func Generate(ctx context.Context, cfg Config) (*Result, error) {
	if len(cfg.Patterns) == 0 {
		cfg.Patterns = []string{"."}
	}
	if cfg.Hooks != "" && !slices.Contains(AllHooks, cfg.Hooks) {
		return nil, fmt.Errorf("there are no hooks %q; there are %v", cfg.Hooks, AllHooks)
	}
	loaded, ds, err := load.Load(ctx, load.Config{
		Dir: cfg.Dir, Patterns: cfg.Patterns, Tags: cfg.Tags,
		Methods: slices.Concat(generatedMethods(), ownWriters),
		Output:  load.Output{Generated: isOurs, Named: func(name string) bool { return family(cfg.withDefaults().Output, name) }},
	})
	if err != nil {
		return nil, err
	}
	result, more := inspectAll(&cfg, loaded)
	ds = append(ds, more...)
	if len(ds) == 0 && len(result.Files) == 0 {
		ds.Add(token.Position{}, "%s", nothingFound(&cfg))
	}
	if err := ds.Err(); err != nil {
		return nil, err
	}
	result.Warnings, result.Notes = result.Warnings.Sorted(), result.Notes.Sorted()
	return result, nil
}

func nothingFound(cfg *Config) string {
	if cfg.Select {
		return "no struct with a file tag is marked //filecleangen:select in these packages"
	}
	return "no struct with a file tag in these packages; tag a field like this: Cover string `file:\"media\"`"
}

// inspectAll makes models of the packages and renders them, directory by
// directory.
func inspectAll(cfg *Config, loaded []*load.Package) (result *Result, ds Diagnostics) {
	result = &Result{}
	var known []string
	for len(loaded) > 0 {
		n := 1
		for n < len(loaded) && loaded[n].Dir == loaded[0].Dir {
			n++
		}
		names, more := result.add(cfg, loaded[:n])
		known, ds = append(known, names...), append(ds, more...)
		loaded = loaded[n:]
	}
	for _, name := range cfg.Types {
		if len(ds) == 0 && !slices.Contains(known, name) {
			ds.Add(token.Position{}, "no struct %s with a file tag in these packages%s", name, diag.Nearest(name, known))
		}
	}
	return result, ds
}

// add adds the packages of one directory, and returns the types with file fields
// that they have, wanted or not.
func (r *Result) add(run *Config, packages []*load.Package) (known []string, ds Diagnostics) {
	generated := packages[0].Generated
	cfg, remembered, err := run.of(generated)
	if err != nil {
		ds.Add(token.Position{Filename: generated[0].Path}, "%v", err)
		return nil, ds
	}
	if remembered != "" {
		r.Notes.Add(token.Position{Filename: generated[0].Path}, "made with %s, and so again; a run with other flags changes that", remembered)
	}
	var models []*Package
	for _, p := range packages {
		model, names, in := inspect(cfg, p)
		models = append(models, model)
		known = append(known, names...)
		ds = append(ds, in.ds...)
		r.Notes = append(r.Notes, in.notes...)
		r.Warnings = append(r.Warnings, in.warnings...)
		if len(model.Structs) > 0 {
			r.Packages = append(r.Packages, model)
		}
	}
	if none := !slices.ContainsFunc(models, func(p *Package) bool { return len(p.Structs) > 0 }); none && len(run.Types) > 0 {
		return known, ds // not about this package
	}
	if remembered != "" && len(known) > 0 {
		for _, name := range cfg.Types {
			if !slices.Contains(known, name) {
				ds.Add(token.Position{Filename: generated[0].Path}, "made with -type=%s, and there is no struct %s with a file tag any more%s; run filecleangen with other flags", strings.Join(cfg.Types, ","), name, diag.Nearest(name, known))
			}
		}
	}
	list, more := files(models, cfg)
	r.Files = append(r.Files, list...)
	return known, append(ds, more...)
}
