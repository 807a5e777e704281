package generator

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	modulePath  = "github.com/filecleangen/filecleangen"
	runtimePath = modulePath + "/runtime"
	// minimum is the constant of package runtime that says what generated code
	// needs of it.
	minimum = "GeneratedCode1"
)

// render returns the source of one generated file.
func render(p *Package, o *output, flags string) []byte {
	w := &writer{runtime: freeName("runtime", p.Taken), slices: freeName("slices", p.Taken)}
	w.imports = map[string]string{runtimePath: w.runtime}
	for _, s := range o.structs {
		for _, i := range hookSets[s.Hooks].imports {
			w.imports[i] = freeName(path.Base(i), p.Taken)
		}
	}
	w.buf.Grow(4096 * (1 + len(o.structs))) // about what comes
	w.preamble(p, o, flags)
	for i := range o.structs {
		s := &o.structs[i]
		w.snapshotType(s)
		w.description(p, s)
		w.recordMethods(s)
		hookSets[s.Hooks].write(w, s)
		w.snapshotMethods(s)
	}
	w.fileTypes(o)
	return w.buf.Bytes()
}

func (w *writer) preamble(p *Package, o *output, flags string) {
	if o.constraint != "" {
		w.line("//go:build %s", o.constraint)
		w.blank()
	}
	w.line(header)
	w.blank()
	if flags != "" {
		w.line("%s %s", flagsPrefix, flags)
		w.blank()
	}
	w.line("package %s", p.Name)
	w.blank()
	imports := w.importSpecs()
	if o.sorts() {
		imports = append([]string{importSpec(w.slices, "slices"), ""}, imports...)
	}
	if len(imports) == 1 {
		w.line("import %s", imports[0])
	} else {
		w.open("import (")
		for _, i := range imports {
			if i == "" {
				w.blank()
			} else {
				w.line("%s", i)
			}
		}
		w.close(")")
	}
	w.blank()
	w.line("// If this does not compile, the runtime is older than the generator:")
	w.line("// go get %s@latest", modulePath)
	w.line("const _ = %s.%s", w.runtime, minimum)
}

// importSpecs returns what is imported beside the standard library, sorted by path.
func (w *writer) importSpecs() (specs []string) {
	for _, p := range slices.Sorted(maps.Keys(w.imports)) {
		specs = append(specs, importSpec(w.imports[p], p))
	}
	return specs
}

func importSpec(name, path string) string {
	if strings.HasSuffix(path, name) && (len(path) == len(name) || path[len(path)-len(name)-1] == '/') {
		return strconv.Quote(path)
	}
	return name + " " + strconv.Quote(path)
}

func (w *writer) snapshotType(s *Struct) {
	w.doc("%s is a snapshot: the names of all files of one %s at one moment.", s.Snapshot, s.Name)
	w.open("type %s struct {", s.Snapshot)
	width := 0
	for _, f := range s.Fields {
		width = max(width, len([]rune(f.Snapshot)))
	}
	for _, f := range s.Fields {
		typ := "string"
		if f.Shape.Many() {
			typ = "[]string"
		}
		w.line("%-*s %s", width, f.Snapshot, typ)
	}
	w.close("}")
}

func (w *writer) description(p *Package, s *Struct) {
	w.doc("%s describes the file fields of %s.", s.typeVar(), s.Name)
	w.open("var %s = &%s.Type{", s.typeVar(), w.runtime)
	name := p.Name + "." + s.Name
	if p.Path == "" {
		w.line("Name: %q,", name)
	} else {
		w.line("Name:    %q,", name)
		w.line("Package: %q,", p.Path)
	}
	w.open("Fields: []%s.Field{", w.runtime)
	for _, f := range s.Fields {
		w.line("{%s},", strings.Join(w.fieldDescription(f), ", "))
	}
	w.close("},")
	w.close("}")
}

