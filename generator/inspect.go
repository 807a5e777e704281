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

	"github.com/filecleangen/filecleangen/generator/internal/diag"
	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// inspection turns one unit of a package into the model.
type inspection struct {
	cfg  *Config
	fset *token.FileSet
	unit *load.Unit
	pkg  *types.Package
	ds   diag.Diagnostics // errors
	notes,
	warnings diag.Diagnostics

	// fields are the declarations of struct fields by the position of their
	// name, which is that of their type where they are embedded.
	fields     map[token.Pos]*ast.Field
	directives map[token.Pos][]directive // by the position of the type's name
	facts      map[types.Type]*facts
	visited    int             // see reach; what was visited by one inspection is done for all
	said       map[remark]bool // of fields that several structs lead to

	// Of the struct that is looked at:
	steps  int              // how many structs the ways through it have led to
	hidden *types.Var       // a field on one of them that can't be read
	doubts diag.Diagnostics // where nothing tells how it is stored
}

// remark is what is said once of a field, however many structs lead to it.
type remark struct {
	pos  token.Position
	kind string
}

// first reports whether this is the first time that a remark is made.
func (in *inspection) first(pos token.Position, kind string) bool {
	r := remark{pos, kind}
	if in.said[r] {
		return false
	}
	in.said[r] = true
	return true
}

// inspect returns the model of a package. The types of other packages are known
// as far as they could be had: what is missing matters only in the type of a
// file field. known are the types that have file fields, wanted or not.
func inspect(cfg *Config, p *load.Package) (model *Package, known []string, in *inspection) {
	model = &Package{Name: p.Name, Path: p.Path, Dir: p.Dir, Variant: p.Variant, Constraint: p.Constraint, Generated: p.Generated, Taken: p.Beside}
	all := &inspection{cfg: cfg}
	for _, u := range p.Units {
		in := newInspection(cfg, u)
		model.Taken = append(model.Taken, in.pkg.Scope().Names()...)
		known = append(known, in.structs(model)...)
		all.ds = append(all.ds, in.ds...)
		all.notes = append(all.notes, in.notes...)
		all.warnings = append(all.warnings, in.warnings...)
	}
	// Which unit a struct was found in depends on build tags; the order does not.
	slices.SortStableFunc(model.Structs, func(a, b Struct) int {
		return cmp.Or(cmp.Compare(a.Pos.Filename, b.Pos.Filename), cmp.Compare(a.Pos.Offset, b.Pos.Offset))
	})
	return model, known, all
}

func newInspection(cfg *Config, u *load.Unit) *inspection {
	return &inspection{
		cfg: cfg, unit: u, fset: u.Fset, pkg: u.Types,
		fields: map[token.Pos]*ast.Field{}, directives: map[token.Pos][]directive{}, facts: map[types.Type]*facts{}, said: map[remark]bool{},
	}
}

// structs adds the structs with file fields of a unit to the model.
func (in *inspection) structs(model *Package) (known []string) {
	for _, f := range in.unit.Files {
		in.readDirectives(f.File, f.Ours)
	}
	for _, f := range in.unit.Files {
		in.walk(f.File, f.Ours)
	}
	first := len(model.Structs)
	for _, name := range in.typeNames() {
		file := in.fileOf(name.Pos())
		if file == nil || !file.Ours {
			continue
		}
		wanted := len(in.cfg.Types) == 0 || slices.Contains(in.cfg.Types, name.Name())
		if !wanted {
			if in.silently().has(name, file) {
				known = append(known, name.Name())
			}
			continue
		}
		s, ok := in.structOf(name, file)
		if !ok {
			continue
		}
		known = append(known, s.Name)
		in.notes = append(in.notes, in.doubts...)
		s.Constraint = file.Constraint
		in.layerWarning(in.factsOf(name.Type()), s)
		if s.Key.Unresolved {
			in.warnings.Add(s.Pos, "%s gets no key, and another code than where all packages are: %s", s.Name, s.Key.Why)
		} else if len(s.Key.Parts) == 0 {
			in.notes.Add(s.Pos, "%s has no primary key that could be recognised (%s): its records can't be told apart, and files may be kept that could have gone", s.Name, s.Key.Why)
		}
		model.Structs = append(model.Structs, s)
	}
	if len(model.Structs) > first {
		in.checkNames(model, model.Structs[first:])
	}
	return known
}

