package references_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// What the generator writes for packages with an article, an album and its photos.
var (
	ArticleFileType = &runtime.Type{Name: "models.Article", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "Cover", Column: "cover", Storage: "media"},
	}}
	AlbumFileType = &runtime.Type{Name: "models.Album", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "Cover", Column: "cover", Guessed: true, Storage: "media"},
		{Path: "Pages", Column: "pages", Storage: "media", Shape: runtime.List},
		{Path: "Photos[].File", Column: "photos", Storage: "media", Shape: runtime.List},
		{Path: "Settings", Column: "settings", Storage: "media", Shape: runtime.List, Opaque: true},
	}}
	PhotoFileType = &runtime.Type{Name: "models.Photo", Package: "example.com/shop/models", Fields: []runtime.Field{
		{Path: "File", Column: "file", Guessed: true, Storage: "media"},
	}}
)

// A cleaner without an outbox, that asks the rows before it deletes a file.
func Example() {
	ctx := context.Background()
	media, err := storage.Dir("/srv/media")
	if err != nil {
		log.Fatal(err)
	}
	own, err := sql.Open("pgx", "postgres://localhost/shop") // for nothing else
	if err != nil {
		log.Fatal(err)
	}
	refs, err := references.New(ctx, own, references.PostgreSQL,
		references.Table(ArticleFileType, "article"),
	)
	if err != nil {
		log.Fatal(err)
	}
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(ArticleFileType),
		runtime.WithReferences(refs),
	)
	if err != nil {
		log.Fatal(err)
	}
	_ = cleaner
}

// Columns that are called otherwise, hold JSON, or have a function that asks them.
func ExampleTable() {
	ctx := context.Background()
	var own *sql.DB
	refs, err := references.New(ctx, own, references.PostgreSQL,
		references.Table(ArticleFileType, "article"),
		references.Table(ArticleFileType, "archive.article"),
		references.Table(AlbumFileType, "album", references.Columns{
			"Cover":         {Name: "cover_key"},
			"Photos[].File": {Name: "photos", Form: references.JSON},
			"Settings":      {Form: references.Elsewhere},
		}),
		references.NotStored(PhotoFileType),
		references.Func("media", logos),
	)
	if err != nil {
		log.Fatal(err)
	}
	_ = refs
}

// logos asks a column of the type hstore.
func logos(ctx context.Context, db references.Queryer, _ string, names []string) (named []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT DISTINCT settings -> 'logo' FROM album WHERE settings -> 'logo' = ANY ($1)", names)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		named = append(named, name)
	}
	return named, rows.Err()
}

// Columns that hold URLs.
func ExampleValues() {
	ctx := context.Background()
	var own *sql.DB
	var media *storage.DirFs
	cdn := references.Prefix("https://cdn.example.com/")
	refs, err := references.New(ctx, own, references.PostgreSQL,
		references.Table(ArticleFileType, "article"),
		references.Values("media", cdn),
	)
	if err != nil {
		log.Fatal(err)
	}
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media, runtime.Names(cdn.Name)),
		runtime.WithTypes(ArticleFileType),
		runtime.WithReferences(refs),
	)
	if err != nil {
		log.Fatal(err)
	}
	_ = cleaner
}

func ExamplePrefix() {
	cdn := references.Prefix("https://cdn.example.com/")
	for _, url := range []string{"https://cdn.example.com/covers/a%20b.png?v=2", "https://elsewhere.example.com/a.png"} {
		fmt.Printf("%q\n", cdn.Name(url))
	}
	// Output:
	// "covers/a b.png"
	// ""
}

// A program that is gone for good.
func ExampleReferences_Withdraw() {
	ctx := context.Background()
	var refs *references.References
	all, err := refs.Registered(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range all {
		fmt.Println(c.Program, c.Storage, c.Table, c.Column, c.Seen)
	}
	n, err := refs.Withdraw(ctx, "example.com/shop/cmd/import")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, "columns are not asked any more for its sake")
}
