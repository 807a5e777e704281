package sqlclean_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/sqlclean/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// world is a database and a directory, with an outbox or without.
type world struct {
	t      *testing.T
	d      references.Dialect
	root   string
	db     *sql.DB
	refs   *references.References
	clean  *runtime.Cleaner
	keeper runtime.Keeper // the cleaner, or its outbox
	relay  *outbox.Relay  // of an outbox, or nil
}

// each runs a test on each database, with an outbox and in memory.
func each(t *testing.T, test func(w *world)) {
	t.Helper()
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		t.Run("memory", func(t *testing.T) { test(newWorld(t, d)) })
		t.Run("outbox", func(t *testing.T) {
			w := newWorld(t, d)
			w.attach()
			test(w)
		})
	})
}

func newWorld(t *testing.T, d references.Dialect) *world {
	t.Helper()
	w := &world{t: t, d: d, root: t.TempDir()}
	dsn := databases.New(t, d)
	var err error
	w.db, err = databases.Open(d, dsn)
	w.must(err)
	own, err := databases.Open(d, dsn)
	w.must(err)
	t.Cleanup(func() {
		_ = w.db.Close()
		_ = own.Close()
	})
	text := map[references.Dialect]string{references.MySQL: "varchar(200)"}[d]
	_, err = w.db.ExecContext(t.Context(), "CREATE TABLE article (id bigint PRIMARY KEY, cover "+max(text, "text")+" NOT NULL)")
	w.must(err)
	w.refs, err = references.New(t.Context(), own, d, references.Table(models.ArticleFileType, "article"))
	w.must(err)
	dir, err := storage.Dir(w.root)
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	w.clean, err = runtime.New(
		runtime.WithStorage("media", dir),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(w.refs),
		runtime.WithLogger(slog.New(slog.DiscardHandler)),
	)
	w.must(err)
	w.keeper = w.clean
	return w
}

// attach gives the world an outbox.
func (w *world) attach() {
	w.t.Helper()
	w.must(outbox.Migrate(w.t.Context(), w.refs.DB(), w.d))
	dir, _ := w.clean.Storage("media")
	w.must(outbox.Mark(dir, "test"))
	box, err := outbox.New(w.t.Context(), w.clean, w.refs)
	w.must(err)
	w.keeper = box
	w.relay, err = box.Relay(w.t.Context(), "test")
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) inTx(f func(tx *sql.Tx, b *runtime.Batch) error) error {
	return sqlclean.InTx(w.t.Context(), w.db, w.keeper, f)
}

func (w *world) exec(tx *sql.Tx, b *runtime.Batch, hook func(*runtime.Batch), query string, args ...any) error {
	return sqlclean.Exec(w.t.Context(), tx, b, hook, databases.Rebind(w.d, query), args...)
}

func (w *world) insert(tx *sql.Tx, b *runtime.Batch, id int64, cover string) error {
	a := &models.Article{ID: id, Cover: cover}
	return w.exec(tx, b, a.AfterCreate, "INSERT INTO article (id, cover) VALUES (?, ?)", a.ID, a.Cover)
}

// setCover changes the cover of an article.
func (w *world) setCover(tx *sql.Tx, b *runtime.Batch, id int64, cover string) error {
	a := &models.Article{ID: id}
	if err := tx.QueryRowContext(w.t.Context(), databases.Rebind(w.d, "SELECT cover FROM article WHERE id = ?"), id).Scan(&a.Cover); err != nil {
		return err
	}
	old := a.FileSnapshot()
	a.Cover = cover
	return w.exec(tx, b, func(b *runtime.Batch) { a.BeforeUpdate(b, old) }, "UPDATE article SET cover = ? WHERE id = ?", a.Cover, a.ID)
}

func (w *world) write(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.must(os.WriteFile(filepath.Join(w.root, name), nil, 0o644))
	}
}