func (w *writer) fieldDescription(f Field) []string {
	shape := "Single"
	if f.Shape.Many() {
		shape = "List"
	}
	parts := []string{"Path: " + strconv.Quote(f.Path), "Storage: " + strconv.Quote(f.Tag.Storage), "Shape: " + w.runtime + "." + shape}
	parts = append(parts, "Column: "+strconv.Quote(f.Column))
	if f.ColumnFrom == fromGuess {
		parts = append(parts, "Guessed: true")
	}
	if f.JSONKey != "" {
		parts = append(parts, "JSONKey: "+strconv.Quote(f.JSONKey))
	}
	if f.HoldOnly {
		parts = append(parts, "HoldOnly: true")
	}
	if len(f.Tag.Defaults) > 0 {
		parts = append(parts, fmt.Sprintf("Defaults: %#v", f.Tag.Defaults))
	}
	if len(f.Tag.Derived) > 0 {
		parts = append(parts, fmt.Sprintf("Derived: %#v", f.Tag.Derived))
	}
	if f.Tag.Prune {
		parts = append(parts, "Prune: true")
	}
	if f.Tag.Keep {
		parts = append(parts, "Keep: true")
	}
	if f.Shape.Opaque() {
		parts = append(parts, "Opaque: true")
	}
	return parts
}

// receiver returns the type of the receiver of a struct's methods.
func (s *Struct) receiver() string {
	if s.TypeParams == 0 {
		return "*" + s.Name
	}
	return "*" + s.Name + "[" + strings.TrimSuffix(strings.Repeat("_, ", s.TypeParams), ", ") + "]"
}

func (w *writer) recordMethods(s *Struct) {
	w.doc("FileSnapshot returns the names of the record's files as they are now. Take it\nwhen the record was read, before anything in it is changed.")
	w.open("func (r %s) FileSnapshot() %s {", s.receiver(), s.Snapshot)
	w.line("var s %s", s.Snapshot)
	for _, f := range s.Fields {
		target := "s." + f.Snapshot
		w.each("*r", f.Shape, body{
			one: func(name string) {
				if f.Shape.Many() {
					w.line("%s = append(%s, %s)", target, target, name)
				} else {
					w.line("%s = %s", target, name)
				}
			},
			all: func(names string) { w.line("%s = append(%s, %s...)", target, target, names) },
		})
		if f.Shape.Unordered() {
			w.line("%s.Sort(%s)", w.slices, target)
		}
	}
	w.line("return s")
	w.close("}")

	w.doc("%s returns the key by which a batch tells the record from others.", s.keyMethod())
	w.open("func (r %s) %s() %s.Key {", s.receiver(), s.keyMethod(), w.runtime)
	w.key(s.Key)
	w.close("}")
}

func (w *writer) key(k Key) {
	if len(k.Parts) == 0 {
		w.line("return %s.Key{} // no primary key was recognised", w.runtime)
		return
	}
	var absent []string // what must not hold
	var expr strings.Builder
	for i, p := range k.Parts {
		value := "r." + p.Path
		unless := make([]string, 0, 2)
		for _, pointer := range p.Pointers {
			unless = append(unless, "r."+pointer+" == nil")
		}
		switch {
		case p.Pointer:
			unless = append(unless, value+" == nil")
			value = "*" + value
		case p.Valid != "":
			unless = append(unless, "!"+value+".Valid")
			value += "." + p.Valid
		}
		for _, u := range unless {
			if !slices.Contains(absent, u) {
				absent = append(absent, u)
			}
		}
		part := fmt.Sprintf("%s.%s(%s)", w.runtime, p.Func, value)
		if i > 0 {
			part = ".And(" + part + ")"
		}
		expr.WriteString(part)
	}
	for _, condition := range absent {
		w.open("if %s {", condition)
		w.line("return %s.Key{}", w.runtime)
		w.close("}")
	}
	w.line("return %s", expr.String())
}

