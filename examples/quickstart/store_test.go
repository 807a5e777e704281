package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// TestCoverGoes is a test as a program may have it: a picture that is replaced goes,
// but not if the transaction is rolled back.
func TestCoverGoes(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	store := newStore(t, media)

	article := &Article{Title: "Light"}
	cover, err := store.Upload(ctx, "covers/old.png", strings.NewReader("old"))
	must(t, err)
	article.Cover = cover.Name()
	must(t, store.InTx(ctx, func(tx *Tx) error { return tx.Insert(ctx, article) }))

	replace := func(end error) error {
		cover, err := store.Upload(ctx, "covers/new.png", strings.NewReader("new"))
		must(t, err)
		defer cover.Discard()
		return store.InTx(ctx, func(tx *Tx) error {
			a, old, err := tx.Load(ctx, article.ID)
			must(t, err)
			a.Cover = cover.Name()
			return errors.Join(tx.Save(ctx, a, old), end)
		})
	}

	rollback := errors.New("no")
	if err := replace(rollback); !errors.Is(err, rollback) {
		t.Error(err)
	}
	wantFiles(t, media, "covers/old.png")

	must(t, replace(nil))
	wantFiles(t, media, "covers/new.png")
}

// TestReport: the report of a commit says what became of each file.
func TestReport(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	store := newStore(t, media)
	cover, err := store.Upload(ctx, "covers/a.png", strings.NewReader("a"))
	must(t, err)
	article := &Article{Title: "Light", Cover: cover.Name(), Banner: "covers/blank.png"}
	must(t, store.InTx(ctx, func(tx *Tx) error { return tx.Insert(ctx, article) }))

	var report *runtime.Report
	err = sqlclean.InTx(ctx, store.db, store.keeper, func(tx *sql.Tx, batch *runtime.Batch) error {
		return remove(ctx, &Tx{tx, batch}, article.ID)
	}, sqlclean.WithReport(func(r *runtime.Report) { report = r }))
	must(t, err)
	want := "committed\n" +
		"\tremoved media:covers/a.png (main.Article.Cover deleted)\n" +
		"\tkept media:covers/blank.png (main.Article.Banner deleted): it is a default"
	if report.String() != want {
		t.Errorf("the report is\n%s\nwant\n%s", report, want)
	}
}

// newStore returns a store with an empty database, whose pictures are in media.
func newStore(t *testing.T, media afero.Fs) *Store {
	t.Helper()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "test.db")
	db, err := sql.Open("sqlite", path)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	_, err = db.ExecContext(ctx, schema)
	must(t, err)

	own, err := sql.Open("sqlite", path) // the same file, not :memory:
	must(t, err)
	t.Cleanup(func() { own.Close() })
	refs, err := references.New(ctx, own, references.SQLite, references.Table(ArticleFileType, "article"))
	must(t, err)
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(FileTypes()...),
		runtime.WithReferences(refs),
	)
	must(t, err)
	return &Store{db, cleaner}
}

func wantFiles(t *testing.T, media afero.Fs, want string) {
	t.Helper()
	files, err := afero.Glob(media, "covers/*")
	must(t, err)
	if got := strings.Join(files, " "); got != want {
		t.Errorf("files: %s, want %s", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
