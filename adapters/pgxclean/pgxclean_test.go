package pgxclean_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/filecleangen/filecleangen/adapters/pgxclean"
	"github.com/filecleangen/filecleangen/adapters/pgxclean/internal/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

type world struct {
	t     *testing.T
	root  string
	pool  *pgxpool.Pool
	own   *sql.DB // of the references
	box   *outbox.Outbox
	relay *outbox.Relay
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, root: t.TempDir(), pool: newPool(t)}
	w.own = stdlib.OpenDB(*w.pool.Config().ConnConfig)
	t.Cleanup(func() { _ = w.own.Close() })
	dir, err := storage.Dir(w.root)
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	w.must(outbox.Mark(dir, "test"))
	w.must(outbox.Migrate(t.Context(), w.own, references.PostgreSQL))
	_, err = w.pool.Exec(t.Context(), "CREATE TABLE article (id bigint PRIMARY KEY, cover text NOT NULL)")
	w.must(err)
	refs, err := references.New(t.Context(), w.own, references.PostgreSQL, references.Table(models.ArticleFileType, "article"))
	w.must(err)
	clean, err := runtime.New(runtime.WithStorage("media", dir), runtime.WithTypes(models.FileTypes()...), runtime.WithReferences(refs))
	w.must(err)
	w.box, err = outbox.New(t.Context(), clean, refs)
	w.must(err)
	w.relay, err = w.box.Relay(t.Context(), "test")
	w.must(err)
	return w
}

// newPool connects to an empty schema.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	server := os.Getenv("FILECLEANGEN_POSTGRES")
	if server == "" {
		server = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	one, err := pgx.Connect(ctx, server)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL answers at %s ($FILECLEANGEN_POSTGRES): %v", server, err)
		}
		t.Skipf("no PostgreSQL answers at %s ($FILECLEANGEN_POSTGRES): %v", server, err)
	}
	name := fmt.Sprintf("pgxclean_%d_%d", os.Getpid(), time.Now().UnixNano())
	if _, err := one.Exec(ctx, "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), server+"&search_path="+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		_, _ = one.Exec(context.Background(), "DROP SCHEMA "+name+" CASCADE")
		_ = one.Close(context.Background())
	})
	return pool
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) begin() (*runtime.Batch, pgx.Tx) {
	w.t.Helper()
	b := w.box.Begin()
	tx, err := w.pool.Begin(w.t.Context())
	w.must(err)
	return b, tx
}

func (w *world) upload(name string) *runtime.Upload {
	w.t.Helper()
	up, err := w.box.Create(w.t.Context(), "media", name)
	w.must(err)
	w.must(up.Close())
	return up
}

func (w *world) write(b *runtime.Batch, tx pgx.Tx, hook func(*runtime.Batch), query string, args ...any) {
	w.t.Helper()
	w.must(pgxclean.Exec(w.t.Context(), tx, b, hook, query, args...))
}

func (w *world) insert(b *runtime.Batch, tx pgx.Tx, a *models.Article) {
	w.t.Helper()
	w.write(b, tx, a.AfterCreate, "INSERT INTO article (id, cover) VALUES ($1, $2)", a.ID, a.Cover)
}

func (w *world) remove(b *runtime.Batch, tx pgx.Tx, a *models.Article) {
	w.t.Helper()
	w.write(b, tx, func(b *runtime.Batch) { a.AfterDelete(b, a.FileSnapshot()) }, "DELETE FROM article WHERE id = $1", a.ID)
}

func (w *world) want(files string) {
	w.t.Helper()
	_, err := w.relay.Drain(w.t.Context())
	w.must(err)
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
}

func TestCommit(t *testing.T) {
	w := newWorld(t)
	up := w.upload("a")
	a := &models.Article{ID: 1, Cover: up.Name()}
	b, tx := w.begin()
	w.insert(b, tx, a)
	_, err := pgxclean.Commit(t.Context(), w.box, b, tx)
	w.must(err)
	up.Discard()
	w.want("a")

	b, tx = w.begin()
	w.remove(b, tx, a)
	w.must(tx.Rollback(t.Context()))
	b.Rollback()
	w.want("a")

	b, tx = w.begin()
	w.remove(b, tx, a)
	report, err := pgxclean.Commit(t.Context(), w.box, b, tx)
	if err != nil || report.Outcome != runtime.Committed || report.Count(runtime.Pending) != 1 {
		t.Errorf("%v, %v", report, err)
	}
	w.want("")
}

