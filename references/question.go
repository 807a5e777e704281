package references

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// A statement asks about no more names than most, and has no more arguments and bytes
// than these, where each value is an argument of its own, in hexadecimal, for each
// column and perhaps each of two character sets.
const (
	most          = 1000
	mostArguments = 30_000
	mostBytes     = 4 << 20
)

// mostTerms is how many queries are put together; SQLite takes no more than 500.
const mostTerms = 100

// question is names of files that columns are asked for.
type question struct {
	refs    *References
	storage string
	columns []*column
	names   []string

	named   map[string]struct{}
	unknown map[string]error
}

func (r *References) question(storage string, columns []*column, names []string) *question {
	return &question{refs: r, storage: storage, columns: columns, names: names, named: map[string]struct{}{}, unknown: map[string]error{}}
}

// ask asks about all names. An error about some of them is narrowed down to those
// that it is about.
func (q *question) ask(ctx context.Context, tx runtime.Tx) error {
	for rest := q.names; len(rest) > 0; {
		part := rest[:q.chunk(rest)]
		rest = rest[len(part):]
		err := q.try(ctx, tx, part)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || errors.Is(err, errEnded) || q.try(ctx, tx, []string{probe}) != nil {
			return err // it is not about names
		}
		if err := q.halve(ctx, tx, part, err); err != nil {
			return err
		}
	}
	return nil
}

// chunk returns how many of the names are asked about in one statement.
func (q *question) chunk(list []string) int {
	times := 1 // that a value is in it
	if q.refs.dialect.Again(1) == "" {
		for _, c := range q.columns {
			if c.source.Form == dialect.Text {
				times++
			}
		}
	}
	arguments, bytes := 0, 0
	for i, name := range list {
		values := 2 * times * len(plain.Values(name))
		arguments += values
		bytes += values * (2*len(name) + 100)
		if i > 0 && (i == most || arguments > mostArguments || bytes > mostBytes) {
			return i
		}
	}
	return len(list)
}

