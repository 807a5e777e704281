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

// tx stands for a database transaction, such as an *sql.Tx.
type tx struct{ runtime.Tx }

func (tx) Update(*models.Article) (rows int64, err error) { return 1, nil }
func (tx) Commit() error                                  { return nil }

// articles stands for a table. Real programs ask theirs by package references.
type articles []models.Article

// Names returns those of the files that an article names.
func (a articles) Names(_ context.Context, refs []runtime.Ref) (named []runtime.Ref, err error) {
	for _, ref := range refs { // SELECT cover FROM article WHERE cover IN (…)
		for _, row := range a {
			if row.Cover == ref.Name {
				named = append(named, ref)
			}
		}
	}
	return named, nil
}

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
	var rows articles // after the transaction
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/old.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(func(ctx context.Context, refs []runtime.Ref) ([]runtime.Ref, error) {
			return rows.Names(ctx, refs)
		})),
	)
	if err != nil {
		panic(err)
	}

	// The upload comes first. It goes if the transaction does not take it.
	up, err := cleaner.Create(context.Background(), "media", "covers/new.png")
	if err != nil {
		panic(err)
	}
	defer up.Discard()
	fmt.Fprint(up, "a picture")
	if err := up.Close(); err != nil {
		panic(err)
	}

	batch := cleaner.Begin()
	defer batch.Rollback()
	var tx tx // begun here

	article := &models.Article{ID: 1, Cover: "covers/old.png"} // read here
	old := article.FileSnapshot()
	article.Cover = up.Name()
	err = batch.Exec(
		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
		func() (int64, error) { rows = articles{*article}; return tx.Update(article) },
	)
	if err != nil {
		panic(err)
	}
	report, err := cleaner.Commit(context.Background(), batch, tx, tx.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	removed media:covers/old.png (models.Article.Cover updated) <nil>
}

// What is rolled back to a savepoint has not happened.
func ExampleBatch_RollbackTo() {
	var rows articles // after the transaction
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png", "covers/b.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(rows.Names)),
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

	report, err := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	removed media:covers/a.png (models.Article.Cover deleted) <nil>
}

// An observer can refuse a deletion, and hears what became of the others.
func ExampleObserver() {
	var rows articles // after the transaction
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png", "covers/evidence.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithObserver(runtime.Observer{
			Before: func(_ context.Context, r runtime.Result) error {
				if r.Ref.Name == "covers/evidence.png" {
					return errors.New("on legal hold")
				}
				return nil
			},
			After: func(_ context.Context, r runtime.Result) {
				fmt.Println(r.Type.Name, r.Key, r.Field.Path, r.Reason, r.Ref, r.Status)
			},
		}),
		runtime.WithReferences(runtime.ReferencesFunc(rows.Names)),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	for i, name := range []string{"covers/a.png", "covers/evidence.png"} {
		(&models.Article{ID: int64(i + 1)}).AfterDelete(batch, models.ArticleFiles{Cover: name})
	}
	report, _ := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
	kept, _ := report.Of(runtime.Ref{Storage: "media", Name: "covers/evidence.png"})
	fmt.Println(kept)
	// Output:
	// models.Article 1 Cover deleted media:covers/a.png removed
	// models.Article 2 Cover deleted media:covers/evidence.png kept
	// kept media:covers/evidence.png (models.Article.Cover deleted): an observer vetoed: on legal hold
}

// What a write did to the row is for the row to say.
func ExampleBatch_Exec() {
	rows := articles{{ID: 1, Cover: "covers/a.png"}}
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(rows.Names)),
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
	report, err := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	kept media:covers/a.png (models.Article.Cover updated): the rows were asked, and one names it <nil>
}

// Where the row is locked and old was read from it since, a name that stays is not told
// to the outbox.
func ExampleBatch_Locked() {
	rows := articles{{ID: 1, Cover: "covers/a.png"}}
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(rows.Names)),
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
	report, err := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed <nil>
}

// An upload goes unless a transaction comes to name it.
func ExampleCleaner_Create() {
	media := mediaWith("covers/new.png")
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(articles{}.Names)),
	)
	if err != nil {
		panic(err)
	}
	up, err := cleaner.Create(context.Background(), "media", "covers/new.png")
	if err != nil {
		panic(err)
	}
	fmt.Fprint(up, "a picture")
	if err := up.Close(); err != nil {
		panic(err)
	}
	fmt.Println("the name was taken:", strings.HasPrefix(up.Name(), "covers/new_"))
	up.Discard() // deferred, in earnest
	_, err = media.Stat(up.Name())
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// the name was taken: true
	// true
}

// A file may be named by several rows.
func ExampleWithReferences() {
	rows := articles{{ID: 2, Cover: "covers/shared.png"}} // the first is deleted
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/shared.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(rows.Names)),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	(&models.Article{ID: 1}).AfterDelete(batch, models.ArticleFiles{Cover: "covers/shared.png"})
	report, err := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	kept media:covers/shared.png (models.Article.Cover deleted): the rows were asked, and one names it <nil>
}

// Without references a batch knows what was written through it, and nothing else.
func ExampleUnchecked() {
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png", "covers/b.png")),
		runtime.WithTypes(models.FileTypes()...),
		runtime.Unchecked(),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	for i, name := range []string{"covers/a.png", "covers/b.png"} {
		(&models.Article{ID: int64(i + 1)}).AfterDelete(batch, models.ArticleFiles{Cover: name})
	}
	(&models.Article{ID: 3, Cover: "covers/b.png"}).AfterCreate(batch)
	report, err := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
	fmt.Println(report, err)
	// Output:
	// committed
	// 	removed media:covers/a.png (models.Article.Cover deleted)
	// 	kept media:covers/b.png (models.Article.Cover deleted): a record of the batch names it <nil>
}

// Columns that hold URLs.
func ExampleNames() {
	var rows articles // after the transaction
	cleaner, err := runtime.New(
		runtime.WithStorage("media", mediaWith("covers/a.png"), runtime.Names(func(url string) string {
			name, ours := strings.CutPrefix(url, "https://cdn.example.com/")
			if !ours {
				return ""
			}
			return name
		})),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithReferences(runtime.ReferencesFunc(rows.Names)),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	for i, url := range []string{"https://cdn.example.com/covers/a.png", "https://elsewhere.example.com/b.png"} {
		(&models.Article{ID: int64(i + 1)}).AfterDelete(batch, models.ArticleFiles{Cover: url})
	}
	report, err := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
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
	var rows articles // after the transaction
	cleaner, err := runtime.New(
		runtime.WithStorage("media", downFs{mediaWith("covers/a.png")}),
		runtime.WithTypes(models.FileTypes()...),
		runtime.WithLogger(slog.New(slog.DiscardHandler)),
		runtime.WithReferences(runtime.ReferencesFunc(rows.Names)),
	)
	if err != nil {
		panic(err)
	}
	batch := cleaner.Begin()
	(&models.Article{ID: 1}).AfterDelete(batch, models.ArticleFiles{Cover: "covers/a.png"})
	report, err := cleaner.Commit(context.Background(), batch, tx{}, tx{}.Commit)
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
