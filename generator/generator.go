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

// Config is what to generate.
type Config struct {
	Dir      string   // where patterns start; "" is the working directory
	Patterns []string // of packages, as the go command takes them; none is "."
	Types    []string // only these types; none is all
	Select   bool     // only types marked //filecleangen:select
	Output   string   // the name of the generated files; "" is DefaultOutput
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
	if cfg.Output == "" {
		cfg.Output = DefaultOutput
	}
	if cfg.Snapshot == "" {
		cfg.Snapshot = DefaultSnapshot
	}
	if cfg.Hooks == "" {
		cfg.Hooks = HooksAuto
	}
	if !slices.Contains(AllHooks, cfg.Hooks) {
		return nil, fmt.Errorf("there are no hooks %q; there are %v", cfg.Hooks, AllHooks)
	}
	loaded, ds, err := load.Load(ctx, load.Config{
		Dir: cfg.Dir, Patterns: cfg.Patterns, Tags: cfg.Tags,
		Methods: generatedMethods(),
		Output:  load.Output{Generated: isOurs, Named: func(name string) bool { return family(cfg.Output, name) }},
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
		var models []*Package
		for _, p := range loaded[:n] {
			model, names, in := inspect(cfg, p)
			models = append(models, model)
			known = append(known, names...)
			ds = append(ds, in.ds...)
			result.Notes = append(result.Notes, in.notes...)
			result.Warnings = append(result.Warnings, in.warnings...)
			if len(model.Structs) > 0 {
				result.Packages = append(result.Packages, model)
			}
		}
		loaded = loaded[n:]
		if len(cfg.Types) > 0 && !slices.ContainsFunc(models, func(p *Package) bool { return len(p.Structs) > 0 }) {
			continue // not about this package
		}
		list, more := files(models, cfg)
		result.Files = append(result.Files, list...)
		ds = append(ds, more...)
	}
	for _, name := range cfg.Types {
		if len(ds) == 0 && !slices.Contains(known, name) {
			ds.Add(token.Position{}, "no struct %s with a file tag in these packages%s", name, diag.Nearest(name, known))
		}
	}
	return result, ds
}
