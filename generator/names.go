package generator

import (
	"go/token"
	"go/types"
	"slices"

	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// The names of the method that returns the key: the second where a struct has a field
// or method of the first.
const (
	fileKey      = "FileKey"
	otherFileKey = "RecordFileKey"
)

// typeVar is the name of the variable that describes the file fields, or another
// one where the package has taken it.
func (s Struct) typeVar() string {
	if s.TypeVarTaken {
		return "FileTypeOf" + s.Name
	}
	return s.Name + "FileType"
}

// keyMethod is the name of the method that returns the key, or another one where
// the struct has a field or method of it.
func (s Struct) keyMethod() string {
	if s.FileKeyTaken {
		return otherFileKey
	}
	return fileKey
}

// releases reports whether anything is released with a record.
func (s Struct) releases() bool {
	return slices.ContainsFunc(s.Fields, func(f Field) bool { return !f.HoldOnly })
}

// fileTypes is the name of the function that lists the types of a package.
func (p *Package) fileTypes() string {
	if p.Variant == load.Tests {
		return "FileTypesInTests" // FileTypes is that of the package itself
	}
	return "FileTypes"
}

// snapshotMethods are declared on snapshots.
var snapshotMethods = []string{"LogCreate", "LogUpdate", "LogDelete", "holdFiles", "releaseFiles"}

// builtins are the predeclared names that generated code relies on.
var builtins = []string{"string", "append", "nil", "len"}

// checkNames reports names that the package has already given to something
// else.
func (in *inspection) checkNames(p *Package, structs []Struct) {
	for _, name := range builtins {
		if obj := in.pkg.Scope().Lookup(name); obj != nil {
			in.ds.Add(in.at(obj), "the package declares %s; generated code needs the predeclared one", name)
		}
	}
	in.checkFree(p.fileTypes(), "lists the package's types with file fields", "rename yours")
	for _, f := range in.unit.Files {
		for _, spec := range f.Dots {
			in.ds.Add(in.fset.Position(spec.Pos()), "the dot import of %s brings in %s, which is generated here, too; import it by a name", spec.Path.Value, p.fileTypes())
		}
	}
	for _, s := range structs {
		in.checkFree(s.Snapshot, "is the snapshot of "+s.Name, "choose another name with -snapshot, or rename yours")
		in.checkFree(s.typeVar(), "describes the file fields of "+s.Name, "rename yours")
		in.checkMethods(s)
		for _, f := range s.Fields {
			if slices.Contains(snapshotMethods, f.Snapshot) {
				in.ds.Add(f.Pos, "%s.%s: the snapshot has a method %s; rename the field", s.Name, f.Path, f.Snapshot)
			}
		}
	}
}

// checkFree reports a declaration of name at package level.
func (in *inspection) checkFree(name, what, advice string) {
	if obj := in.pkg.Scope().Lookup(name); obj != nil {
		in.ds.Add(in.at(obj), "%s is already declared here, but generated code declares it: it %s; %s", name, what, advice)
	}
}

// checkMethods reports fields and methods of a struct that have the name of a
// generated method. Those of embedded types count: a persistence layer that
// calls them would call ours instead.
func (in *inspection) checkMethods(s Struct) {
	t := in.pkg.Scope().Lookup(s.Name).Type()
	hooks := hookSets[s.Hooks]
	for _, name := range slices.Concat([]string{"FileSnapshot", s.keyMethod()}, hooks.methods) {
		obj, index, _ := types.LookupFieldOrMethod(t, true, in.pkg, name)
		if obj == nil {
			continue
		}
		advice := "rename yours"
		if slices.Contains(hooks.methods, name) && token.IsExported(name) {
			advice = "rename yours, or leave the generated ones out with -hooks=none"
		}
		if len(index) == 1 {
			in.ds.Add(in.at(obj), "%s already has %s, but one is generated for it; %s", s.Name, name, advice)
			continue
		}
		in.ds.Add(s.Pos, "%s already has %s, promoted from an embedded type, which the generated one would hide; %s", s.Name, name, advice)
	}
}

// layerWarning warns of a persistence layer that calls methods of the names
// that we generate, with signatures of its own.
func (in *inspection) layerWarning(row *facts, s Struct) {
	switch {
	case row.layers&gormLayer == 0:
	case in.cfg.Hooks == HooksPlain:
		in.warnings.Add(s.Pos, "%s is stored with gorm, which calls methods BeforeUpdate and AfterDelete of its own kind and refuses others; "+
			"leave the generated ones out with -hooks=none, or have gorm's with -hooks=gorm", s.Name)
	case in.cfg.Hooks == HooksAuto || in.cfg.Hooks == "":
		in.notes.Add(s.Pos, "%s is stored with gorm and gets no hooks: take the plugin of adapters/gormclean, or -hooks=gorm", s.Name)
	}
}
