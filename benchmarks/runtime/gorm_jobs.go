package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/gormmodels"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/storage"
)

// statement is one that gorm runs, and what there is to know of it by hand.
type statement struct {
	title   string
	rows    int      // that it writes: one, or the first of all
	columns []string // whose files it may let go of; none if it has nothing to do with files
	deletes bool     // the rows, or gives each another cover
	run     func(db *gorm.DB, a *gormmodels.Article) *gorm.DB
}

var (
	cover     = []string{"cover"}
	bothFiles = []string{"cover", "banner"}
)

var gormStatements = []statement{
	{"an update of one row that names another file", 1, cover, false, func(db *gorm.DB, a *gormmodels.Article) *gorm.DB {
		return db.Model(&gormmodels.Article{ID: a.ID}).Update("Cover", a.Cover)
	}},
	{"a Save of one row that names another file", 1, bothFiles, false, func(db *gorm.DB, a *gormmodels.Article) *gorm.DB {
		return db.Save(a)
	}},
	{"a delete of one row with two files", 1, bothFiles, true, func(db *gorm.DB, a *gormmodels.Article) *gorm.DB {
		return db.Delete(&gormmodels.Article{}, a.ID)
	}},
	{"an update of 1,000 rows that name another file", bulk, cover, false, func(db *gorm.DB, a *gormmodels.Article) *gorm.DB {
		return db.Model(&gormmodels.Article{}).Where("id <= ?", bulk).Update("Cover", a.Cover)
	}},
	{"an update of 1,000 rows that name a file of their own each", bulk, cover, false, func(db *gorm.DB, a *gormmodels.Article) *gorm.DB {
		each := gorm.Expr("? || id", a.Cover)
		if db.Name() == "mysql" {
			each = gorm.Expr("concat(?, id)", a.Cover)
		}
		return db.Model(&gormmodels.Article{}).Where("id <= ?", bulk).Update("Cover", each)
	}},
	{"a delete of 1,000 rows with two files each", bulk, bothFiles, true, func(db *gorm.DB, _ *gormmodels.Article) *gorm.DB {
		return db.Where("id <= ?", bulk).Delete(&gormmodels.Article{})
	}},
	{"an update of one row that touches no column of files", 1, nil, false, func(db *gorm.DB, a *gormmodels.Article) *gorm.DB {
		return db.Model(&gormmodels.Article{ID: a.ID}).Update("Title", a.Title)
	}},
	{"an update of one row of a model without file fields", 1, nil, false, func(db *gorm.DB, a *gormmodels.Article) *gorm.DB {
		return db.Model(&gormmodels.Note{ID: a.ID}).Update("Text", a.Title)
	}},
}

// times is how often the statement is run each time it is measured.
func (st statement) times() int {
	if st.rows > 1 {
		return 1
	}
	return updates
}

// way is a way to run a statement.
type way struct {
	name    string
	run     func(st statement, a *gormmodels.Article) error
	after   func() error // what is to be done when all statements have run; or nil
	deletes bool         // the files are gone then
	always  bool         // not only where files are concerned
}

func through(db *gorm.DB) func(statement, *gormmodels.Article) error {
	return func(st statement, a *gormmodels.Article) error { return st.run(db, a).Error }
}

func (s *depot) ways() []way {
	return []way{
		{name: "gorm", run: through(s.plain), always: true},
		{name: "by hand", run: s.byHand, deletes: true},
		{name: "gormclean, memory", run: through(s.memory), deletes: true, always: true},
		{name: "gormclean, outbox", run: through(s.outbox), always: true},
		{name: "outbox and relay", run: through(s.outbox), after: s.drained, deletes: true},
	}
}

// triggered are the ways where the table has triggers.
func (s *depot) triggered() []way {
	return []way{
		{name: "gorm, triggers", run: through(s.plain), always: true},
		{name: "gormclean, triggers", run: through(s.outbox), always: true},
	}
}

