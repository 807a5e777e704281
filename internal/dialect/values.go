package dialect

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values are what a column is asked for.
type Values struct {
	List []string
	// Parts has, for every value that matters in a document, a part of it; it is empty
	// where that can't be said.
	Parts []string
}

type asJSON struct{ of *Values }

type asHex struct{ of *Values }

// json returns a placeholder for the values, as one JSON array of strings.
func (v *Values) json(s *Statement) string {
	return s.Bind(asJSON{v}, func() any { return listInJSON(v.List) })
}

func listInJSON(list []string) string {
	text, _ := json.Marshal(list) // strings can always be
	return string(text)
}

// hex returns a placeholder for the values, as one JSON array of their bytes in
// hexadecimal digits.
func (v *Values) hex(s *Statement) string {
	return s.Bind(asHex{v}, func() any {
		var b strings.Builder
		for i, value := range v.List {
			b.WriteString([]string{`["`, `","`}[min(i, 1)])
			b.WriteString(hex.EncodeToString([]byte(value)))
		}
		return b.String() + `"]`
	})
}

// few returns parts of the values that are written in a document either as they are
// or with a backslash, if there are so few that the database does well to look for
// them.
func (v *Values) few() []string {
	const most = 8
	if len(v.Parts) > most || slices.ContainsFunc(v.Parts, func(part string) bool { return part == "" || notASCII(part) }) {
		return nil
	}
	return v.Parts
}

func notASCII(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf })
}

// QueryValues calls each for what Find, FindTails and List select; it must not keep
// the value. To have the match converted would take longer than all else, for each of
// a million rows.
func QueryValues(ctx context.Context, db Queryer, s *Statement, each func(m Match, value []byte) error) error {
	var match any
	var value sql.RawBytes
	return QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		if err := rows.Scan(&match, &value); err != nil {
			return err
		}
		m, err := matchIn(match)
		if err != nil {
			return err
		}
		return each(m, value)
	})
}

// QueryKeyed calls each for what Keyed selects; it must not keep the value.
func QueryKeyed(ctx context.Context, db Queryer, s *Statement, each func(key string, m Match, value []byte) error) error {
	var key string
	var match any
	var value sql.RawBytes
	return QueryAll(ctx, db, s, func(rows *sql.Rows) error {
		if err := rows.Scan(&key, &match, &value); err != nil {
			return err
		}
		m, err := matchIn(match)
		if err != nil {
			return err
		}
		return each(key, m, value)
	})
}

func matchIn(column any) (Match, error) {
	switch m := column.(type) {
	case int64:
		return Match(m), nil
	case int32:
		return Match(m), nil
	case []byte:
		n, err := strconv.Atoi(string(m))
		return Match(n), err
	}
	return 0, fmt.Errorf("the driver gives %v (%[1]T) for a number", column)
}

// InValue calls found for each text of a value that may be a name or mean one: for the
// value itself, or for the strings of a document, also as they were before their
// UTF-8 was taken for latin1. names are as for [InDocument]. It reports false for a
// document that is none.
func InValue(m Match, value []byte, names []string, found func(text []byte)) bool {
	switch m {
	case Document:
		return InDocument(value, names, found)
	case Mistaken:
		is := InDocument(value, names, func(text []byte) {
			found(text)
			if was, ok := NotLatin1(text); ok {
				found(was)
			}
		})
		if was, ok := NotLatin1(value); ok && !is {
			InDocument(was, names, found)
		}
		return is
	case Exactly, Padded:
		found(value)
	}
	return true
}
