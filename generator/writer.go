package generator

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// writer collects the generated source. It writes what gofmt would, which takes
// a tenth of the time that formatting takes; tests hold it to that.
type writer struct {
	buf     bytes.Buffer
	depth   int
	runtime string            // the name under which package runtime is imported
	slices  string            // the same for slices
	imports map[string]string // what is imported but for slices, by path
	names   map[string]int
}

func (w *writer) line(format string, args ...any) {
	for range w.depth {
		w.buf.WriteByte('\t')
	}
	if len(args) == 0 {
		w.buf.WriteString(format)
	} else {
		fmt.Fprintf(&w.buf, format, args...)
	}
	w.buf.WriteByte('\n')
}

func (w *writer) blank() { w.buf.WriteByte('\n') }

// open writes the line that begins a block, close the one that ends it.
func (w *writer) open(format string, args ...any) {
	if w.depth == 0 {
		w.names = map[string]int{}
	}
	w.line(format, args...)
	w.depth++
}

func (w *writer) close(end string) {
	w.depth--
	w.line("%s", end)
}

// doc writes a comment with its declaration below it, after an empty line.
func (w *writer) doc(format string, args ...any) {
	w.blank()
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		w.line("// %s", strings.TrimSuffix(line, "\n"))
	}
}

// variable returns a name like the one given that no variable around has, until
// it is forgotten.
func (w *writer) variable(name string) (unique string, forget func()) {
	w.names[name]++
	unique = name
	if n := w.names[name]; n > 1 {
		unique += strconv.Itoa(n)
	}
	return unique, func() { w.names[name]-- }
}

// freeName returns name, or a longer one if the package has taken it.
func freeName(name string, taken []string) string {
	for slices.Contains(taken, name) {
		name = "file" + name
	}
	return name
}

// body writes what to do with a name, and with a []string of them.
type body struct {
	one func(name string)
	all func(names string) // nil: as with each of them
}

// each writes code that comes to every name in the value of expr, and what to do
// with it. An expr that begins with a star is a pointer followed.
func (w *writer) each(expr string, s *Shape, do body) {
	switch s.Kind {
	case Text:
		if s.Convert {
			expr = w.runtime + ".Text(" + expr + ")"
		}
		do.one(expr)
	case Node:
		do.one(address(expr))
	case Names:
		v, forget := w.variable("name")
		defer forget()
		w.open("for %s := range %s.FileNames() {", v, operand(expr))
		do.one(v)
		w.close("}")
	case Pointer:
		w.open("if %s != nil {", expr)
		w.each("*"+expr, s.Of, do)
		w.close("}")
	case Slice, Array, Map:
		if plain := s.Kind == Slice && s.Of.Kind == Text && !s.Of.Convert; plain && do.all != nil {
			do.all(expr)
			return
		}
		w.eachElement(expr, s, do)
	case Nullable:
		w.open("if %s.Valid {", operand(expr))
		w.each(operand(expr)+"."+s.Name, s.Of, do)
		w.close("}")
	case Select:
		w.each(operand(expr)+"."+s.Name, s.Of, do)
	case Tree:
		w.eachNode(expr, s, do)
	}
}

// operand returns expr such that a selector can follow: Go dereferences one
// pointer by itself.
func operand(expr string) string {
	p, ok := strings.CutPrefix(expr, "*")
	if ok && strings.HasPrefix(p, "*") {
		return "(" + p + ")"
	}
	return p
}

func address(expr string) string {
	if p, ok := strings.CutPrefix(expr, "*"); ok {
		return p
	}
	return "&" + expr
}

// eachElement writes a loop. Structs and arrays are not copied, where they have
// an address.
func (w *writer) eachElement(expr string, s *Shape, do body) {
	if big := s.Of.Kind == Select || s.Of.Kind == Array || s.Of.Kind == Node && s.Kind != Map; !big {
		v, forget := w.variable("v")
		defer forget()
		w.open("for _, %s := range %s {", v, expr)
		w.each(v, s.Of, do)
		w.close("}")
		return
	}
	i, forget := w.variable("i")
	defer forget()
	w.open("for %s := range %s {", i, expr)
	if strings.HasPrefix(expr, "*") {
		expr = "(" + expr + ")"
	}
	w.each(expr+"["+i+"]", s.Of, do)
	w.close("}")
}

// eachNode writes a loop over the nodes of a tree, and the names in each.
func (w *writer) eachNode(expr string, s *Shape, do body) {
	nodes, forgetNodes := w.variable("nodes")
	defer forgetNodes()
	v, forget := w.variable("node")
	defer forget()
	w.open("for %s := %s.Nodes(%s); len(%[1]s) > 0; {", nodes, w.runtime, address(expr))
	w.line("%s := %s[len(%[2]s)-1]", v, nodes)
	w.line("%s = %[1]s[:len(%[1]s)-1]", nodes)
	w.each("*"+v, s.Of, do)
	for _, back := range s.Back {
		w.each("*"+v, back, body{one: func(child string) { w.line("%s = append(%[1]s, %s)", nodes, child) }})
	}
	w.close("}")
}
