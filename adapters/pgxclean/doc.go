// Package pgxclean lets programs that use pgx keep an outbox: it puts what a batch
// promised into a pgx transaction.
//
//	own := stdlib.OpenDB(*pool.Config().ConnConfig) // a handle that is used for nothing else
//	…
//	err := outbox.Migrate(ctx, own, references.PostgreSQL)
//	…
//	refs, err := references.New(ctx, own, references.PostgreSQL,
//		references.Table(models.ArticleFileType, "article"))
//	…
//	box, err := outbox.New(ctx, cleaner, refs)
//	…
//	batch := cleaner.Begin()
//	defer batch.Rollback()
//	tx, err := pool.Begin(ctx)
//	…
//	defer tx.Rollback(ctx)
//	…
//	err = batch.Exec(
//		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//		func() (int64, error) {
//			return pgxclean.Rows(tx.Exec(ctx, "UPDATE article SET cover = $1 WHERE id = $2", article.Cover, article.ID))
//		})
//	…
//	_, err = pgxclean.Commit(ctx, box, batch, tx)
//
// The outbox itself, and its relays, work on the handle of the references, and take no
// connection of the pool. It comes from package stdlib of pgx, and opens connections as
// the pool does, but for what the pool is told beside that: a BeforeConnect of its
// config, say, is given to stdlib.OpenDB by stdlib.OptionBeforeConnect.
//
// A pgx transaction that was begun in another is a savepoint: take one of the batch
// with it ([runtime.Batch.Savepoint]), and commit the batch with the outermost.
//
// # What is not seen
//
//	Written past the batch                     What covers it
//	SQL without a call of batch.Exec           a call of it; triggers are planned
//	cascades of foreign keys                   triggers are planned
//	pgx.Batch, CopyFrom                        one call of batch.Exec around it, with hooks for all records
//	tx.Commit instead of pgxclean.Commit       nothing: files stay, and uploads go when their time is over
package pgxclean
