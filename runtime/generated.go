package runtime

// GeneratedCode1 says that this package has what generated code of the first
// kind calls. Generated code refers to it, so that a runtime that is too old is
// a compile error that says what to do.
const GeneratedCode1 = true

// Text returns a value of a type made of string as a string. Generated code
// calls it where a conversion would also take numbers or bytes, so that it does
// not compile where such a field got another type and code was not generated
// again.
func Text[T ~string](v T) string { return string(v) }

// Nodes returns a list of one node. Generated code calls it to walk values of
// types that contain themselves, whose names it need not know then. Such a
// value must be a tree: a walk around a cycle never ends.
func Nodes[T any](root *T) []*T { return []*T{root} }
