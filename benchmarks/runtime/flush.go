package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// change is a transaction that is measured: it reads a row and writes it.
type change struct {
	upload bool // the new file is written before
	delete bool // the row is deleted
	outbox bool // the outbox is told
}

// flush measures what an outbox adds to transactions.
func flush(rounds int, on string) error {
	top, err := os.MkdirTemp(on, "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }()
	root := filepath.Join(top, "media")
	if err := os.MkdirAll(filepath.Join(root, "covers"), 0o755); err != nil {
		return err
	}
	media, err := storage.Dir(root)
	if err != nil {
		return err
	}
	defer media.Close()
	return eachDatabase(top, func(m *mall) error {
		if err := m.stock(media); err != nil {
			return err
		}
		for _, c := range []struct {
			title string
			change
		}{
			{"an update that names another file", change{}},
			{"an update that names a new file, 10 kB", change{upload: true}},
			{"a delete of a row with two files", change{delete: true}},
		} {
			jobs := []*job{
				{name: "without", setUp: m.refill, run: m.changes(root, c.change)},
				{name: "outbox", setUp: m.refill, run: m.changes(root, change{c.upload, c.delete, true})},
			}
			if err := measure(jobs, rounds); err != nil {
				return err
			}
			table(fmt.Sprintf("%s, %v", c.title, m.d), "µs", updates, jobs)
		}
		return nil
	})
}

// changes makes one transaction after the other, each of another row.
func (m *mall) changes(root string, c change) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		begun := time.Now()
		for id := range updates {
			if err := m.change(context.Background(), root, id, c); err != nil {
				return 0, err
			}
		}
		return time.Since(begun), nil
	}
}

func (m *mall) change(ctx context.Context, root string, id int, c change) error {
	m.n++
	cover, discard, err := m.newCover(ctx, root, fmt.Sprintf("covers/n%08d.png", m.n), c)
	if err != nil {
		return err
	}
	defer discard()
	var b *runtime.Batch
	if c.outbox {
		b = m.box.Begin()
		defer b.Rollback()
	}
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	a := &models.Article{}
	err = tx.QueryRowContext(ctx, m.q("SELECT id, title, cover, banner FROM article WHERE id = ?"), id).Scan(&a.ID, &a.Title, &a.Cover, &a.Banner)
	if err != nil {
		return err
	}
	old := a.FileSnapshot()
	a.Cover = cover
	write := func() (int64, error) { return m.write(ctx, tx, a, c) }
	if !c.outbox {
		if _, err := write(); err != nil {
			return err
		}
		return tx.Commit()
	}
	hook := func(b *runtime.Batch) { a.BeforeUpdate(b, old) }
	if c.delete {
		hook = func(b *runtime.Batch) { a.AfterDelete(b, old) }
	}
	if err := b.Exec(hook, write); err != nil {
		return err
	}
	_, err = m.box.Commit(ctx, b, tx, tx.Commit)
	return err
}

func (m *mall) write(ctx context.Context, tx *sql.Tx, a *models.Article, c change) (int64, error) {
	if c.delete {
		return runtime.Rows(tx.ExecContext(ctx, m.q("DELETE FROM article WHERE id = ?"), a.ID))
	}
	return runtime.Rows(tx.ExecContext(ctx, m.q("UPDATE article SET cover = ? WHERE id = ?"), a.Cover, a.ID))
}

// newCover returns the name of a new file, which is written if the change has an
// upload, and what discards it.
func (m *mall) newCover(ctx context.Context, root, name string, c change) (cover string, discard func(), err error) {
	switch {
	case !c.upload:
		return name, func() {}, nil
	case !c.outbox:
		return name, func() {}, os.WriteFile(filepath.Join(root, name), picture, 0o644)
	}
	file, err := upload(ctx, m.box, name)
	if err != nil {
		return "", nil, err
	}
	return file.Name(), file.Discard, nil
}

// upload makes a file of 10 kB.
func upload(ctx context.Context, keeper runtime.Keeper, name string) (*runtime.Upload, error) {
	file, err := keeper.Create(ctx, "media", name)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(picture); err != nil {
		return nil, err
	}
	return file, file.Close()
}
