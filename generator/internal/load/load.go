// Package load finds and reads Go packages: fast, without a build cache, and
// whatever state the code is in. It parses and type-checks declarations, never
// the bodies of functions, and of the packages of others only the few
// declarations that types of ours are made of. It asks the go command only for
// what can't be found without it.
//
// Data flows one way: find (patterns to directories), directory (files, and
// whether they have tags), unit (the files that are compiled together), probe
// (which of those without tags matter), foreign (what they need of other
// packages, found with modules), check.
package load

import (
	"context"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
)

// Config is what to load.
type Config struct {
	Dir      string   // where patterns start; "" is the working directory
	Patterns []string // directories, with /... for all below, or what else the go command takes
	Tags     []string // build tags that hold
	Output   Output
	// Methods are the names of methods that the caller wants to know of, beside
	// those that say how a type is stored.
	Methods []string
}

// Output knows the files that we write ourselves: they are not read.
type Output struct {
	Generated func(text []byte) bool // whether a file has our header
	Named     func(name string) bool // whether a file may be ours by its name
}

// Variant tells the packages of one directory apart.
type Variant uint8

// The packages that one directory can have.
const (
	Source        Variant = iota
	Tests                 // the test files that belong to the package
	ExternalTests         // those of package x_test
)

// Package is a package whose structs may have file fields.
type Package struct {
	Name       string
	Path       string // by which it is imported, or would be; "" in no module
	Dir        string
	Variant    Variant
	Constraint string // the build constraint that all its files have
	Units      []*Unit
	// Beside are names that its test files declare, which are compiled with it
	// at times. There may be more in it than that.
	Beside []string
	// Generated are the files in the directory that we wrote, given with its
	// first package.
	Generated []Generated
}

// Generated is a file that we wrote.
type Generated struct {
	Path string
	Head []byte // what comes before the package clause
}

// Unit is files that are compiled together on some platform, checked without
// function bodies.
type Unit struct {
	Fset   *token.FileSet
	Files  []File
	Types  *types.Package
	Facts  *Facts        // of these files, and of those of others that matter
	Errors []types.Error // most of them matter to nobody: code may be missing still
}

// File is a file of a unit.
type File struct {
	*ast.File
	Constraint string // beyond that of the package
	// Ours says that types of this file are to be taken from this unit: not
	// those of another one, or of another variant.
	Ours bool
	// Dots are the imports with a dot of packages that have file tags.
	Dots []*ast.ImportSpec
}

// Loader loads packages.
type Loader struct {
	ctx     context.Context
	dir     string
	tags    []string
	output  Output
	env     environ
	fset    *token.FileSet
	facts   *Facts
	methods map[string]bool

	dirs    map[string]*directory
	modules map[string]*modules // by the directory of go.mod
	others  map[foreignKey]*foreign
	asked   map[string]string // where the go command says that packages are
}

// Load returns the packages that match and may have file fields, in order of
// their directories, and what is wrong with them.
func Load(ctx context.Context, cfg Config) ([]*Package, diag.Diagnostics, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, nil, err
	}
	l := &Loader{
		ctx: ctx, dir: dir, output: cfg.Output, env: readEnviron(), fset: token.NewFileSet(), facts: NewFacts(), methods: map[string]bool{},
		dirs: map[string]*directory{}, modules: map[string]*modules{}, others: map[foreignKey]*foreign{},
	}
	for _, m := range slices.Concat(ownMethods, cfg.Methods) {
		l.methods[m] = true
	}
	l.facts.local = l.isLocal
	l.tags = slices.Concat(l.env.tags, cfg.Tags)
	return l.load(cfg.Patterns)
}

func (l *Loader) load(patterns []string) (loaded []*Package, ds diag.Diagnostics, err error) {
	dirs, ds, err := l.find(patterns)
	if err != nil {
		return nil, nil, err
	}
	drafts, err := l.drafts(dirs)
	if err != nil {
		return nil, nil, err
	}
	ds = append(ds, l.resolve(drafts)...)
	for _, d := range drafts {
		ds = append(ds, l.check(d)...)
		if d.tagged || len(d.Generated) > 0 {
			loaded = append(loaded, d.Package)
		}
	}
	return loaded, ds, nil
}

// drafts reads directories and sorts their files into packages.
func (l *Loader) drafts(dirs []string) (drafts []*draft, err error) {
	for _, path := range dirs {
		d, generated, err := l.readDirectory(path, true)
		if err != nil {
			return nil, err
		}
		more := l.draftsOf(d)
		if len(more) > 0 {
			l.dirs[path] = d // others are forgotten, until somebody imports them
		}
		if len(more) == 0 && len(generated) > 0 {
			more = []*draft{{Package: &Package{Dir: path}}}
		}
		if len(generated) > 0 {
			more[0].Generated = generated
		}
		drafts = append(drafts, more...)
	}
	return drafts, nil
}

// resolve completes the packages that may have file fields, and finds what
// their types are made of in the packages that they import. The go command is
// asked at most once, about all that can't be found without it.
func (l *Loader) resolve(drafts []*draft) (ds diag.Diagnostics) {
	complete := func(list []*draft) (missing []*want) {
		l.parseAll(sourcesOf(list))
		for _, d := range list {
			ds = append(ds, l.complete(d)...)
			missing = append(missing, l.need(d)...)
		}
		return missing
	}
	var tagged, others []*draft
	for _, d := range drafts {
		if d.tagged {
			tagged = append(tagged, d)
		} else {
			others = append(others, d)
		}
	}
	missing := append(complete(tagged), l.probe(others)...)
	if len(missing) > 0 {
		l.askForDirs(missing)
		for _, w := range missing {
			l.follow(w.modules, []ref{w.ref})
		}
	}
	var found []*draft
	for _, d := range others {
		if slices.ContainsFunc(d.refs, func(r ref) bool { return l.tagged(d.modules, r) }) {
			d.tagged = true
			found = append(found, d)
		}
	}
	complete(found) // what is missing now was asked for before
	return ds
}
