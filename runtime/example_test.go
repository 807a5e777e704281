package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/runtime/internal/models"
)

// tx stands for a database transaction.
type tx struct{}

func (tx) Update(*models.Article) (rows int64, err error) { return 1, nil }
func (tx) Commit() error                                  { return nil }

// media returns a storage with some files in it. Real programs use
// storage.Dir.
func mediaWith(names ...string) afero.Fs {
	fs := afero.NewMemMapFs()
	for _, name := range names {
		if err := afero.WriteFile(fs, name, nil, 0o644); err != nil {
			panic(err)
		}
	}
	return fs
}

// A record is given another cover in a transaction.
func Example() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/old.png", "covers/new.png")),
		runtime.WithTypes(models.FileTypes()...),
	)
	if err != nil {
		panic(err)
	}

	batch := cleaner.Begin()
	defer batch.Rollback()
	var tx tx // begun here

	article := &models.Article{ID: 1, Cover: "covers/old.png"} // read here
	old := article.FileSnapshot()
	article.Cover = "covers/new.png"
	err = batch.Exec(
		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
		func() (int64, error) { return tx.Update(article) },
	)
	if err != nil {
		panic(err)
	}
	report, err := batch.CommitWith(context.Background(), tx.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	removed media:covers/old.png (models.Article.Cover updated) <nil>
}

// Files made for a transaction go if it is rolled back.
func ExampleBatch_Create() {
	media := mediaWith("covers/new.png")
	cleaner, err := runtime.New(runtime.WithStorage("media", media), runtime.WithTypes(models.FileTypes()...))
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	file, err := batch.Create(context.Background(), "media", "covers/new.png")
	if err != nil {
		panic(err)
	}
	fmt.Fprint(file, "a picture")
	if err := file.Close(); err != nil {
		panic(err)
	}
	fmt.Println("the name was taken:", strings.HasPrefix(file.Name(), "covers/new_"))
	batch.Rollback()
	kept, _ := afero.Exists(media, "covers/new.png")
	made, _ := afero.Exists(media, file.Name())
	fmt.Println("theirs:", kept, "ours:", made)
	// Output:
	// the name was taken: true
	// theirs: true ours: false
}

// What is rolled back to a savepoint has not happened.
func ExampleBatch_RollbackTo() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png", "covers/b.png")),
		runtime.WithTypes(models.FileTypes()...),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	(&models.Article{ID: 1}).AfterDelete(batch, models.ArticleFiles{Cover: "covers/a.png"})

	savepoint := batch.Savepoint() // beside SAVEPOINT
	(&models.Article{ID: 2}).AfterDelete(batch, models.ArticleFiles{Cover: "covers/b.png"})
	if err := batch.RollbackTo(savepoint); err != nil { // beside ROLLBACK TO
		panic(err)
	}

	report, err := batch.CommitWith(context.Background(), tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	removed media:covers/a.png (models.Article.Cover deleted) <nil>
}

// An observer can refuse a deletion, and hears what became of the others.
func ExampleObserver() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png", "covers/evidence.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithObserver(runtime.Observer{
			Before: func(_ context.Context, e runtime.Event) error {
				if e.Ref.Name == "covers/evidence.png" {
					return errors.New("on legal hold")
				}
				return nil
			},
			After: func(_ context.Context, e runtime.Event) {
				fmt.Println(e.Type.Name, e.Key, e.Field.Path, e.Reason, e.Ref, e.Status)
			},
		}),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	for i, name := range []string{"covers/a.png", "covers/evidence.png"} {
		(&models.Article{ID: int64(i + 1)}).AfterDelete(batch, models.ArticleFiles{Cover: name})
	}
	report, _ := batch.CommitWith(context.Background(), tx{}.Commit)
	kept, _ := report.Of(runtime.Ref{Storage: "media", Name: "covers/evidence.png"})
	fmt.Println(kept)
	// Output:
	// models.Article 1 Cover deleted media:covers/a.png removed
	// models.Article 2 Cover deleted media:covers/evidence.png kept
	// kept media:covers/evidence.png (models.Article.Cover deleted): an observer vetoed: on legal hold
}

