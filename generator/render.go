package generator

import (
	"bytes"
	"fmt"
	"go/format"
	"slices"
	"strings"
)

const runtimePath = "github.com/filecleangen/filecleangen/runtime"

// render returns the generated file of a package.
func render(p *Package) ([]byte, error) {
	w := &writer{pkg: p.Name, runtime: freeName("runtime", p.Taken)}
	w.line(header)
	w.line("")
	w.line("package %s", p.Name)
	w.line("")
	if w.runtime == "runtime" {
		w.line("import %q", runtimePath)
	} else {
		w.line("import %s %q", w.runtime, runtimePath)
	}
	for _, s := range p.Structs {
		w.snapshotType(s)
		w.description(s)
		w.recordMethods(s)
		w.snapshotMethods(s)
		w.names(s)
	}
	w.fileTypes(p)
	out, err := format.Source(w.buf.Bytes())
	if err != nil {
		return nil, fmt.Errorf("generated code does not parse, which is a bug in filecleangen: %w", err)
	}
	return out, nil
}

// freeName returns name, or a longer one if the package has taken it.
func freeName(name string, taken []string) string {
	for slices.Contains(taken, name) {
		name = "file" + name
	}
	return name
}

// writer collects the generated source.
type writer struct {
	buf     bytes.Buffer
	pkg     string
	runtime string // the name under which package runtime is imported
}

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.buf, format+"\n", args...)
}

// doc writes a comment with its declaration below it, after an empty line.
func (w *writer) doc(format string, args ...any) {
	w.line("")
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		w.line("// %s", strings.TrimSuffix(line, "\n"))
	}
}

func (w *writer) snapshotType(s Struct) {
	w.doc("%s is a snapshot: the names of all files of one %s at one moment.", s.snapshotName(), s.Name)
	w.line("type %s struct {", s.snapshotName())
	for _, f := range s.Fields {
		if f.Shape.Many() {
			w.line("%s []string", f.Snapshot)
		} else {
			w.line("%s string", f.Snapshot)
		}
	}
	w.line("}")
}

func (w *writer) description(s Struct) {
	w.doc("%s describes the file fields of %s.", s.typeVar(), s.Name)
	w.line("var %s = &%s.Type{", s.typeVar(), w.runtime)
	w.line("Name: %q,", w.pkg+"."+s.Name)
	w.line("Fields: []%s.Field{", w.runtime)
	for _, f := range s.Fields {
		shape := "Single"
		if f.Shape.Many() {
			shape = "List"
		}
		defaults := ""
		if len(f.Tag.Defaults) > 0 {
			defaults = fmt.Sprintf(", Defaults: %#v", f.Tag.Defaults)
		}
		w.line("{Path: %q, Storage: %q, Shape: %s.%s%s},", f.Path, f.Tag.Storage, w.runtime, shape, defaults)
	}
	w.line("},")
	w.line("}")
}

// receiver returns the type of the receiver of a struct's methods.
func (s Struct) receiver() string {
	if s.TypeParams == 0 {
		return "*" + s.Name
	}
	return "*" + s.Name + "[" + strings.TrimSuffix(strings.Repeat("_, ", s.TypeParams), ", ") + "]"
}

