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
// and call the generated methods where rows are written:
//
//	batch := cleaner.Begin()
//	defer batch.Rollback()
//	tx, err := db.BeginTx(ctx, nil)
//	…
//	defer tx.Rollback()
//	article, err := load(ctx, tx, id)
//	…
//	old := article.FileSnapshot() // what the row names now
//	article.Cover = "covers/new.png"
//	err = batch.Exec(
//		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//		func() (int64, error) {
//			return runtime.Rows(tx.ExecContext(ctx, "UPDATE article SET cover = ? WHERE id = ?", article.Cover, article.ID))
//		})
//	…
//	report, err := batch.CommitWith(ctx, tx.Commit) // deletes the old cover
//
// Where to read on:
//
//   - [github.com/filecleangen/filecleangen/cmd/filecleangen]: the command, the
//     tag and the field types.
//   - [github.com/filecleangen/filecleangen/runtime]: cleaner, batch, storages,
//     observers; the promises and their conditions.
//   - [github.com/filecleangen/filecleangen/outbox]: promises that survive a crash,
//     in a table of your own database.
//   - [github.com/filecleangen/filecleangen/generator]: the generator as a
//     library.
//   - The directories examples/quickstart and examples/outbox: programs to run and
//     repositories to copy.
package filecleangen