// withUpload uploads a file for do, and discards it afterwards.
func (w *world) withUpload(name string, do func() error) error {
	w.t.Helper()
	up, err := w.keeper.Create(w.t.Context(), "media", name)
	w.must(err)
	defer up.Discard()
	w.must(up.Close())
	if up.Name() != name {
		w.t.Errorf("the upload is called %s, not %s", up.Name(), name)
	}
	return do()
}

// want checks the files that are left when the relay is through, and the rows.
func (w *world) want(files, covers string) {
	w.t.Helper()
	if w.relay != nil {
		_, err := w.relay.Drain(w.t.Context())
		w.must(err)
	}
	all, err := os.ReadDir(w.root)
	w.must(err)
	var names []string
	for _, e := range all {
		if e.Name() != outbox.MarkerName {
			names = append(names, e.Name())
		}
	}
	if got := strings.Join(names, " "); got != files {
		w.t.Errorf("files left: %q, want %q", got, files)
	}
	rows, err := w.db.QueryContext(w.t.Context(), "SELECT cover FROM article ORDER BY id")
	w.must(err)
	defer rows.Close()
	var inRows []string
	for rows.Next() {
		var cover string
		w.must(rows.Scan(&cover))
		inRows = append(inRows, cover)
	}
	w.must(rows.Err())
	if got := strings.Join(inRows, " "); got != covers {
		w.t.Errorf("rows: %q, want %q", got, covers)
	}
}

var errNo = errors.New("no")

func TestInTx(t *testing.T) {
	each(t, func(w *world) {
		w.write("a", "b", "c")
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			return errors.Join(w.insert(tx, b, 1, "a"), w.insert(tx, b, 2, "b"))
		}))
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return w.setCover(tx, b, 1, "c") }))
		w.want("b c", "c b")
		if err := w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return errors.Join(w.setCover(tx, b, 1, ""), errNo) }); !errors.Is(err, errNo) {
			w.t.Errorf("%v", err)
		}
		w.want("b c", "c b")
	})
}

// The transactions of sqlx, as the documentation shows them.
func TestSqlx(t *testing.T) {
	each(t, func(w *world) {
		w.write("a", "b")
		db := sqlx.NewDb(w.db, map[references.Dialect]string{references.SQLite: "sqlite", references.PostgreSQL: "pgx", references.MySQL: "mysql"}[w.d])
		insert := func(tx *sql.Tx, b *runtime.Batch) error {
			txx := &sqlx.Tx{Tx: tx, Mapper: db.Mapper}
			a := &models.Article{ID: 1, Cover: "a"}
			return b.Exec(a.AfterCreate, func() (int64, error) {
				query, args, err := db.BindNamed("INSERT INTO article (id, cover) VALUES (:id, :cover)", a)
				if err != nil {
					return 0, err
				}
				return runtime.Rows(txx.ExecContext(w.t.Context(), query, args...))
			})
		}
		remove := func(tx *sql.Tx, b *runtime.Batch) error {
			txx := &sqlx.Tx{Tx: tx, Mapper: db.Mapper}
			a := &models.Article{}
			w.must(txx.GetContext(w.t.Context(), a, "SELECT * FROM article WHERE id = 1"))
			return b.Exec(func(b *runtime.Batch) { a.AfterDelete(b, a.FileSnapshot()) }, func() (int64, error) {
				return runtime.Rows(txx.ExecContext(w.t.Context(), "DELETE FROM article WHERE id = 1"))
			})
		}
		w.must(sqlclean.InTx(w.t.Context(), db, w.keeper, insert))
		w.want("a b", "a")
		w.must(sqlclean.InTx(w.t.Context(), db, w.keeper, remove))
		w.want("b", "")
	})
}

func TestPanic(t *testing.T) {
	each(t, func(w *world) {
		w.write("a")
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return w.insert(tx, b, 1, "a") }))
		func() {
			defer func() {
				if r := recover(); r != "oh" {
					w.t.Errorf("recovered %v", r)
				}
			}()
			_ = w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
				w.must(w.setCover(tx, b, 1, "b"))
				panic("oh")
			})
		}()
		w.want("a", "a")
		if n := w.db.Stats().InUse; n != 0 {
			w.t.Errorf("%d connections are in use", n)
		}
	})
}