func (in *inspection) fileOf(pos token.Pos) *load.File {
	for i := range in.unit.Files {
		if f := &in.unit.Files[i]; f.FileStart <= pos && pos < f.FileEnd {
			return f
		}
	}
	return nil
}

// walk notes the fields of all structs in a file, and reports file tags where
// no method can be generated for them.
func (in *inspection) walk(f *ast.File, ours bool) {
	methodless := map[*ast.StructType]bool{}
	var stack []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if t, ok := n.(*ast.TypeSpec); ok {
			if st, ok := ast.Unparen(t.Type).(*ast.StructType); ok && (t.Assign.IsValid() || t.Name.Name == "_") {
				methodless[st] = true
			}
		}
		if st, ok := n.(*ast.StructType); ok {
			in.walkStruct(st, ours && (methodless[st] || !atTopLevel(stack)))
		}
		stack = append(stack, n)
		return true
	})
}

// atTopLevel reports whether the nodes are those around a type declared at
// package level.
func atTopLevel(around []ast.Node) bool {
	decl := false
	for _, n := range around {
		switch n.(type) {
		case *ast.FuncDecl, *ast.ValueSpec, *ast.FuncLit:
			return false
		case *ast.TypeSpec:
			decl = true
		}
	}
	return decl
}

func (in *inspection) walkStruct(st *ast.StructType, methodless bool) {
	for _, field := range st.Fields.List {
		if len(field.Names) == 0 {
			in.fields[embeddedName(field.Type).Pos()] = field
		}
		for _, name := range field.Names {
			in.fields[name.Pos()] = field
		}
		if methodless && field.Tag != nil {
			_, kind, err := parseTag(literal(field.Tag))
			if slip, ok := errors.AsType[misspeltKey](err); ok {
				in.ds.Add(in.tagPositionOf(field), "%v", slip)
			} else if kind == tagged || err != nil {
				in.ds.Add(in.tagPositionOf(field), `a file tag needs a struct that is declared as a type at package level, so that it can have methods; name the struct there, or leave the field out with file:"-"`)
			}
		}
	}
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
		p, q := in.at(a), in.at(b)
		return cmp.Or(cmp.Compare(p.Filename, q.Filename), cmp.Compare(p.Offset, q.Offset))
	})
	return names
}

// silently returns an inspection that says nothing of what it finds: of types that
// are not asked for.
func (in *inspection) silently() *inspection {
	other := *in
	other.ds, other.notes, other.warnings, other.said = nil, nil, nil, map[remark]bool{}
	return &other
}

func (in *inspection) has(name *types.TypeName, file *load.File) bool {
	_, ok := in.structOf(name, file)
	return ok
}

// structOf returns the model of a type, if it is a row with file fields and is
// not left out.
func (in *inspection) structOf(name *types.TypeName, file *load.File) (s Struct, ok bool) {
	named, isNamed := name.Type().(*types.Named)
	if !isNamed || !isStruct(name.Type()) {
		return Struct{}, false
	}
	if _, ignored := in.directive(name.Pos(), "ignore"); ignored {
		return Struct{}, false
	}
	if _, marked := in.directive(name.Pos(), "select"); in.cfg.Select && !marked {
		return Struct{}, false
	}
	row := in.factsOf(name.Type())
	if row.row() {
		for i := range row.fields {
			in.checkArguments(row.fields[i].v, name.Name())
		}
	}
	if !in.hasFileFields(name.Type()) {
		return Struct{}, false
	}
	if why := in.passedOver(row, file); why != "" {
		in.notes.Add(in.at(name), "%s is passed over: %s", name.Name(), why)
		return Struct{}, false
	}
	leaves := in.leavesOf(row, name)
	if len(leaves) == 0 {
		return Struct{}, false
	}
	s = Struct{Name: name.Name(), Snapshot: in.cfg.snapshotName(name.Name()), Hooks: in.cfg.Hooks.of(row), TypeParams: named.TypeParams().Len(), Pos: in.at(name)}
	s.TypeVarTaken = in.pkg.Scope().Lookup(s.typeVar()) != nil
	if obj, _, _ := types.LookupFieldOrMethod(name.Type(), true, in.pkg, fileKey); obj != nil {
		s.FileKeyTaken = true
	}
	s.Fields = in.modelFields(s.Name, leaves)
	s.Key = in.keyOf(name.Type(), row.st)
	if d, ok := in.directive(name.Pos(), "key"); ok {
		s.Key = in.namedKey(s.Name, row.st, d)
	}
	return s, true
}

