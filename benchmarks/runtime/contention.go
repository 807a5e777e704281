package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const writers = 8

// contention counts the transactions that servers refuse because of others, with an outbox and
// without, where 8 writers change two of so many rows each. A row gets a new name, or
// that of another row; or all rows keep the one name that they share.
func contention(turns int, on string) error {
	fmt.Printf("\n| %d transactions of %d writers | | refused per 1,000 | transactions a second |\n|---|---|---|---|\n", turns, writers)
	return inEachDatabase(on, func(m *mall, _ string, media *storage.DirFs) error {
		if m.dialect() == "SQLite" {
			return nil // one writer at a time
		}
		if err := m.stock(media); err != nil {
			return err
		}
		for _, c := range []struct {
			what string
			rows int
			hot  bool
			how  string
		}{
			{"two rows of 1,000 get new names", 1000, false, "without"}, {"two rows of 1,000 get new names", 1000, false, "outbox"},
			{"two rows of 20 get names of others", 20, false, "without"}, {"two rows of 20 get names of others", 20, false, "outbox"},
			{"one row of 1,000, all share a name", 1000, true, "without"}, {"one row of 1,000, all share a name", 1000, true, "outbox"},
			{"one row of 1,000, all share a name", 1000, true, "outbox, Locked"},
		} {
			if err := m.refill(); err != nil {
				return err
			}
			if c.hot {
				if _, err := m.db.ExecContext(context.Background(), "UPDATE article SET cover = 'hot'"); err != nil {
					return err
				}
			}
			begun := time.Now()
			refused, err := m.play(turns, func(n int) error { return m.turn(n, c.rows, c.hot, c.how) })
			if err != nil {
				return err
			}
			fmt.Printf("| %v, %s | %s | %.1f | %.0f |\n", m.d, c.what, c.how, float64(refused)*1000/float64(turns), float64(turns)/time.Since(begun).Seconds())
		}
		return nil
	})
}

func (m *mall) dialect() string { return m.d.String() }

// play runs turns by several writers, and counts those that were refused.
func (m *mall) play(turns int, turn func(n int) error) (refused int64, err error) {
	var next, count atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, writers)
	for range writers {
		all.Go(func() {
			for n := next.Add(1); n <= int64(turns); n = next.Add(1) {
				switch err := turn(int(n)); {
				case isRefused(err):
					count.Add(1)
				case err != nil:
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err = <-failed:
	default:
	}
	return count.Load(), err
}

func isRefused(err error) bool {
	var p *pgconn.PgError
	var my *mysql.MySQLError
	return errors.As(err, &p) && (p.Code == "40P01" || p.Code == "40001") || errors.As(err, &my) && (my.Number == 1213 || my.Number == 1205)
}

// turn is one transaction.
func (m *mall) turn(n, rows int, hot bool, how string) error {
	ctx := context.Background()
	b := m.clean.Begin()
	defer b.Rollback()
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	changes := 2
	if hot {
		changes = 1
	}
	for i := range changes {
		if err := m.touch(ctx, tx, b, rand.IntN(rows), func(a *models.Article) {
			switch {
			case hot:
				a.Title = strconv.Itoa(n)
			case rows > 100:
				a.Cover = fmt.Sprintf("covers/new%d-%d.png", n, i)
			default:
				a.Cover = fmt.Sprintf("covers/%06d.png", rand.IntN(rows))
			}
		}, how); err != nil {
			return err
		}
	}
	if how == "without" {
		return tx.Commit()
	}
	_, err = m.box.Commit(ctx, b, tx, tx.Commit)
	return err
}

// touch changes a row, which it locks before.
func (m *mall) touch(ctx context.Context, tx *sql.Tx, b *runtime.Batch, id int, change func(*models.Article), how string) error {
	a := &models.Article{}
	err := tx.QueryRowContext(ctx, m.q("SELECT id, title, cover, banner FROM article WHERE id = ? FOR UPDATE"), id).Scan(&a.ID, &a.Title, &a.Cover, &a.Banner)
	if err != nil {
		return err
	}
	old := a.FileSnapshot()
	change(a)
	write := func() (int64, error) {
		return runtime.Rows(tx.ExecContext(ctx, m.q("UPDATE article SET title = ?, cover = ? WHERE id = ?"), a.Title, a.Cover, a.ID))
	}
	hook := func(b *runtime.Batch) { a.BeforeUpdate(b, old) }
	switch {
	case how == "without":
		_, err = write()
		return err
	case strings.HasSuffix(how, "Locked"):
		return b.Exec(func(b *runtime.Batch) { b.Locked(hook) }, write)
	}
	return b.Exec(hook, write)
}
