package dialect

import (
	"embed"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Never is the time of a row that is not due until something else happens to it.
const Never = math.MaxInt64

//go:embed schema/*.sql
var schemas embed.FS

// schemaOf reads the files schema/NAME_1.sql and so on, each of which leads to the
// version in its name. NOW stands for the time of the server, NEVER for one that does
// not come. There is an empty line between statements.
func schemaOf(d Dialect, name string) (versions [][]string) {
	for v := 1; ; v++ {
		text, err := schemas.ReadFile(fmt.Sprintf("schema/%s_%d.sql", name, v))
		if err != nil {
			return versions
		}
		var statements []string
		words := strings.NewReplacer("NOW", d.Now(), "NEVER", strconv.FormatInt(Never, 10))
		for s := range strings.SplitSeq(words.Replace(string(text)), "\n\n") {
			if s = strings.TrimSuffix(strings.TrimSpace(s), ";"); s != "" {
				statements = append(statements, s)
			}
		}
		versions = append(versions, statements)
	}
}

// quote quotes a name.
func quote(name, q string) string { return q + strings.ReplaceAll(name, q, q+q) + q }

// quoteTable quotes the name of a table, which may have its schema and a dot in front. All
// that is behind the first dot is the table's name.
func quoteTable(name, q string) string {
	schema, table, qualified := strings.Cut(name, ".")
	if !qualified {
		return quote(name, q)
	}
	return quote(schema, q) + "." + quote(table, q)
}

const keepOnConflict = " ON CONFLICT DO NOTHING"