// leavesOf returns the ways from a row to the names of its files.
func (in *inspection) leavesOf(row *facts, name *types.TypeName) []leaf {
	in.steps, in.doubts = 0, nil
	said := len(in.ds)
	leaves := in.fileFields(row.t, place{row: row, name: name.Name()})
	if in.steps > maxSteps || shapesOf(leaves) > maxSteps {
		in.ds.Add(in.at(name), `%s leads to structs with file fields in more ways than can be followed; leave out what is not stored in its row with file:"-"`, name.Name())
		return nil
	}
	if row.own {
		for _, v := range row.unknown {
			in.warnings.Add(in.at(v), "%s embeds %s, which may have file fields or the primary key: %s", name.Name(), v.Name(), in.explain(v))
		}
	}
	switch {
	case len(in.ds) > said:
		return nil
	case len(leaves) == 0:
		in.notes.Add(in.at(name), "%s is passed over: the file fields that it leads to are those of other rows", name.Name())
	case !anySure(leaves) && row.joins:
		in.notes.Add(in.at(name), "%s is passed over: it holds several rows, as a query joins them", name.Name())
		return nil
	}
	return leaves
}

// modelFields names the leaves of a struct.
func (in *inspection) modelFields(owner string, leaves []leaf) (fields []Field) {
	short := map[string]int{}
	for _, l := range leaves {
		short[snapshotName(l.path, false)]++
	}
	taken := map[string]string{}
	for _, l := range leaves {
		f := Field{Path: pathOf(l.path), Tag: l.tag, Shape: l.shape, Type: in.typeString(l.v.Type()), Pos: in.at(l.v),
			Column: l.column, ColumnFrom: l.columnFrom, JSONKey: l.key, HoldOnly: l.holdOnly}
		f.Snapshot = snapshotName(l.path, short[snapshotName(l.path, false)] > 1)
		if other, ok := taken[f.Snapshot]; ok {
			in.ds.Add(f.Pos, "%s: the fields %s and %s would both be %s in the snapshot; rename one of them", owner, other, f.Path, f.Snapshot)
			continue
		}
		taken[f.Snapshot] = f.Path
		fields = append(fields, f)
	}
	return fields
}

// pathOf returns the selector from the record.
func pathOf(path []element) string {
	var b strings.Builder
	for i, e := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(e.name)
		if e.many {
			b.WriteString("[]")
		}
	}
	return b.String()
}

// snapshotName returns the name of a field in the snapshot: the names on the
// way, those of embedded structs only where it is not clear without.
func snapshotName(path []element, embedded bool) string {
	var b strings.Builder
	for i, e := range path {
		if !e.embedded || embedded || i == len(path)-1 {
			b.WriteString(exported(e.name))
		}
	}
	return b.String()
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
func (in *inspection) tagPosition(v *types.Var, p place) token.Position {
	if field := in.fields[v.Pos()]; field != nil && field.Tag != nil {
		return in.tagPositionOf(field)
	}
	return in.position(v, p) // in another package
}

func (in *inspection) tagPositionOf(field *ast.Field) token.Position {
	offset := 0
	if at := ourKey.FindStringIndex(field.Tag.Value); at != nil {
		offset = at[1] - len(tagKey+":")
	}
	if key := load.Misspelt(literal(field.Tag)); key != "" {
		offset = max(0, strings.Index(field.Tag.Value, key+":"))
	}
	return in.fset.Position(field.Tag.Pos() + token.Pos(offset))
}

func (in *inspection) at(obj types.Object) token.Position { return in.fset.Position(obj.Pos()) }

// nameOf returns the name of a type, for messages.
func (in *inspection) nameOf(t types.Type) string {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return t.Obj().Name()
	case *types.Struct:
		return "a struct"
	}
	return in.typeString(t)
}
