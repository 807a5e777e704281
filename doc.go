// Package filecleangen is the home of a code generator and a small runtime that
// delete the files that database rows name when, and only when, the database has
// let go of them. It has no code itself.
//
// A database row names a file: delete the row, or put another name in it, and
// the file stays behind. Delete it by hand, and one day it is deleted before the
// transaction commits, or on a rollback, or while another row still names it.
//
// Tag the fields that name files,
//
//	//go:generate go tool filecleangen ./...
//
//	type Article struct {
//		ID    int64
//		Title string
//		Cover string `file:"media,default=covers/blank.png"`
//	}
//
// install the generator and run it,
//
//	go get -tool github.com/filecleangen/filecleangen/cmd/filecleangen
//	go generate ./...
//
// upload files before the transaction that names them, and call the generated methods
// where rows are written:
//
//	file, err := keeper.Create(ctx, "media", "covers/new.png")
//	…
//	defer file.Discard() // deletes it, unless a row has come to name it
//	… // write the picture, and close the file
//	err = sqlclean.InTx(ctx, db, keeper, func(tx *sql.Tx, batch *runtime.Batch) error {
//		article, err := load(ctx, tx, id)
//		…
//		old := article.FileSnapshot() // what the row names now
//		article.Cover = file.Name()
//		return sqlclean.Exec(ctx, tx, batch,
//			func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//			"UPDATE article SET cover = ? WHERE id = ?", article.Cover, article.ID)
//	}) // commits, then deletes the old cover, if no row names it
//
// The keeper is a cleaner, which keeps its promises in memory, or an outbox.
// Package sqlclean, in the module adapters/sqlclean, is for database/sql, sqlx and
// sqlc, and pgxclean for pgx; gormclean is a plugin of gorm, where nothing else is to
// be called. Any other persistence layer calls the runtime: a batch for each transaction.
//
// Where to read on:
//
//   - [github.com/filecleangen/filecleangen/cmd/filecleangen]: the command, the
//     tag and the field types.
//   - [github.com/filecleangen/filecleangen/runtime]: keepers, batches, uploads,
//     observers; the promises, and what memory cannot know.
//   - [github.com/filecleangen/filecleangen/references]: which columns name files; they
//     are asked before a file goes.
//   - [github.com/filecleangen/filecleangen/storage]: directories as storages, names.
//   - [github.com/filecleangen/filecleangen/outbox]: promises that survive a crash,
//     in a table of your own database.
//   - [github.com/filecleangen/filecleangen/generator]: the generator as a
//     library.
//   - The directories examples/quickstart and examples/outbox: programs to run and
//     repositories to copy.
package filecleangen
