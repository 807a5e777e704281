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

// quote quotes the parts of a name.
func quote(name, q string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = q + strings.ReplaceAll(p, q, q+q) + q
	}
	return strings.Join(parts, ".")
}

const keepOnConflict = " ON CONFLICT DO NOTHING"
