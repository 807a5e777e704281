package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// TestCoverGoes is a test as a program may have it: a picture that is replaced goes,
// but not if the transaction is rolled back.
func TestCoverGoes(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	cleaner, err := runtime.New(runtime.WithStorage("media", media), runtime.WithTypes(FileTypes()...))
	must(t, err)
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "test.db"))
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, schema)
	must(t, err)
	store := &Store{db, cleaner}

	article := &Article{Title: "Light"}
	must(t, store.InTx(ctx, func(tx *Tx) (err error) {
		article.Cover, err = tx.Upload(ctx, "covers/old.png", strings.NewReader("old"))
		return errors.Join(err, tx.Insert(ctx, article))
	}))
	replace := func(end error) error {
		return store.InTx(ctx, func(tx *Tx) error {
			a, old, err := tx.Load(ctx, article.ID)
			must(t, err)
			a.Cover, err = tx.Upload(ctx, "covers/new.png", strings.NewReader("new"))
			must(t, err)
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
