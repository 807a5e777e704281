package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const updates = 200 // each time a job is measured

// update gives a row another file, in a transaction of its own: reads the row,
// writes the file, writes the row, commits. Without filecleangen the old file
// stays; by hand it is deleted after the commit.
func update(rounds int, on string) error {
	top, err := os.MkdirTemp(on, "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }()
	var jobs []*job
	for name, change := range map[string]func(*shop, context.Context) error{
		"1 without": (*shop).without, "2 deleted by hand": (*shop).byHand, "3 filecleangen": (*shop).with,
	} {
		s, err := open(filepath.Join(top, name))
		if err != nil {
			return err
		}
		defer s.close()
		jobs = append(jobs, &job{name: name, run: func() (time.Duration, error) {
			begun := time.Now()
			for range updates {
				if err := change(s, context.Background()); err != nil {
					return 0, err
				}
			}
			return time.Since(begun), nil
		}})
	}
	for i := range jobs { // by name
		for k := i + 1; k < len(jobs); k++ {
			if jobs[k].name < jobs[i].name {
				jobs[i], jobs[k] = jobs[k], jobs[i]
			}
		}
	}
	for _, j := range jobs {
		j.name = j.name[2:]
	}
	if err := measure(jobs, rounds); err != nil {
		return err
	}
	table("one update with a new file, SQLite", "µs", updates, jobs)
	return nil
}

// shop is a database and a directory.
type shop struct {
	db    *sql.DB
	root  string
	media *storage.DirFs
	clean *runtime.Cleaner
	n     int
}

func open(dir string) (*shop, error) {
	s := &shop{root: filepath.Join(dir, "media")}
	if err := os.MkdirAll(filepath.Join(s.root, "covers"), 0o755); err != nil {
		return nil, err
	}
	var err error
	if s.media, err = storage.Dir(s.root); err != nil {
		return nil, err
	}
	s.clean, err = runtime.New(runtime.WithStorage("media", s.media), runtime.WithTypes(models.FileTypes()...), runtime.WithLogger(quiet()))
	if err != nil {
		return nil, err
	}
	if s.db, err = sql.Open("sqlite", filepath.Join(dir, "shop.db")); err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(1)
	_, err = s.db.ExecContext(context.Background(), "CREATE TABLE article (id INTEGER PRIMARY KEY, title TEXT, cover TEXT, banner TEXT); INSERT INTO article VALUES (1, 'a', '', '')")
	return s, err
}

func (s *shop) close() {
	_ = s.db.Close()
	_ = s.media.Close()
}

var picture = make([]byte, 10_000)

func (s *shop) name() string {
	s.n++
	return fmt.Sprintf("covers/%06d.png", s.n)
}

func read(ctx context.Context, tx *sql.Tx) (*models.Article, error) {
	a := &models.Article{}
	return a, tx.QueryRowContext(ctx, "SELECT id, title, cover, banner FROM article WHERE id = 1").Scan(&a.ID, &a.Title, &a.Cover, &a.Banner)
}

func write(ctx context.Context, tx *sql.Tx, a *models.Article) (int64, error) {
	return runtime.Rows(tx.ExecContext(ctx, "UPDATE article SET title = ?, cover = ?, banner = ? WHERE id = ?", a.Title, a.Cover, a.Banner, a.ID))
}

func (s *shop) without(ctx context.Context) error {
	_, err := s.change(ctx)
	return err
}

func (s *shop) byHand(ctx context.Context) error {
	old, err := s.change(ctx)
	if err != nil || old == "" {
		return err
	}
	return os.Remove(filepath.Join(s.root, old))
}

func (s *shop) change(ctx context.Context) (old string, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer tx.Rollback()
	a, err := read(ctx, tx)
	if err != nil {
		return "", err
	}
	old, a.Cover = a.Cover, s.name()
	if err := os.WriteFile(filepath.Join(s.root, a.Cover), picture, 0o644); err != nil {
		return "", err
	}
	if _, err := write(ctx, tx, a); err != nil {
		return "", err
	}
	return old, tx.Commit()
}

func (s *shop) with(ctx context.Context) error {
	b := s.clean.Begin()
	defer b.Rollback()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	a, err := read(ctx, tx)
	if err != nil {
		return err
	}
	old := a.FileSnapshot()
	file, err := b.Create(ctx, "media", s.name())
	if err != nil {
		return err
	}
	if _, err := file.Write(picture); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	a.Cover = file.Name()
	err = b.Exec(func(b *runtime.Batch) { a.BeforeUpdate(b, old) }, func() (int64, error) { return write(ctx, tx, a) })
	if err != nil {
		return err
	}
	_, err = b.CommitWith(ctx, tx.Commit)
	return err
}
