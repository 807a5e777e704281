package generator

import (
	"cmp"
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// inspection turns one package into the model.
type inspection struct {
	*source
	pkg *types.Package
	ds  Diagnostics

	// fields are the declarations of struct fields by the position of their
	// name, which is that of their type where they are embedded.
	fields map[token.Pos]*ast.Field
	// typeErrors are what the type checker has to say. Most of it doesn't
	// matter: only errors in the type of a file field are ours to report.
	typeErrors []types.Error
	// unresolved says that a type that matters comes from a package whose
	// types were not loaded.
	unresolved bool
}

// inspect returns the model of a package and what is wrong with it. It first
// makes do without the types of other packages, which is enough where file
// fields are strings.
func inspect(l *loader, s *source) (*Package, Diagnostics, error) {
	in := newInspection(s, importer{})
	p := in.model()
	if !in.unresolved {
		return p, in.ds, nil
	}
	imports, err := l.imports(s)
	if err != nil {
		return nil, nil, err
	}
	in = newInspection(s, imports)
	return in.model(), in.ds, nil
}

// newInspection checks the declarations of a package, not the bodies of its
// functions.
func newInspection(s *source, imports types.Importer) *inspection {
	in := &inspection{source: s, fields: map[token.Pos]*ast.Field{}}
	config := types.Config{
		Importer:         imports,
		IgnoreFuncBodies: true,
		FakeImportC:      true,
		Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); ok {
				in.typeErrors = append(in.typeErrors, e)
			}
		},
	}
	in.pkg, _ = config.Check(s.name, s.fset, s.files, nil) // errors are collected
	return in
}

func (in *inspection) model() *Package {
	for _, f := range in.files {
		in.walk(f)
	}
	p := &Package{Name: in.name, Dir: in.dir, Taken: in.pkg.Scope().Names()}
	for _, name := range in.typeNames() {
		if s, ok := in.structOf(name); ok {
			p.Structs = append(p.Structs, s)
		}
	}
	if len(p.Structs) > 0 {
		in.checkNames(p)
	}
	return p
}

// walk notes the fields of all structs in a file, and reports file tags where
// no method can be generated for them.
func (in *inspection) walk(f *ast.File) {
	named := map[*ast.StructType]bool{}
	for _, decl := range f.Decls {
		if d, ok := decl.(*ast.GenDecl); ok {
			for _, spec := range d.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && !t.Assign.IsValid() && t.Name.Name != "_" {
					if st, ok := ast.Unparen(t.Type).(*ast.StructType); ok {
						named[st] = true
					}
				}
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		st, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range st.Fields.List {
			if len(field.Names) == 0 {
				in.fields[embeddedName(field.Type).Pos()] = field
			}
			for _, name := range field.Names {
				in.fields[name.Pos()] = field
			}
			if !named[st] && field.Tag != nil {
				if _, ok, err := parseTag(literal(field.Tag)); ok || err != nil {
					in.ds.add(in.tagPosition(field), `a file tag needs a struct that is declared as a type at package level, so that it can have methods; name the struct there, or leave the field out with file:"-"`)
				}
			}
		}
		return true
	})
}

// embeddedName returns the part of an embedded type that names the field.
func embeddedName(t ast.Expr) ast.Expr {
	switch t := ast.Unparen(t).(type) {
	case *ast.StarExpr:
		return embeddedName(t.X)
	case *ast.SelectorExpr:
		return t.Sel
	case *ast.IndexExpr:
		return embeddedName(t.X)
	case *ast.IndexListExpr:
		return embeddedName(t.X)
	}
	return t
}

// typeNames returns the types declared at package level, in source order.
func (in *inspection) typeNames() []*types.TypeName {
	var names []*types.TypeName
	for _, n := range in.pkg.Scope().Names() {
		if t, ok := in.pkg.Scope().Lookup(n).(*types.TypeName); ok && !t.IsAlias() {
			names = append(names, t)
		}
	}
	slices.SortFunc(names, func(a, b *types.TypeName) int {
		p, q := in.fset.Position(a.Pos()), in.fset.Position(b.Pos())
		return cmp.Or(cmp.Compare(p.Filename, q.Filename), cmp.Compare(p.Offset, q.Offset))
	})
	return names
}

// structOf returns the model of a type, if it has file fields.
func (in *inspection) structOf(name *types.TypeName) (s Struct, ok bool) {
	named, isNamed := name.Type().(*types.Named)
	st, isStruct := name.Type().Underlying().(*types.Struct)
	if !isNamed || !isStruct {
		return Struct{}, false
	}
	s = Struct{Name: name.Name(), TypeParams: named.TypeParams().Len(), Pos: in.fset.Position(name.Pos())}
	found := false
	for i := range st.NumFields() {
		v := st.Field(i)
		tag, isFile, err := parseTag(st.Tag(i))
		if err != nil {
			in.ds.add(in.tagPosition(in.fields[v.Pos()]), "%s.%s: %v", s.Name, v.Name(), err)
		}
		found = found || isFile || err != nil
		if isFile {
			in.addField(&s, v, tag)
		}
	}
	in.checkEmbedded(s.Name, st, found)
	if !found {
		return Struct{}, false
	}
	if s.TypeParams == 0 { // instances of a generic type are stored in tables of their own
		s.Key = in.keyOf(st)
	}
	return s, true
}

// addField adds a file field to s, or reports why it can't.
func (in *inspection) addField(s *Struct, v *types.Var, tag Tag) {
	pos := in.fset.Position(v.Pos())
	if v.Name() == "_" {
		in.ds.add(pos, "%s: a blank field can't be read; give it a name", s.Name)
		return
	}
	shape, err := shapeOf(v.Type(), in.pkg)
	if err != nil {
		in.ds.add(pos, "%s.%s: %s", s.Name, v.Name(), in.explain(v, err))
		return
	}
	f := Field{Path: v.Name(), Snapshot: exported(v.Name()), Tag: tag, Shape: *shape, Pos: pos}
	for _, other := range s.Fields {
		if other.Snapshot == f.Snapshot {
			in.ds.add(pos, "%s: the fields %s and %s would both be %s in the snapshot; rename one of them", s.Name, other.Path, f.Path, f.Snapshot)
			return
		}
	}
	s.Fields = append(s.Fields, f)
}

// exported returns a name that encoders see: snapshots are stored by programs.
func exported(name string) string {
	if token.IsExported(name) {
		return name
	}
	upper := strings.ToUpper(name[:1]) + name[1:]
	if token.IsExported(upper) {
		return upper
	}
	return "File" + name
}

// literal returns the value of a tag literal.
func literal(tag *ast.BasicLit) string {
	value, err := strconv.Unquote(tag.Value)
	if err != nil {
		return ""
	}
	return value
}

// tagPosition returns where in the source our key stands, or the best position
// known.
func (in *inspection) tagPosition(field *ast.Field) token.Position {
	switch {
	case field == nil:
		return token.Position{}
	case field.Tag == nil:
		return in.fset.Position(field.Pos())
	}
	offset := 0
	if at := ourKey.FindStringIndex(field.Tag.Value); at != nil {
		offset = at[1] - len(tagKey+":")
	}
	return in.fset.Position(field.Tag.Pos() + token.Pos(offset))
}
