package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const updates = 200 // each time a job is measured

var picture = make([]byte, 10_000)

// update compares transactions, each of which reads a row and writes it. They give it a
// new file, of 10 kB, or another title. Without filecleangen the old file stays; by hand
// it is deleted after the commit; in memory the rows are asked before, or not.
func update(rounds int, on string) error {
	return inEachDatabase(on, func(m *mall, root string, media *storage.DirFs) error {
		if err := m.tables(); err != nil {
			return err
		}
		if err := m.fillArticles(); err != nil {
			return err
		}
		refs, err := references.New(context.Background(), m.own, m.d, references.Table(models.ArticleFileType, "article"))
		if err != nil {
			return err
		}
		unchecked, err := cleanerOf(media, models.ArticleFileType, runtime.Unchecked())
		if err != nil {
			return err
		}
		asking, err := cleanerOf(media, models.ArticleFileType, runtime.WithReferences(refs))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(root, "covers"), 0o755); err != nil {
			return err
		}
		for _, what := range []struct {
			title string
			file  bool
		}{
			{"an update that names a new file, 10 kB, and lets go of one", true},
			{"an update that lets go of nothing", false},
		} {
			plain := func(remove bool) func(int) error {
				return func(id int) error { return m.plainUpdate(root, id, what.file, remove) }
			}
			kept := func(keeper runtime.Keeper) func(int) error {
				return func(id int) error { return m.keptUpdate(keeper, id, what.file) }
			}
			jobs := []*job{
				jobOfUpdates(0, "without", plain(false)),
				jobOfUpdates(1, "deleted by hand", plain(true)),
				jobOfUpdates(2, "filecleangen, Unchecked", kept(unchecked)),
				jobOfUpdates(3, "filecleangen, references", kept(asking)),
			}
			if err := measure(jobs, rounds); err != nil {
				return err
			}
			table(fmt.Sprintf("%s, %v", what.title, m.d), "µs", updates, jobs)
		}
		return nil
	})
}

// updates is a job that updates some rows, which are no other job's.
func jobOfUpdates(n int, name string, do func(id int) error) *job {
	return &job{name: name, run: func() (time.Duration, error) {
		begun := time.Now()
		for i := range updates {
			if err := do(n*updates + i); err != nil {
				return 0, err
			}
		}
		return time.Since(begun), nil
	}}
}

func (m *mall) next() string {
	m.n++
	return fmt.Sprintf("covers/n%08d.png", m.n)
}

// plainUpdate does without filecleangen.
func (m *mall) plainUpdate(root string, id int, file, remove bool) error {
	ctx, cover := context.Background(), ""
	if file {
		cover = m.next()
		if err := os.WriteFile(filepath.Join(root, cover), picture, 0o644); err != nil {
			return err
		}
	}
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	a, err := m.read(ctx, tx, id)
	if err != nil {
		return err
	}
	old := a.Cover
	if file {
		a.Cover = cover
	}
	if _, err := tx.ExecContext(ctx, m.q(updateArticle), otherTitle(a), a.Cover, a.Banner, a.ID); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil || !remove || old == a.Cover {
		return err
	}
	if err := os.Remove(filepath.Join(root, old)); !os.IsNotExist(err) { // as in the first round
		return err
	}
	return nil
}

// keptUpdate does with it.
func (m *mall) keptUpdate(keeper runtime.Keeper, id int, file bool) error {
	ctx, cover := context.Background(), ""
	if file {
		up, err := upload(ctx, keeper, m.next())
		if err != nil {
			return err
		}
		defer up.Discard()
		cover = up.Name()
	}
	return sqlclean.InTx(ctx, m.db, keeper, func(tx *sql.Tx, b *runtime.Batch) error {
		a, err := m.read(ctx, tx, id)
		if err != nil {
			return err
		}
		old := a.FileSnapshot()
		if file {
			a.Cover = cover
		}
		return sqlclean.Exec(ctx, tx, b,
			func(b *runtime.Batch) { a.BeforeUpdate(b, old) },
			m.q(updateArticle), otherTitle(a), a.Cover, a.Banner, a.ID)
	})
}

const updateArticle = "UPDATE article SET title = ?, cover = ?, banner = ? WHERE id = ?"

// otherTitle returns another title for an article.
func otherTitle(a *models.Article) string {
	if a.Title == "title" {
		return "another"
	}
	return "title"
}

func (m *mall) read(ctx context.Context, tx *sql.Tx, id int) (*models.Article, error) {
	a := &models.Article{}
	return a, tx.QueryRowContext(ctx, m.q("SELECT id, title, cover, banner FROM article WHERE id = ?"), id).Scan(&a.ID, &a.Title, &a.Cover, &a.Banner)
}