// snapshotMethods are for callers that have snapshots and a key but no record,
// and what those of records are made of.
func (w *writer) snapshotMethods(s *Struct) {
	w.doc("LogCreate logs that a row with these files was inserted.")
	w.open("func (s %s) LogCreate(b *%s.Batch, key %s.Key) {", s.Snapshot, w.runtime, w.runtime)
	w.line("log := b.Created(%s, key)", s.typeVar())
	w.line("s.holdFiles(&log)")
	w.close("}")

	w.doc("LogUpdate logs that a row that named the files in old is written to name these.")
	w.open("func (s %s) LogUpdate(b *%s.Batch, key %s.Key, old %s) {", s.Snapshot, w.runtime, w.runtime, s.Snapshot)
	w.line("log := b.Updated(%s, key)", s.typeVar())
	w.line("s.holdFiles(&log)")
	w.line("old.releaseFiles(&log)")
	w.close("}")

	w.doc("LogDelete logs that a row with these files is deleted.")
	w.open("func (s %s) LogDelete(b *%s.Batch, key %s.Key) {", s.Snapshot, w.runtime, w.runtime)
	w.line("log := b.Deleted(%s, key)", s.typeVar())
	w.line("s.releaseFiles(&log)")
	w.close("}")

	for _, m := range []struct{ method, call string }{{"holdFiles", hold}, {"releaseFiles", differ}} {
		w.blank()
		w.open("func (s *%s) %s(log *%s.Record) {", s.Snapshot, m.method, w.runtime)
		w.logSnapshot(s, "s", m.call)
		w.close("}")
	}
}

// logSnapshot writes calls that log all names of a snapshot.
func (w *writer) logSnapshot(s *Struct, snapshot, call string) {
	for i, f := range s.Fields {
		if f.HoldOnly && call != hold {
			continue
		}
		shape := &Shape{Kind: Text}
		if f.Shape.Many() {
			shape = &Shape{Kind: Slice, Of: shape}
		}
		w.each(snapshot+"."+f.Snapshot, shape, w.logCall(call, i))
	}
}

// The calls that log names.
const (
	hold    = "Hold"
	release = "Release"
	differ  = "differ" // Release, unless the record holds the name, too
)

// logCall writes the call that logs a name, or a list of them, of a field.
func (w *writer) logCall(call string, field int) body {
	if call == differ {
		return body{
			one: func(name string) {
				w.open("if !log.Same(%d, %s) {", field, name)
				w.line("log.Release(%d, %s)", field, name)
				w.close("}")
			},
			all: func(names string) { w.line("log.ReleaseAll(%d, %s)", field, names) },
		}
	}
	return body{
		one: func(name string) { w.line("log.%s(%d, %s)", call, field, name) },
		all: func(names string) { w.line("log.%sAll(%d, %s)", call, field, names) },
	}
}

// fileTypes writes the function that lists the types of this file, and of the
// others of the package.
func (w *writer) fileTypes(o *output) {
	for _, list := range o.lists {
		if list.exported {
			w.doc("%s returns the types of this package that have file fields, for\nruntime.WithTypes.", list.name)
		} else {
			w.blank()
		}
		w.open("func %s() []*%s.Type {", list.name, w.runtime)
		w.list(list)
		w.close("}")
	}
}

func (w *writer) list(list typeList) {
	if len(list.types) == 0 && len(list.more) == 0 {
		w.line("return nil")
		return
	}
	begin, end := "return []*%s.Type{", "}"
	if len(list.more) > 0 {
		begin = "types := []*%s.Type{"
	}
	if len(list.types) == 0 {
		w.line(begin+end, w.runtime)
	} else {
		w.open(begin, w.runtime)
		for _, t := range list.types {
			w.line("%s,", t)
		}
		w.close(end)
	}
	for _, call := range list.more {
		w.line("types = append(types, %s()...)", call)
	}
	if len(list.more) > 0 {
		w.line("return types")
	}
}