// An upload goes if the transaction does not take it, whatever fails.
func TestUpload(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		ended, cancel := context.WithCancel(ctx)
		cancel()
		closed, err := sql.Open("sqlite", "file::memory:")
		w.must(err)
		w.must(closed.Close())
		insert := func(tx *sql.Tx, b *runtime.Batch) error { return w.insert(tx, b, 1, "up") }
		for name, do := range map[string]func() error{
			"error": func() error {
				return w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return errors.Join(insert(tx, b), errNo) })
			},
			"no transaction":       func() error { return sqlclean.InTx(ctx, closed, w.keeper, insert) },
			"context ended before": func() error { return sqlclean.InTx(ended, w.db, w.keeper, insert) },
			"context ended within": func() error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				return sqlclean.InTx(ctx, w.db, w.keeper, func(tx *sql.Tx, b *runtime.Batch) error {
					defer cancel()
					return insert(tx, b)
				})
			},
		} {
			if err := w.withUpload("up", do); err == nil {
				w.t.Errorf("%s: no error", name)
			}
			w.want("", "")
			if w.relay != nil { // the name is not given out again for a time
				_, err := w.db.ExecContext(ctx, "DELETE FROM filecleangen_outbox")
				w.must(err)
			}
		}
		w.must(w.withUpload("up", func() error { return w.inTx(insert) }))
		w.want("up", "up")
	})
}

func TestSavepoints(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		w.write("a", "b", "c", "d")
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			return errors.Join(w.insert(tx, b, 1, "a"), w.insert(tx, b, 2, "b"), w.insert(tx, b, 3, "c"), w.insert(tx, b, 4, "d"))
		}))
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			w.must(sqlclean.InSavepoint(ctx, tx, b, func() error { return w.setCover(tx, b, 1, "") }))
			err := sqlclean.InSavepoint(ctx, tx, b, func() error {
				w.must(w.setCover(tx, b, 2, ""))
				w.must(sqlclean.InSavepoint(ctx, tx, b, func() error { return w.setCover(tx, b, 3, "") }))
				return errNo
			})
			if !errors.Is(err, errNo) {
				w.t.Errorf("%v", err)
			}
			return sqlclean.InSavepoint(ctx, tx, b, func() error {
				err := sqlclean.InSavepoint(ctx, tx, b, func() error { // a statement that fails
					w.must(w.setCover(tx, b, 3, ""))
					return w.insert(tx, b, 1, "x")
				})
				if err == nil {
					w.t.Error("inserted twice")
				}
				return w.setCover(tx, b, 4, "")
			})
		}))
		w.want("b c", " b c ")
	})
}

func TestPanicInSavepoint(t *testing.T) {
	each(t, func(w *world) {
		w.write("a", "b")
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			return errors.Join(w.insert(tx, b, 1, "a"), w.insert(tx, b, 2, "b"))
		}))
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			func() {
				defer func() { _ = recover() }()
				_ = sqlclean.InSavepoint(w.t.Context(), tx, b, func() error {
					w.must(w.setCover(tx, b, 1, ""))
					panic("oh")
				})
			}()
			return w.setCover(tx, b, 2, "")
		}))
		w.want("a", "a ")
	})
}

// A savepoint that the database does not have any more: nothing is deleted that a row
// names, even if the transaction is committed.
func TestLostSavepoint(t *testing.T) {
	each(t, func(w *world) {
		if w.d == references.PostgreSQL {
			return // it commits nothing after an error
		}
		w.write("a")
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return w.insert(tx, b, 1, "a") }))
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			_, err := tx.ExecContext(w.t.Context(), "SAVEPOINT outer_one")
			w.must(err)
			err = sqlclean.InSavepoint(w.t.Context(), tx, b, func() error {
				w.must(w.setCover(tx, b, 1, ""))
				_, err := tx.ExecContext(w.t.Context(), "ROLLBACK TO SAVEPOINT outer_one")
				return errors.Join(err, errNo)
			})
			if !errors.Is(err, errNo) || !strings.Contains(err.Error(), "must be rolled back") {
				w.t.Errorf("%v", err)
			}
			return nil
		}))
		w.want("a", "a")
	})
}