// byHand does what a careful person would: it reads what the rows name in the
// transaction, and deletes after the commit what they name no more.
func (s *depot) byHand(st statement, a *gormmodels.Article) error {
	var old []gormmodels.Article
	err := s.plain.Transaction(func(tx *gorm.DB) error {
		query := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Select(st.columns) // SQLite does without
		if st.rows > 1 {
			query = query.Where("id <= ?", st.rows)
		} else {
			query = query.Where("id = ?", a.ID)
		}
		if err := query.Find(&old).Error; err != nil {
			return err
		}
		return st.run(tx, a).Error
	})
	if err != nil {
		return err
	}
	for _, was := range old {
		for _, name := range []string{was.Cover, was.Banner} {
			if name == "" || !st.deletes && (name == a.Cover || name == a.Banner) {
				continue
			}
			if err := os.Remove(filepath.Join(s.root, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *depot) drained() error {
	_, err := s.relay.Drain(context.Background())
	return err
}

// job measures a statement, each time for another row if it writes one.
func (s *depot) job(st statement, w way, times int) *job {
	rows := 0 // whose files are there
	if st.columns != nil {
		rows = times * st.rows
	}
	run := func() (time.Duration, error) {
		begun := time.Now()
		for id := 1; id <= times; id++ {
			if err := w.run(st, s.article(id)); err != nil {
				return 0, err
			}
		}
		if w.after != nil {
			if err := w.after(); err != nil {
				return 0, err
			}
		}
		took := time.Since(begun)
		return took, s.check(st, w, rows)
	}
	return &job{name: w.name, setUp: func() error { return s.reset(rows) }, run: run}
}

// article returns what is to be written to a row: it has the same banner, and
// another cover and title.
func (s *depot) article(id int) *gormmodels.Article {
	s.n++
	return &gormmodels.Article{ID: int64(id), Title: fmt.Sprintf("title %d", s.n), Cover: fmt.Sprintf("files/n%08d.png", s.n), Banner: "files/" + bannerOf(id)}
}

// check looks whether the files are gone that the rows let go of, and no others.
func (s *depot) check(st statement, w way, rows int) error {
	want := 2 * rows
	switch {
	case w.deletes && st.deletes:
		want = 0
	case w.deletes && st.columns != nil:
		want = rows
	}
	left, err := s.left()
	if err == nil && left != want {
		err = fmt.Errorf("%d files are left, not %d", left, want)
	}
	return err
}

// statements measures what gormclean adds to statements.
func statements(rounds int, on string) error {
	top, err := os.MkdirTemp(on, "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }()
	root := filepath.Join(top, "media")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	media, err := storage.Dir(root)
	if err != nil {
		return err
	}
	defer media.Close()
	if err := outbox.Mark(media, "benchmark"); err != nil {
		return err
	}
	return eachDatabase(top, func(m *mall) error {
		s, err := openDepot(m, root, media)
		if err != nil {
			return err
		}
		ways := s.ways()
		if err := firstOf(s.table(ways, rounds), s.oneFile(ways, rounds)); err != nil {
			return err
		}
		if err := s.box.InstallTriggers(context.Background()); err != nil {
			return err
		}
		return s.table(s.triggered(), rounds)
	})
}

// table prints a line for each statement, with a column for each way.
func (s *depot) table(ways []way, rounds int) error {
	heads := []string{s.d.String()}
	for _, w := range ways {
		heads = append(heads, w.name)
	}
	fmt.Printf("\n| %s |\n|%s\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for _, st := range gormStatements {
		if err := s.line(st, ways, rounds); err != nil {
			return fmt.Errorf("%s: %w", st.title, err)
		}
	}
	return nil
}

// line measures a statement in all ways, and prints what each takes for a row, and
// how many times that is what it takes without the plugin, and by hand.
func (s *depot) line(st statement, ways []way, rounds int) error {
	var jobs []*job
	byName := map[string]*job{}
	for _, w := range ways {
		if st.columns != nil || w.always {
			j := s.job(st, w, st.times())
			jobs, byName[w.name] = append(jobs, j), j
		}
	}
	if err := measure(jobs, rounds); err != nil {
		return err
	}
	fmt.Printf("| %s |", st.title)
	for i, w := range ways {
		if j := byName[w.name]; j != nil {
			fmt.Print(" ", j.micros(st.times()*st.rows))
			for _, other := range ways[:min(i, 2)] {
				if before := byName[other.name]; before != nil {
					fmt.Printf(" ×%.2f", j.times(before))
				}
			}
		}
		fmt.Print(" |")
	}
	fmt.Println()
	return nil
}

// oneFile prints how long a relay takes that is called for one file: most of that
// is not for the file.
func (s *depot) oneFile(ways []way, rounds int) error {
	drain := way{
		name:    "a relay for one file",
		run:     func(statement, *gormmodels.Article) error { return nil },
		after:   s.drained,
		deletes: true,
	}
	update := gormStatements[0]
	j := s.job(update, drain, 1)
	reset := j.setUp
	j.setUp = func() error { return firstOf(reset(), update.run(s.outbox, s.article(1)).Error) }
	if err := measure([]*job{j}, rounds); err != nil {
		return err
	}
	fmt.Printf("| %s |%s %s |\n", j.name, strings.Repeat(" |", len(ways)-1), j.micros(1))
	return nil
}
