package generator

import "go/types"

// hasFileFields reports whether a type is a struct from which a file tag can be
// reached, or holds one.
func (in *inspection) hasFileFields(t types.Type) bool {
	t = structIn(t, 0)
	if t == nil {
		return false
	}
	f := in.factsOf(t)
	if f.index == 0 {
		in.reach(f, &[]*facts{})
	}
	return f.reaches
}

// reach finds out from which structs a file tag can be reached, each struct
// once: structs that lead to each other reach the same (Tarjan's strongly
// connected components, SIAM J. Comput. 1 (1972) 146).
func (in *inspection) reach(f *facts, stack *[]*facts) {
	in.visited++
	f.index, f.low = in.visited, in.visited
	*stack = append(*stack, f)
	for i := range f.fields {
		field := &f.fields[i]
		if field.kind == tagged || field.err != nil {
			f.reaches = true
		}
		t := structIn(field.v.Type(), 0)
		if field.kind != untagged || t == nil {
			continue
		}
		next := in.factsOf(t)
		if next.index == 0 {
			in.reach(next, stack)
		}
		if !next.done {
			f.low = min(f.low, next.low)
		}
		f.reaches = f.reaches || next.reaches
	}
	if f.low != f.index {
		return
	}
	for { // f is the first of a component, which is the rest of the stack
		last := len(*stack) - 1
		c := (*stack)[last]
		*stack = (*stack)[:last]
		c.done, c.reaches = true, f.reaches
		if c == f {
			return
		}
	}
}

// structIn returns the struct type that a type is, or holds many of.
func structIn(t types.Type, depth int) types.Type {
	if depth > 8 { // type L []L
		return nil
	}
	if named, ok := types.Unalias(t).(*types.Named); ok && argumentDepth(named) > maxArgumentDepth {
		return nil
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		return types.Unalias(t)
	case *types.Pointer:
		return structIn(u.Elem(), depth+1)
	case *types.Slice:
		return structIn(u.Elem(), depth+1)
	case *types.Array:
		return structIn(u.Elem(), depth+1)
	case *types.Map:
		return structIn(u.Elem(), depth+1)
	}
	return nil
}

// maxArgumentDepth is how deep type arguments may be in each other. A type that
// holds itself with a deeper argument, T[P] a T[[]P], is an error in Go, but has
// no end before that is found.
const maxArgumentDepth = 16

func argumentDepth(t types.Type) (depth int) {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		for arg := range t.TypeArgs().Types() {
			depth = max(depth, 1+argumentDepth(arg))
		}
	case interface{ Elem() types.Type }:
		return 1 + argumentDepth(t.Elem())
	}
	return depth
}
