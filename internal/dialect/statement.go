package dialect

import "strings"

// A Statement is SQL text that is put together, and its arguments.
type Statement struct {
	dialect Dialect
	text    strings.Builder
	args    []any
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
