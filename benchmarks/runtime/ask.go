package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// asked is how many names a question is about. Rows name every other one.
const asked = 1000

// column is a table whose rows have an id, and a column with the names of files.
type column struct {
	title string
	table string
	typ   string // of the column
	form  references.Form
	value func(row int) string // as SQL has it
	index string               // on the column, or ""
}

func nameOf(row int) string { return fmt.Sprintf("pages/%02x/%08d.png", row%256, row) }

func textOf(row int) string { return "'" + nameOf(row) + "'" }

// documentOf and arrayOf have two names in each row, of which no other row has one.
func documentOf(row int) string {
	photo := func(name string) string {
		return `{"file": "` + name + `", "caption": "A walk by the river", "width": 1600, "height": 900}`
	}
	return `'{"photos": [` + photo(nameOf(row)) + ", " + photo("thumbs/"+nameOf(row)) + "]}'"
}

func arrayOf(row int) string { return "'{" + nameOf(row) + ",thumbs/" + nameOf(row) + "}'" }

// columnsOf returns the columns that a database is asked for.
func columnsOf(d references.Dialect) []column {
	text := column{"text, with an index", "texts", "text", references.Text, textOf, "CREATE INDEX ON texts (pages)"}
	document := column{"JSON, without an index", "documents", "text", references.JSON, documentOf, ""}
	switch d {
	case references.PostgreSQL:
		document.typ = "jsonb"
		indexed := column{"JSON, with an index", "indexed_documents", "jsonb", references.JSON, documentOf,
			`CREATE INDEX ON indexed_documents USING gin (jsonb_path_query_array(pages, 'strict $.** ? (@.type() == "string")'))`}
		array := column{"array, without an index", "arrays", "text[]", references.Array, arrayOf, ""}
		indexedArray := column{"array, with an index", "indexed_arrays", "text[]", references.Array, arrayOf, "CREATE INDEX ON indexed_arrays USING gin (pages)"}
		return []column{text, document, indexed, array, indexedArray}
	case references.MySQL:
		text.typ, document.typ = "varchar(200)", "json"
	case references.SQLite:
	}
	text.index = "CREATE INDEX texts_pages ON texts (pages)"
	return []column{text, document}
}

// ask compares a question about names with the query for a column of texts that one
// would write by hand.
func ask(rounds, rows int, on string) error {
	top, err := os.MkdirTemp(on, "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }()
	return eachDatabase(top, func(m *mall) error {
		ctx := context.Background()
		names := make([]string, asked)
		for i := range names {
			names[i] = nameOf(i / 2 * (rows / asked * 2))
			if i%2 == 1 {
				names[i] = nameOf(rows + i) // no row's
			}
		}
		jobs := []*job{{name: "text, by hand", run: func() (time.Duration, error) { return m.askByHand(ctx, names) }}}
		for _, c := range columnsOf(m.d) {
			if err := m.fill(ctx, c, rows); err != nil {
				return err
			}
			refs, err := references.New(ctx, m.own, m.d, c.reference())
			if err != nil {
				return err
			}
			jobs = append(jobs, &job{name: c.title, run: func() (time.Duration, error) { return askRefs(ctx, refs, names) }})
		}
		if err := measure(jobs, rounds); err != nil {
			return err
		}
		table(fmt.Sprintf("%d names in %d rows, %v", asked, rows, m.d), "ms", int(time.Millisecond/time.Microsecond), jobs)
		return nil
	})
}

// reference says that the table has albums.
func (c column) reference() references.Option {
	return references.Table(models.AlbumFileType, c.table, references.Columns{"Pages": {Name: "pages", Form: c.form}})
}

// fill makes the table of a column.
func (m *mall) fill(ctx context.Context, c column, rows int) error {
	if _, err := m.db.ExecContext(ctx, "CREATE TABLE "+c.table+" (id bigint PRIMARY KEY, pages "+c.typ+")"); err != nil {
		return err
	}
	const chunk = 1000
	for from := 0; from < rows; from += chunk {
		var values []string
		for row := from; row < min(from+chunk, rows); row++ {
			values = append(values, fmt.Sprintf("(%d, %s)", row, c.value(row)))
		}
		if _, err := m.db.ExecContext(ctx, "INSERT INTO "+c.table+" (id, pages) VALUES "+strings.Join(values, ", ")); err != nil {
			return err
		}
	}
	after := []string{c.index, map[references.Dialect]string{references.SQLite: "ANALYZE ", references.PostgreSQL: "VACUUM ANALYZE ", references.MySQL: "ANALYZE TABLE "}[m.d] + c.table}
	for _, s := range after {
		if s == "" {
			continue
		}
		if _, err := m.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (m *mall) askByHand(ctx context.Context, names []string) (time.Duration, error) {
	args := make([]any, len(names))
	for i, name := range names {
		args[i] = name
	}
	begun := time.Now()
	rows, err := m.db.QueryContext(ctx, m.q("SELECT DISTINCT pages FROM texts WHERE pages IN (?"+strings.Repeat(", ?", len(names)-1)+")"), args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	named := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return 0, err
		}
		named[name] = true
	}
	return time.Since(begun), firstOf(rows.Err(), checkNamed(len(named)))
}

func askRefs(ctx context.Context, refs *references.References, names []string) (time.Duration, error) {
	about := make([]runtime.Ref, len(names))
	for i, name := range names {
		about[i] = runtime.Ref{Storage: "media", Name: name}
	}
	begun := time.Now()
	answer, err := refs.Ask(ctx, about)
	return time.Since(begun), firstOf(err, checkNamed(len(answer.Named)))
}

func checkNamed(n int) error {
	if n != asked/2 {
		return fmt.Errorf("rows name %d files, not %d", n, asked/2)
	}
	return nil
}
