package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/storage"
)

// A written is a statement in raw SQL, of one row or of many. T stands for the table, N
// for what makes names of this run others than those of the runs before, and the question
// mark for a number; a statement of many rows has none.
type written struct {
	title  string
	filled bool // whether the rows are there before
	one    string
	many   string
}

var changes = []written{
	{"an insert, two files each", false,
		"INSERT INTO T (id, title, cover, banner) SELECT n, 'title', concat(cover, 'N'), concat(banner, 'N') FROM numbers WHERE n = ?",
		"INSERT INTO T (id, title, cover, banner) SELECT n, 'title', concat(cover, 'N'), concat(banner, 'N') FROM numbers"},
	{"an update that names another file", true, "UPDATE T SET cover = concat(cover, 'N') WHERE id = ?", "UPDATE T SET cover = concat(cover, 'N')"},
	{"an update of the title", true, "UPDATE T SET title = 'N' WHERE id = ?", "UPDATE T SET title = 'N'"},
	{"a delete, two files each", true, "DELETE FROM T WHERE id = ?", "DELETE FROM T"},
}

// ones is how many statements of one row are measured at once.
const ones = 200

// triggers compares statements on a table with triggers, and on one without.
func triggers(rounds, rows int, on string) error {
	return inEachDatabase(on, func(m *mall, _ string, media *storage.DirFs) error {
		if err := m.withTriggers(media, rows); err != nil {
			return err
		}
		fmt.Printf("\n| %v, µs a row: median (min–max) | without | triggers | × |\n|---|---|---|---|\n", m.d)
		for _, n := range []int{1, rows} {
			for _, c := range changes {
				jobs := []*job{m.changing(c, "bare", n), m.changing(c, "article", n)}
				if err := measure(jobs, rounds); err != nil {
					return fmt.Errorf("%s, %d rows: %w", c.title, n, err)
				}
				per := max(n, ones)
				fmt.Printf("| %s, of %s | %s | %s | %.2f |\n", c.title, map[bool]string{true: "one row", false: fmt.Sprintf("%d rows", n)}[n == 1], jobs[0].micros(per), jobs[1].micros(per), jobs[1].times(jobs[0]))
			}
		}
		return nil
	})
}

// withTriggers makes two tables, the triggers of one of them, and what rows are made of.
func (m *mall) withTriggers(media *storage.DirFs, rows int) error {
	if err := m.stock(media); err != nil {
		return err
	}
	ctx := context.Background()
	if err := m.box.InstallTriggers(ctx); err != nil {
		return err
	}
	text := map[references.Dialect]string{references.SQLite: "text", references.PostgreSQL: "text", references.MySQL: "varchar(200)"}[m.d]
	statements := []string{
		"CREATE TABLE bare (id bigint PRIMARY KEY, title " + text + ", cover " + text + ", banner " + text + ")",
		"CREATE INDEX bare_cover ON bare (cover)",
		"CREATE INDEX bare_banner ON bare (banner)",
		"CREATE TABLE numbers (n bigint PRIMARY KEY, cover " + text + ", banner " + text + ")",
	}
	const chunk = 500
	for from := 0; from < rows; from += chunk {
		var values []string
		for i := from; i < min(from+chunk, rows); i++ {
			values = append(values, fmt.Sprintf("(%d, 'covers/%06d.png', 'banners/%06d.png')", i, i, i))
		}
		statements = append(statements, "INSERT INTO numbers (n, cover, banner) VALUES "+strings.Join(values, ", "))
	}
	return m.execAll(statements...)
}

func (m *mall) execAll(statements ...string) error {
	for _, s := range statements {
		if _, err := m.db.ExecContext(context.Background(), s); err != nil {
			return err
		}
	}
	return nil
}

// changing is a job that changes a row of a table, ones times, or n rows at once.
func (m *mall) changing(c written, table string, n int) *job {
	var salt string
	text := func(s string) string {
		return strings.NewReplacer(" T ", " "+table+" ", "N'", salt+"'").Replace(s + " ")
	}
	setUp := func() error {
		m.n++
		salt = fmt.Sprintf("-%d", m.n)
		statements := []string{"DELETE FROM T", "DELETE FROM filecleangen_outbox"}
		if c.filled {
			statements = append(statements, "INSERT INTO T (id, title, cover, banner) SELECT n, 'title', concat(cover, 'N'), concat(banner, 'N') FROM numbers", "DELETE FROM filecleangen_outbox")
		}
		if m.d == references.PostgreSQL {
			statements = append(statements, "VACUUM ANALYZE T", "VACUUM ANALYZE filecleangen_outbox", "CHECKPOINT")
		}
		for i := range statements {
			statements[i] = text(statements[i])
		}
		err := m.execAll(statements...)
		salt += "x"
		return err
	}
	return &job{name: table, setUp: setUp, run: func() (time.Duration, error) {
		one, many := m.q(text(c.one)), text(c.many)
		ctx := context.Background()
		c, err := m.db.Conn(ctx)
		if err != nil {
			return 0, err
		}
		defer func() { _ = c.Close() }()
		begun := time.Now()
		if n > 1 {
			_, err = c.ExecContext(ctx, many)
			return time.Since(begun), err
		}
		for i := range ones {
			if _, err := c.ExecContext(ctx, one, i); err != nil {
				return 0, err
			}
		}
		return time.Since(begun), nil
	}}
}
