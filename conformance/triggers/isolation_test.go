package triggers_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// state returns the SQLSTATE of an error of PostgreSQL.
func state(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// again runs a transaction until the database lets it commit, and returns why it had to be
// begun anew.
func (w *world) again(level sql.IsolationLevel, do func(tx *sql.Tx) error) (why []string, err error) {
	for {
		tx, err := w.db.BeginTx(w.t.Context(), &sql.TxOptions{Isolation: level})
		if err != nil {
			return why, err
		}
		if err = do(tx); err == nil {
			err = tx.Commit()
		}
		_ = tx.Rollback()
		if s := state(err); s != "40P01" && s != "40001" {
			return why, err
		}
		why = append(why, state(err))
	}
}

func execTx(ctx context.Context, tx *sql.Tx, statements ...string) error {
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// Two transactions that come to name the same files in opposite order: one of them is
// told to begin anew, and then both have what they wrote.
func TestDeadlock(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	const n = 100
	w.exec(fmt.Sprintf("INSERT INTO article (id) SELECT generate_series(1, %d)", n))
	w.exec(fmt.Sprintf("INSERT INTO scan (id) SELECT generate_series(1, %d)", n))
	statements := [][]string{
		{"UPDATE article SET cover = 'x' || id", "UPDATE article SET banner = 'y' || id"},
		{"UPDATE scan SET file = 'y' || id", "UPDATE scan SET file = 'x' || id"},
	}
	var firsts, both sync.WaitGroup
	firsts.Add(len(statements))
	why, errs := make([][]string, len(statements)), make([]error, len(statements))
	for i, s := range statements {
		both.Go(func() {
			first := true
			why[i], errs[i] = w.again(sql.LevelDefault, func(tx *sql.Tx) error {
				err := execTx(t.Context(), tx, s[0])
				if first {
					first = false
					firsts.Done()
					firsts.Wait()
				}
				return errors.Join(err, execTx(t.Context(), tx, s[1]))
			})
		})
	}
	both.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	// Whoever begins anew may meet the other one again.
	if all := slices.Concat(why...); len(all) == 0 || slices.ContainsFunc(all, func(state string) bool { return state != "40P01" }) {
		t.Errorf("begun anew for %s", why)
	}
	for i := 1; i <= n; i++ {
		w.write(fmt.Sprint("x", i))
	}
	w.exec("DELETE FROM article")
	w.drain()
	if left := len(w.left()); left != n {
		t.Errorf("%d files are left, which rows name %d of", left, n)
	}
	w.exec("DELETE FROM scan")
	w.want("")
}

// A transaction whose snapshot is older than what the outbox has is told to begin anew,
// and then sees it.
func TestOldSnapshot(t *testing.T) {
	for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
		t.Run(level.String(), func(t *testing.T) {
			w := newWorld(t, references.PostgreSQL)
			w.write("a", "b")
			w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
			took := func(name string, meanwhile func()) ([]string, error) {
				first := true
				return w.again(level, func(tx *sql.Tx) error {
					var n int
					if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM article").Scan(&n); err != nil {
						return err
					}
					if first {
						first = false
						meanwhile()
					}
					return execTx(t.Context(), tx, "INSERT INTO scan (id, file) VALUES (1, '"+name+"')")
				})
			}
			why, err := took("a", func() { w.exec("UPDATE article SET cover = NULL") })
			if w.must(err); fmt.Sprint(why) != "[40001]" {
				t.Error(why)
			}
			w.want("a b")
			w.exec("DELETE FROM scan")
			w.want("b")
			why, err = took("b", func() {
				w.exec("UPDATE article SET banner = NULL")
				w.want("")
			})
			if fmt.Sprint(why) != "[40001]" || !outbox.IsGone(err) {
				t.Error(why, err)
			}
		})
	}
}

// A TRUNCATE removes rows that a transaction with a snapshot does not see: then it is
// refused, also as the first statement, whose snapshot is older than its lock.
func TestTruncateUnseen(t *testing.T) {
	for _, level := range []sql.IsolationLevel{sql.LevelReadUncommitted, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
		t.Run(level.String(), func(t *testing.T) {
			w := newWorld(t, references.PostgreSQL)
			w.write("a", "s")
			w.exec("INSERT INTO article (id, cover) VALUES (1, 'a')")
			tx, err := w.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
			w.must(err)
			defer func() { _ = tx.Rollback() }()
			var n int
			w.must(tx.QueryRowContext(t.Context(), "SELECT count(*) FROM article").Scan(&n))
			w.exec("INSERT INTO scan (id, article_id, file) VALUES (1, 1, 's')")
			_, err = tx.ExecContext(t.Context(), "TRUNCATE article CASCADE")
			if level <= sql.LevelReadCommitted {
				w.must(err)
				w.must(tx.Commit())
				w.want("")
				return
			}
			if state(err) != "0A000" || outbox.IsGone(err) || !strings.Contains(err.Error(), "filecleangen: TRUNCATE of article") {
				t.Error(err)
			}
			w.must(tx.Rollback())
			_, err = w.again(level, func(tx *sql.Tx) error { return execTx(t.Context(), tx, "DELETE FROM article") })
			w.must(err)
			w.want("")
		})
	}
}

// Sessions that name files at once, at each level of isolation.
func TestLevels(t *testing.T) {
	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
		t.Run(level.String(), func(t *testing.T) {
			w := newWorld(t, references.PostgreSQL)
			const sessions, each = 4, 10
			var done sync.WaitGroup
			errs := make([]error, sessions)
			for i := range sessions {
				done.Go(func() {
					for n := range each {
						id := i*each + n
						_, err := w.again(level, func(tx *sql.Tx) error {
							return execTx(t.Context(), tx,
								fmt.Sprintf("INSERT INTO article (id, cover, banner) VALUES (%d, 'old%[1]d', 'shared')", id),
								fmt.Sprintf("UPDATE article SET cover = 'new%d' WHERE id = %[1]d", id))
						})
						errs[i] = errors.Join(errs[i], err)
					}
				})
			}
			done.Wait()
			w.must(errors.Join(errs...))
			w.write("shared", "new1", "old1")
			w.want("new1 shared")
			w.exec("DELETE FROM article")
			w.want("")
		})
	}
}

func TestCopy(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.write("a", "b", "c")
	rows := [][]any{{1, "a", "b"}, {2, nil, ""}, {3, "c", "c"}}
	w.must(w.copy(rows))
	w.wantRows()
	w.exec("DELETE FROM article WHERE id < 3")
	w.want("c")
	if err := w.copy([][]any{{1, "x", "a"}}); !outbox.IsGone(err) {
		t.Error(err)
	}
	w.exec("TRUNCATE article CASCADE")
	w.want("")
}

func (w *world) copy(rows [][]any) error {
	db, err := databases.Open(w.d, w.dsn)
	w.must(err)
	defer func() { _ = db.Close() }()
	c, err := db.Conn(w.t.Context())
	w.must(err)
	defer func() { _ = c.Close() }()
	return c.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(w.t.Context(), pgx.Identifier{"article"}, []string{"id", "cover", "banner"}, pgx.CopyFromRows(rows))
		return err
	})
}