func TestFlushAndSavepoint(t *testing.T) {
	w := newWorld(t)
	w.must(os.WriteFile(w.root+"/a", nil, 0o644))
	w.must(os.WriteFile(w.root+"/b", nil, 0o644))
	first, second := &models.Article{ID: 1, Cover: "a"}, &models.Article{ID: 2, Cover: "b"}
	b, tx := w.begin()
	w.insert(b, tx, first)
	w.insert(b, tx, second)
	_, err := pgxclean.Commit(t.Context(), w.box, b, tx)
	w.must(err)

	b, tx = w.begin()
	w.remove(b, tx, first)
	no := errors.New("no")
	err = pgxclean.InSavepoint(t.Context(), tx, b, func(inner pgx.Tx) error {
		w.remove(b, inner, second)
		return no
	})
	if !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	handle, done := pgxclean.Tx(tx)
	defer done()
	_, err = w.box.Flush(t.Context(), b, handle)
	w.must(err)
	w.must(tx.Commit(t.Context()))
	w.want("b")
}

// The errors of PostgreSQL reach the caller as they are.
func TestErrors(t *testing.T) {
	w := newWorld(t)
	b, tx := w.begin()
	w.remove(b, tx, &models.Article{ID: 1, Cover: "a"})
	w.must(b.Exec((&models.Article{ID: 2, Cover: "b"}).AfterCreate, func() (int64, error) { return 1, nil }))
	w.must(tx.Rollback(t.Context()))
	if _, err := pgxclean.Commit(t.Context(), w.box, b, tx); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("%v", err)
	}
	b.Rollback()

	handle, done := pgxclean.Tx(w.pool)
	defer done()
	if _, err := handle.ExecContext(t.Context(), "SELECT nonsense"); err == nil || !strings.Contains(err.Error(), "SQLSTATE 42703") {
		t.Errorf("%v", err)
	}
	rows, err := handle.QueryContext(t.Context(), "SELECT 1/(3-n), n::text, NULL::text FROM generate_series(1, 5) n")
	w.must(err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var n int64
		var text string
		var none sql.NullString
		w.must(rows.Scan(&n, &text, &none))
		got = append(got, text)
	}
	if err := rows.Err(); err == nil || !strings.Contains(err.Error(), "division by zero") || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// Handles of transactions that end leave no goroutine behind, and their
// connections go back to the pool.
func TestConnectionsComeBack(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		b, tx := w.begin()
		w.insert(b, tx, &models.Article{ID: int64(i)})
		_, err := pgxclean.Commit(t.Context(), w.box, b, tx)
		w.must(err)
	}
	if s := w.pool.Stat(); s.AcquiredConns() != 0 || s.TotalConns() > 4 {
		t.Errorf("%d of %d connections are in use", s.AcquiredConns(), s.TotalConns())
	}
	if s := w.own.Stats(); s.InUse != 0 || s.OpenConnections > 4 {
		t.Errorf("%d of %d connections of the references are in use", s.InUse, s.OpenConnections)
	}
}

// A key that the database makes, read into the record.
func TestReturning(t *testing.T) {
	w := newWorld(t)
	_, err := w.pool.Exec(t.Context(), "CREATE SEQUENCE ids START 7; ALTER TABLE article ALTER id SET DEFAULT nextval('ids')")
	w.must(err)
	w.must(os.WriteFile(w.root+"/a", nil, 0o644))
	a := &models.Article{Cover: "a"}
	w.must(pgxclean.InTx(t.Context(), w.pool, w.box, func(tx pgx.Tx, b *runtime.Batch) error {
		return pgxclean.Returning(t.Context(), tx, b, a.AfterCreate, "INSERT INTO article (cover) VALUES ($1) RETURNING id", []any{a.Cover}, &a.ID)
	}))
	if a.ID != 7 {
		t.Errorf("the key is %d", a.ID)
	}
	w.want("a")
	err = pgxclean.InTx(t.Context(), w.pool, w.box, func(tx pgx.Tx, b *runtime.Batch) error {
		return pgxclean.Returning(t.Context(), tx, b, a.AfterCreate, "UPDATE article SET cover = $1 WHERE id = 99 RETURNING id", []any{a.Cover}, &a.ID)
	})
	if !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("%v", err)
	}
	w.want("a")
}
