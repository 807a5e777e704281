package dialect

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed schema/*.sql
var schemas embed.FS

// schemaOf reads the files schema/NAME_1.sql and so on, each of which leads to the
// version in its name. NOW stands for the time of the server. Statements end with a
// semicolon at the end of a line.
func schemaOf(d Dialect, name string) (versions [][]string) {
	for v := 1; ; v++ {
		text, err := schemas.ReadFile(fmt.Sprintf("schema/%s_%d.sql", name, v))
		if err != nil {
			return versions
		}
		var statements []string
		for s := range strings.SplitSeq(strings.ReplaceAll(string(text), "NOW", d.Now()), ";\n") {
			if s = strings.TrimSpace(s); s != "" {
				statements = append(statements, s)
			}
		}
		versions = append(versions, statements)
	}
}

// quote quotes the parts of a name.
func quote(name, q string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = q + strings.ReplaceAll(p, q, q+q) + q
	}
	return strings.Join(parts, ".")
}

// onConflict ends an INSERT that sets columns of a row that is there already, in
// the words that SQLite has from PostgreSQL.
func onConflict(table string, columns []string) string {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = fmt.Sprintf("%s = excluded.%[1]s", c)
	}
	return " ON CONFLICT (storage, name) DO UPDATE SET " + strings.Join(set, ", ") + " WHERE " + table + ".state = 'pending'"
}

const keepOnConflict = " ON CONFLICT DO NOTHING"
