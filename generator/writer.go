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
	runtime string // the name under which package runtime is imported
	slices  string // the same for slices
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

// each writes code that comes to every name in the value of expr; body writes
// what to do with one. An expr that begins with a star is a pointer followed.
func (w *writer) each(expr string, s *Shape, body func(name string)) {
	switch s.Kind {
	case Text:
		if s.Convert {
			expr = w.runtime + ".Text(" + expr + ")"
		}
		body(expr)
	case Node:
		body(address(expr))
	case Names:
		v, forget := w.variable("name")
		defer forget()
		w.open("for %s := range %s.FileNames() {", v, operand(expr))
		body(v)
		w.close("}")
	case Pointer:
		w.open("if %s != nil {", expr)
		w.each("*"+expr, s.Of, body)
		w.close("}")
	case Slice, Array, Map:
		w.eachElement(expr, s, body)
	case Nullable:
		w.open("if %s.Valid {", operand(expr))
		w.each(operand(expr)+"."+s.Name, s.Of, body)
		w.close("}")
	case Select:
		w.each(operand(expr)+"."+s.Name, s.Of, body)
	case Tree:
		w.eachNode(expr, s, body)
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
func (w *writer) eachElement(expr string, s *Shape, body func(string)) {
	if big := s.Of.Kind == Select || s.Of.Kind == Array || s.Of.Kind == Node && s.Kind != Map; !big {
		v, forget := w.variable("v")
		defer forget()
		w.open("for _, %s := range %s {", v, expr)
		w.each(v, s.Of, body)
		w.close("}")
		return
	}
	i, forget := w.variable("i")
	defer forget()
	w.open("for %s := range %s {", i, expr)
	if strings.HasPrefix(expr, "*") {
		expr = "(" + expr + ")"
	}
	w.each(expr+"["+i+"]", s.Of, body)
	w.close("}")
}

// eachNode writes a loop over the nodes of a tree, and the names in each.
func (w *writer) eachNode(expr string, s *Shape, body func(string)) {
	nodes, forgetNodes := w.variable("nodes")
	defer forgetNodes()
	v, forget := w.variable("node")
	defer forget()
	w.open("for %s := %s.Nodes(%s); len(%[1]s) > 0; {", nodes, w.runtime, address(expr))
	w.line("%s := %s[len(%[2]s)-1]", v, nodes)
	w.line("%s = %[1]s[:len(%[1]s)-1]", nodes)
	w.each("*"+v, s.Of, body)
	for _, back := range s.Back {
		w.each("*"+v, back, func(child string) { w.line("%s = append(%[1]s, %s)", nodes, child) })
	}
	w.close("}")
}