func (w *writer) recordMethods(s Struct) {
	w.doc("FileSnapshot returns the names of the record's files as they are now. Take it\nwhen the record was read, before anything in it is changed.")
	w.line("func (r %s) FileSnapshot() %s {", s.receiver(), s.snapshotName())
	w.line("var s %s", s.snapshotName())
	for _, f := range s.Fields {
		target := "s." + f.Snapshot
		w.each("r."+f.Path, &f.Shape, func(name string) {
			if f.Shape.Many() {
				w.line("%s = append(%s, %s)", target, target, name)
			} else {
				w.line("%s = %s", target, name)
			}
		})
	}
	w.line("return s")
	w.line("}")

	w.doc("FileKey returns the key by which a batch tells the record from others.")
	w.line("func (r %s) FileKey() %s.Key {", s.receiver(), w.runtime)
	if s.Key.Func == "" {
		w.line("return %s.Key{} // no primary key was recognised", w.runtime)
	} else {
		w.line("return %s.%s(r.%s)", w.runtime, s.Key.Func, s.Key.Path)
	}
	w.line("}")

	w.doc("AfterCreate logs that the record was inserted.")
	w.line("func (r %s) AfterCreate(b *%s.Batch) {", s.receiver(), w.runtime)
	w.line("log := b.Created(%s, r.FileKey())", s.typeVar())
	w.line("r.holdFiles(&log)")
	w.line("}")

	w.doc("BeforeUpdate logs that the record is written to a row that named the files in\nold, read in the same transaction.")
	w.line("func (r %s) BeforeUpdate(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.snapshotName())
	w.line("log := b.Updated(%s, r.FileKey())", s.typeVar())
	w.line("r.holdFiles(&log)")
	w.line("old.releaseFiles(&log)")
	w.line("}")

	w.doc("AfterDelete logs that the record's row, which named the files in old, is\ndeleted.")
	w.line("func (r %s) AfterDelete(b *%s.Batch, old %s) {", s.receiver(), w.runtime, s.snapshotName())
	w.line("old.LogDelete(b, r.FileKey())")
	w.line("}")
}

// snapshotMethods are the same for callers that have snapshots and a key but no
// record.
func (w *writer) snapshotMethods(s Struct) {
	w.doc("LogCreate logs that a row with these files was inserted.")
	w.line("func (s %s) LogCreate(b *%s.Batch, key %s.Key) {", s.snapshotName(), w.runtime, w.runtime)
	w.line("log := b.Created(%s, key)", s.typeVar())
	w.line("s.holdFiles(&log)")
	w.line("}")

	w.doc("LogUpdate logs that a row that named the files in old is written to name these.")
	w.line("func (s %s) LogUpdate(b *%s.Batch, key %s.Key, old %s) {", s.snapshotName(), w.runtime, w.runtime, s.snapshotName())
	w.line("log := b.Updated(%s, key)", s.typeVar())
	w.line("s.holdFiles(&log)")
	w.line("old.releaseFiles(&log)")
	w.line("}")

	w.doc("LogDelete logs that a row with these files is deleted.")
	w.line("func (s %s) LogDelete(b *%s.Batch, key %s.Key) {", s.snapshotName(), w.runtime, w.runtime)
	w.line("log := b.Deleted(%s, key)", s.typeVar())
	w.line("s.releaseFiles(&log)")
	w.line("}")
}

// names writes the methods that walk the names of a record and of a snapshot.
func (w *writer) names(s Struct) {
	w.line("")
	w.line("func (r %s) holdFiles(log *%s.Record) {", s.receiver(), w.runtime)
	for i, f := range s.Fields {
		w.each("r."+f.Path, &f.Shape, func(name string) { w.line("log.Hold(%d, %s)", i, name) })
	}
	w.line("}")
	for _, m := range []struct{ method, call string }{{"holdFiles", "Hold"}, {"releaseFiles", "Release"}} {
		w.line("")
		w.line("func (s *%s) %s(log *%s.Record) {", s.snapshotName(), m.method, w.runtime)
		for i, f := range s.Fields {
			shape := &Shape{Kind: Text}
			if f.Shape.Many() {
				shape = &Shape{Kind: Slice, Of: shape}
			}
			w.each("s."+f.Snapshot, shape, func(name string) { w.line("log.%s(%d, %s)", m.call, i, name) })
		}
		w.line("}")
	}
}

// each writes code that comes to every name in the value of expr; body writes
// what to do with one.
func (w *writer) each(expr string, shape *Shape, body func(name string)) {
	switch shape.Kind {
	case Text:
		if shape.Convert {
			expr = "string(" + expr + ")"
		}
		body(expr)
	case Pointer:
		w.line("if %s != nil {", expr)
		w.each("*"+expr, shape.Of, body)
		w.line("}")
	case Slice:
		w.line("for _, v := range %s {", expr)
		w.each("v", shape.Of, body)
		w.line("}")
	case Nullable:
		if expr[0] == '*' {
			expr = "(" + expr + ")"
		}
		w.line("if %s.Valid {", expr)
		w.each(expr+"."+shape.Value, shape.Of, body)
		w.line("}")
	}
}

func (w *writer) fileTypes(p *Package) {
	w.doc("FileTypes returns the types of this package that have file fields, for\nruntime.WithTypes.")
	w.line("func %s() []*%s.Type {", fileTypes, w.runtime)
	w.line("return []*%s.Type{", w.runtime)
	for _, s := range p.Structs {
		w.line("%s,", s.typeVar())
	}
	w.line("}")
	w.line("}")
}
