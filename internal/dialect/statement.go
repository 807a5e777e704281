package dialect

import "strings"

// A Statement is SQL text that is put together, and its arguments.
type Statement struct {
	dialect Dialect
	text    strings.Builder
	args    []any
	shared  map[any]string // placeholders by what they stand for
}

// New begins a statement with text that has no arguments.
func New(d Dialect, text string) *Statement {
	s := &Statement{dialect: d}
	s.text.WriteString(text)
	return s
}

// Raw appends text as it is.
func (s *Statement) Raw(text string) *Statement {
	s.text.WriteString(text)
	return s
}

// Add appends text, with an argument for each question mark in it.
func (s *Statement) Add(text string, args ...any) *Statement {
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			s.args = append(s.args, args[i-1])
			s.text.WriteString(s.dialect.Bind(len(s.args)))
		}
		s.text.WriteString(part)
	}
	return s
}

// Bind returns a placeholder for an argument; the same one for the same key, where
// the database lets one be used twice.
func (s *Statement) Bind(key any, arg func() any) string {
	if bound, ok := s.shared[key]; ok {
		return bound
	}
	s.args = append(s.args, arg())
	if again := s.dialect.Again(len(s.args)); again != "" {
		if s.shared == nil {
			s.shared = map[any]string{}
		}
		s.shared[key] = again
	}
	return s.dialect.Bind(len(s.args))
}

// In appends a list of arguments in parentheses.
func In[T any](s *Statement, values []T) *Statement {
	for i, v := range values {
		s.Add([]string{"(?", ", ?"}[min(i, 1)], v)
	}
	s.text.WriteByte(')')
	return s
}

// String returns the text.
func (s *Statement) String() string { return s.text.String() }

// Args returns the arguments.
func (s *Statement) Args() []any { return s.args }
