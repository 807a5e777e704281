package generator

import (
	"go/token"
	"go/types"
	"slices"
)

// Names that generated code declares.
const fileTypes = "FileTypes"

func (s Struct) snapshotName() string { return s.Name + "Files" }
func (s Struct) typeVar() string      { return s.Name + "FileType" }

// recordMethods are declared on records, snapshotMethods on snapshots.
var (
	recordMethods   = []string{"FileSnapshot", "FileKey", "AfterCreate", "BeforeUpdate", "AfterDelete", "holdFiles"}
	snapshotMethods = []string{"LogCreate", "LogUpdate", "LogDelete", "holdFiles", "releaseFiles"}
)

// builtins are the predeclared names that generated code relies on.
var builtins = []string{"string", "append", "nil"}

// checkNames reports names that the package has already given to something
// else.
func (in *inspection) checkNames(p *Package) {
	for _, name := range builtins {
		if obj := in.pkg.Scope().Lookup(name); obj != nil {
			in.ds.add(in.at(obj), "the package declares %s; generated code needs the predeclared one", name)
		}
	}
	in.checkFree(fileTypes, "lists the package's types with file fields")
	for _, s := range p.Structs {
		in.checkFree(s.snapshotName(), "is the snapshot of "+s.Name)
		in.checkFree(s.typeVar(), "describes the file fields of "+s.Name)
		in.checkMethods(s)
		for _, f := range s.Fields {
			if slices.Contains(snapshotMethods, f.Snapshot) {
				in.ds.add(f.Pos, "%s.%s: the snapshot has a method %s; rename the field", s.Name, f.Path, f.Snapshot)
			}
		}
	}
}

// checkFree reports a declaration of name at package level.
func (in *inspection) checkFree(name, what string) {
	if obj := in.pkg.Scope().Lookup(name); obj != nil {
		in.ds.add(in.at(obj), "%s is already declared here, but generated code declares it: it %s; rename one of them", name, what)
	}
}

// checkMethods reports fields and methods of s itself that have the name of a
// generated method.
func (in *inspection) checkMethods(s Struct) {
	t := in.pkg.Scope().Lookup(s.Name).Type()
	for _, name := range recordMethods {
		obj, index, _ := types.LookupFieldOrMethod(t, true, in.pkg, name)
		if obj != nil && len(index) == 1 {
			in.ds.add(in.at(obj), "%s already has a %s, but one is generated for it; rename yours", s.Name, name)
		}
	}
}

func (in *inspection) at(obj types.Object) token.Position { return in.fset.Position(obj.Pos()) }