// halve asks about parts of names that can't be asked about together.
func (q *question) halve(ctx context.Context, tx runtime.Tx, part []string, failed error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(failed, errEnded) {
		return failed
	}
	if len(part) == 1 {
		q.unknown[part[0]] = failed
		return nil
	}
	for _, half := range [][]string{part[:len(part)/2], part[len(part)/2:]} {
		if err := q.try(ctx, tx, half); err != nil {
			if err := q.halve(ctx, tx, half, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// try asks about names. An error leaves the transaction as it was.
func (q *question) try(ctx context.Context, tx runtime.Tx, part []string) error {
	return guarded(ctx, tx, func() error {
		if err := q.find(ctx, tx, part); err != nil {
			return err
		}
		for _, f := range q.refs.funcs[q.storage] {
			found, err := called(ctx, f, tx, q.storage, part)
			if err != nil {
				return fmt.Errorf("the function of references.Func: %w", err)
			}
			for _, name := range found {
				q.named[name] = struct{}{}
			}
		}
		return nil
	})
}

// called calls a function; that it panics is an error.
func called(ctx context.Context, f Function, tx runtime.Tx, storage string, names []string) (named []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f(ctx, tx, storage, names)
}

// errEnded is wrapped by an error after which the transaction is not there any more.
var errEnded = errors.New("the database has ended the transaction")

// guarded runs do such that its error leaves the transaction as it was.
func guarded(ctx context.Context, tx runtime.Tx, do func() error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT filecleangen_ask"); err != nil {
		return err
	}
	err := do()
	if err == nil {
		return nil
	}
	if _, back := tx.ExecContext(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT filecleangen_ask"); back != nil {
		return fmt.Errorf("%w: %w", errEnded, errors.Join(err, back))
	}
	return err
}

// find asks all columns about names by one statement, which sees one state of the
// database: or a name that moves from one to another meanwhile, or comes to be spelled
// otherwise, would be seen in neither.
func (q *question) find(ctx context.Context, tx runtime.Tx, part []string) error {
	if len(q.columns) == 0 {
		return nil
	}
	d := q.refs.dialect
	s, w := dialect.New(d, ""), newWanted(part)
	union(s, q.columns, func(c *column) {
		src := c.source
		// An index has values as they are, and not what else may stand for a name.
		src.Indexed = src.Indexed && (c.mapping.Name == nil || src.Form != dialect.JSON)
		d.Find(s, src, w.valuesIn(c.mapping), "")
		if c.mapping.isPrefix && c.source.Form != dialect.JSON {
			s.Raw(" UNION ALL ")
			d.FindTails(s, c.source, c.mapping.prefix)
		}
	})
	is := func(name string) { q.named[name] = struct{}{} }
	bad := false
	err := dialect.QueryValues(ctx, tx, s, func(m dialect.Match, value []byte) error {
		bad = w.found(m, value, is) || bad
		return nil
	})
	if err == nil && bad {
		q.refs.reportDocuments(ctx, tx, q.columns)
	}
	return err
}

// union puts a query for each column together, in groups if there are many.
func union(s *dialect.Statement, columns []*column, add func(c *column)) {
	if len(columns) <= mostTerms {
		for i, c := range columns {
			s.Raw([]string{"", " UNION ALL "}[min(i, 1)])
			add(c)
		}
		return
	}
	first := true
	for group := range slices.Chunk(columns, mostTerms) {
		s.Raw(map[bool]string{true: "SELECT * FROM (", false: " UNION ALL SELECT * FROM ("}[first])
		union(s, group, add)
		s.Raw(") u")
		first = false
	}
}

// reportDocuments logs, once, the rows whose documents can't be taken apart.
func (r *References) reportDocuments(ctx context.Context, tx runtime.Tx, columns []*column) {
	const mostReported = 100
	for _, c := range columns {
		if c.source.Form != dialect.JSON || !r.first("documents of "+c.source.Table+"."+c.source.Column) {
			continue
		}
		err := guarded(ctx, tx, func() error {
			n := 0
			return dialect.QueryKeyed(ctx, tx, r.dialect.Keyed(c.source), func(key string, m dialect.Match, document []byte) error {
				if n >= mostReported || dialect.InValue(m, document, nil, func([]byte) {}) {
					return nil
				}
				n++
				r.warn(ctx, "filecleangen: a document is no JSON; it is searched as a text, and taken to name what stands in it",
					slog.String("table", c.source.Table), slog.String("column", c.source.Column), slog.String("key", key))
				return nil
			})
		})
		if err != nil && ctx.Err() == nil {
			r.warn(ctx, "filecleangen: a document is no JSON; which row's it is could not be found", slog.String("table", c.source.Table), slog.String("column", c.source.Column), slog.Any("error", err))
		}
	}
}

func (r *References) warn(ctx context.Context, message string, attrs ...slog.Attr) {
	r.logger.LogAttrs(ctx, slog.LevelWarn, message, attrs...)
}

// first reports whether something is said for the first time.
func (r *References) first(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := r.raised[what]
	r.raised[what] = true
	return !said
}

// wanted is names, and the values that mean them.
type wanted struct {
	names  map[string]struct{}
	list   []string
	byForm map[string]*meant
}

// meant is the values that mean names by one mapping.
type meant struct {
	mapping Mapping
	names   bool // whether that is the one of names
	values  dialect.Values
	nameOf  map[string][]string
	bare    map[string][]string // names, by values without what may fill them up
}

func newWanted(names []string) *wanted {
	w := &wanted{list: names, names: make(map[string]struct{}, len(names)), byForm: map[string]*meant{}}
	for _, name := range names {
		w.names[name] = struct{}{}
	}
	return w
}

// valuesIn returns the values that mean the names in a column with this mapping.
func (w *wanted) valuesIn(mapping Mapping) *dialect.Values {
	form := mapping.form()
	m := w.byForm[form]
	if m == nil {
		m = &meant{mapping: mapping.orNames(), names: mapping.Name == nil, nameOf: make(map[string][]string, 4*len(w.list))}
		for _, name := range w.list {
			for _, v := range append(m.mapping.Values(name), name) {
				if m.nameOf[v] == nil {
					m.values.List = append(m.values.List, v)
				}
				if !slices.Contains(m.nameOf[v], name) {
					m.nameOf[v] = append(m.nameOf[v], name)
				}
			}
		}
		if mapping.Name == nil {
			m.values.Parts = w.parts()
		}
		w.byForm[form] = m
	}
	return &m.values
}

// parts returns the last elements of names, which are in them however they are spelled.
func (w *wanted) parts() (parts []string) {
	for _, name := range w.list {
		parts = append(parts, path.Base(name))
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

// found takes a value that a column has, and reports whether it is a document that
// is none.
func (w *wanted) found(match dialect.Match, value []byte, is func(name string)) (bad bool) {
	for _, m := range w.byForm {
		if match == dialect.Padded {
			for _, name := range m.padded(string(value)) {
				is(name)
			}
			continue
		}
		if was, ok := dialect.NotLatin1(value); ok && match == dialect.Exactly && !m.names {
			w.means(m, was, is) // of a value that is found by what follows a prefix
		}
		bad = !dialect.InValue(match, value, m.values.List, func(v []byte) { w.means(m, v, is) })
	}
	return bad
}

// means calls is for the names that a value means. Databases may compare less
// strictly.
func (w *wanted) means(m *meant, value []byte, is func(name string)) {
	known := m.nameOf[string(value)]
	for _, name := range known {
		is(name)
	}
	if m.names && (known != nil || !mayBeSpelled(value)) {
		return // mostly it is another name
	}
	if name := m.mapping.Name(string(value)); name != "" {
		if _, ok := w.names[name]; ok {
			is(name)
		}
	}
}

// mayBeSpelled reports whether a value may be a name that is spelled otherwise.
func mayBeSpelled(value []byte) bool {
	return len(value) > 0 && (value[0] == '/' || value[0] == '.' || bytes.IndexByte(value, '\\') >= 0 ||
		bytes.Contains(value, []byte("//")) || bytes.Contains(value, []byte("/.")) || value[len(value)-1] == '/')
}

// padded returns the names that a value means that is filled up.
func (m *meant) padded(value string) []string {
	if m.bare == nil {
		m.bare = map[string][]string{}
		for v, names := range m.nameOf {
			m.bare[trimmed(v)] = append(m.bare[trimmed(v)], names...)
		}
	}
	return m.bare[trimmed(value)]
}

// trimmed returns a value without what may fill it up.
func trimmed(value string) string { return strings.TrimRight(value, " \x00") }