// What a write lets go of counts only if it changed a row.
func ExampleBatch_Exec() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png")),
		runtime.WithTypes(models.FileTypes()...),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	defer batch.Rollback()
	article := &models.Article{ID: 1, Cover: ""}
	err = batch.Exec(
		func(b *runtime.Batch) { article.BeforeUpdate(b, models.ArticleFiles{Cover: "covers/a.png"}) },
		func() (rows int64, err error) { return 0, nil }, // UPDATE … WHERE id = 1 AND version = 7
	)
	if err != nil {
		panic(err)
	}
	report, err := batch.CommitWith(context.Background(), tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed <nil>
}

// Where the row is locked and old was read from it since, a name that stays is not told
// to the outbox.
func ExampleBatch_Locked() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png")),
		runtime.WithTypes(models.FileTypes()...),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	defer batch.Rollback()
	old := models.ArticleFiles{Cover: "covers/a.png"} // SELECT … FOR UPDATE
	article := &models.Article{ID: 1, Title: "new", Cover: "covers/a.png"}
	err = batch.Exec(
		func(b *runtime.Batch) {
			b.Locked(func(b *runtime.Batch) { article.BeforeUpdate(b, old) })
		},
		func() (rows int64, err error) { return 1, nil }, // UPDATE …
	)
	if err != nil {
		panic(err)
	}
	report, err := batch.CommitWith(context.Background(), tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed <nil>
}

// An upload goes unless a transaction comes to name it.
func ExampleCleaner_Create() {
	media := mediaWith()
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(models.FileTypes()...),
	)
	if err != nil {
		panic(err)
	}
	up, err := cleaner.Create(context.Background(), "media", "covers/new.png")
	if err != nil {
		panic(err)
	}
	if err := up.Close(); err != nil {
		panic(err)
	}
	up.Discard() // deferred, in earnest
	_, err = media.Stat("covers/new.png")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// true
}

// Files that several rows name need references.
func ExampleWithReferences() {
	rows := []models.Article{{ID: 2, Cover: "covers/shared.png"}} // of a database
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/shared.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(func(_ context.Context, refs []runtime.Ref) (named []runtime.Ref, err error) {
			for _, ref := range refs { // SELECT cover FROM article WHERE cover IN (…)
				for _, row := range rows {
					if row.Cover == ref.Name {
						named = append(named, ref)
					}
				}
			}
			return named, nil
		})),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	(&models.Article{ID: 1}).AfterDelete(batch, models.ArticleFiles{Cover: "covers/shared.png"})
	report, err := batch.CommitWith(context.Background(), tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	kept media:covers/shared.png (models.Article.Cover deleted): the rows were asked, and one names it <nil>
}

// Columns that hold URLs.
func ExampleNames() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png"), runtime.Names(func(url string) string {
			name, ours := strings.CutPrefix(url, "https://cdn.example.com/")
			if !ours {
				return ""
			}
			return name
		})),
		runtime.WithTypes(models.FileTypes()...),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	for i, url := range []string{"https://cdn.example.com/covers/a.png", "https://elsewhere.example.com/b.png"} {
		(&models.Article{ID: int64(i + 1)}).AfterDelete(batch, models.ArticleFiles{Cover: url})
	}
	report, err := batch.CommitWith(context.Background(), tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	removed media:covers/a.png (models.Article.Cover deleted) <nil>
}

// downFs is a storage that can't delete anything at the moment.
type downFs struct{ afero.Fs }

func (downFs) Remove(string) error { return errors.New("503 slow down") }

// A program that ends gives what waits for another attempt a last one, and says
// what it leaves behind.
func ExampleCleaner_Close() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", downFs{mediaWith("covers/a.png")}),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithLogger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	(&models.Article{ID: 1}).AfterDelete(batch, models.ArticleFiles{Cover: "covers/a.png"})
	report, err := batch.CommitWith(context.Background(), tx{}.Commit)
	fmt.Println(report, err)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(cleaner.Close(ctx))
	fmt.Println("failed for good:", cleaner.Stats().Failed)
	// Output:
	// committed
	// 	pending media:covers/a.png (models.Article.Cover deleted): 503 slow down <nil>
	// filecleangen: still to be deleted: media:covers/a.png
	// failed for good: 1
}