// Two transactions that the database can't let pass both: the one that is refused
// is begun anew, and nothing of the first time is left.
func TestRetry(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.attach()
	w.write("a", "b", "c")
	w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return w.insert(tx, b, 1, "a") }))
	times := 0
	for {
		err := sqlclean.InTx(t.Context(), w.db, w.keeper, func(tx *sql.Tx, b *runtime.Batch) error {
			times++
			var cover string
			w.must(tx.QueryRowContext(t.Context(), "SELECT cover FROM article WHERE id = 1").Scan(&cover))
			if times == 1 {
				w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return w.setCover(tx, b, 1, "b") }))
			}
			return w.setCover(tx, b, 1, "c")
		}, sqlclean.WithTxOptions(&sql.TxOptions{Isolation: sql.LevelSerializable}))
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "SQLSTATE 40001") || times > 5 {
			t.Fatal(err)
		}
	}
	if times != 2 {
		t.Errorf("%d times", times)
	}
	w.want("c", "c")
}

// Keys that the database makes, by LastInsertId and by RETURNING, come to the record.
func TestKeyOfTheDatabase(t *testing.T) {
	each(t, func(w *world) {
		w.write("a", "b")
		automatic := map[references.Dialect]string{
			references.SQLite:     "", // it makes integers, if they are called so
			references.PostgreSQL: "ALTER TABLE article ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
			references.MySQL:      "ALTER TABLE article MODIFY id bigint AUTO_INCREMENT",
		}[w.d]
		if automatic == "" {
			w.run("DROP TABLE article")
			automatic = "CREATE TABLE article (id integer PRIMARY KEY, cover text NOT NULL)"
		}
		w.run(automatic)
		first, second := &models.Article{Cover: "a"}, &models.Article{Cover: "b"}
		const insert = "INSERT INTO article (cover) VALUES (?)"
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			returning := func(a *models.Article) error {
				return sqlclean.Returning(w.t.Context(), tx, b, a.AfterCreate, databases.Rebind(w.d, insert)+" RETURNING id", []any{a.Cover}, &a.ID)
			}
			inserted := func(a *models.Article) error {
				return sqlclean.Insert(w.t.Context(), tx, b, a.AfterCreate, &a.ID, insert, a.Cover)
			}
			switch {
			case w.d == references.PostgreSQL: // it has no LastInsertId
				return errors.Join(returning(first), returning(second))
			case !w.returns():
				return errors.Join(inserted(first), inserted(second))
			}
			return errors.Join(inserted(first), returning(second))
		}))
		w.want("a b", "a b")
		if first.ID == 0 || second.ID <= first.ID {
			w.t.Errorf("the keys are %d and %d", first.ID, second.ID)
		}
		w.must(w.inTx(func(tx *sql.Tx, b *runtime.Batch) error { return w.setCover(tx, b, first.ID, "") }))
		w.want("b", " b")
		if !w.returns() {
			return
		}
		err := w.inTx(func(tx *sql.Tx, b *runtime.Batch) error {
			return sqlclean.Returning(w.t.Context(), tx, b, second.AfterCreate, "INSERT INTO article (cover) SELECT cover FROM article WHERE id = 99 RETURNING id", nil, &second.ID)
		})
		if !errors.Is(err, sql.ErrNoRows) {
			w.t.Errorf("%v", err)
		}
		w.want("b", " b")
	})
}

// returns reports whether statements can have a RETURNING.
func (w *world) returns() bool { return w.d != references.MySQL || databases.MariaDB(w.t) }

func (w *world) run(query string) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), query)
	w.must(err)
}
