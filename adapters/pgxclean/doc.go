// Package pgxclean makes the code that pgx needs short, and right: a transaction and its
// batch are begun, committed and rolled back together.
//
//	own := stdlib.OpenDB(*pool.Config().ConnConfig) // a handle that is used for nothing else
//	…
//	refs, err := references.New(ctx, own, references.PostgreSQL,
//		references.Table(models.ArticleFileType, "article"))
//	…
//	cleaner, err := runtime.New(runtime.WithReferences(refs), …)
//	…
//	up, err := keeper.Create(ctx, "media", "covers/new.png") // goes, unless a row names it
//	…
//	defer up.Discard()
//	… // write, and check the error of up.Close
//	err = pgxclean.InTx(ctx, pool, keeper, func(tx pgx.Tx, b *runtime.Batch) error {
//		article, err := load(ctx, tx, id) // SELECT … FOR UPDATE
//		if err != nil {
//			return err
//		}
//		old := article.FileSnapshot() // what the row names now
//		article.Cover = up.Name()
//		return pgxclean.Exec(ctx, tx, b,
//			func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//			"UPDATE article SET cover = $1 WHERE id = $2", article.Cover, article.ID)
//	})
//
// keeper is an [outbox.Outbox], or a [runtime.Cleaner] for promises that are kept in
// memory. For an INSERT whose key the database makes there is [Returning].
//
// An outbox itself, and its relays, work on the handle of the references, and take no
// connection of the pool. It comes from package stdlib of pgx, and opens connections as
// the pool does, but for what the pool is told beside that: a BeforeConnect of its
// config, say, is given to stdlib.OpenDB by stdlib.OptionBeforeConnect.
//
// A pgx transaction that was begun in another is a savepoint: see [InSavepoint].
//
// # What is not seen
//
//	Written past the batch                     What covers it
//	SQL without a call of Exec                 a call of it; triggers are planned
//	cascades of foreign keys                   triggers are planned
//	pgx.Batch, CopyFrom                        one call of b.Exec around it, with hooks for all records
//	tx.Commit instead of InTx or Commit        nothing: files stay, until a sweep; uploads go with Discard, if no row names them
//
// [outbox.Outbox]: https://pkg.go.dev/github.com/filecleangen/filecleangen/outbox#Outbox
package pgxclean
