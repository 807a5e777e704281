// Package sqlclean makes the code that database/sql needs short, and right: a
// transaction and its batch are begun, committed and rolled back together.
//
//	up, err := keeper.Create(ctx, "media", "covers/new.png") // goes, unless a row names it
//	if err != nil {
//		return err
//	}
//	defer up.Discard()
//	… // write, and check the error of up.Close
//	err = sqlclean.InTx(ctx, db, keeper, func(tx *sql.Tx, b *runtime.Batch) error {
//		article, err := load(ctx, tx, id) // SELECT … FOR UPDATE
//		if err != nil {
//			return err
//		}
//		old := article.FileSnapshot() // what the row names now
//		article.Cover = up.Name()
//		return sqlclean.Exec(ctx, tx, b,
//			func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//			"UPDATE article SET cover = $1 WHERE id = $2", article.Cover, article.ID)
//	})
//
// keeper is an [outbox.Outbox], or a [runtime.Cleaner] for promises that are kept in
// memory. For an INSERT whose key the database makes there are [Insert] and [Returning].
//
// # With sqlx
//
//	err := sqlclean.InTx(ctx, db, box, func(tx *sql.Tx, b *runtime.Batch) error {
//		txx := &sqlx.Tx{Tx: tx, Mapper: db.Mapper}
//		…
//		return b.Exec(article.AfterCreate, func() (int64, error) {
//			query, args, err := db.BindNamed("INSERT INTO article …", article)
//			if err != nil {
//				return 0, err
//			}
//			return runtime.Rows(txx.ExecContext(ctx, query, args...))
//		})
//	})
//
// # With sqlc
//
//	err := sqlclean.InTx(ctx, db, box, func(tx *sql.Tx, b *runtime.Batch) error {
//		q := queries.WithTx(tx)
//		…
//		return b.Exec(
//			func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//			func() (int64, error) { return q.UpdateCover(ctx, params) }) // :execrows
//	})
//
// sqlc writes the structs, and go_struct_tag in sqlc.yaml gives them the file tags:
// see docs/sqlc.md. Take :execrows, or :one with RETURNING *, for queries that write.
//
// # What is not seen
//
//	Written past the batch                          What covers it
//	SQL without a call of Exec                      a call of it; triggers are planned
//	an UPDATE or DELETE of many rows                SELECT … FOR UPDATE what they name first, log each, and write these
//	                                                only (WHERE id IN …): others may match by then
//	the row that an upsert writes over              SELECT … FOR UPDATE it first; if there is none, INSERT only
//	cascades of foreign keys                        the same; triggers are planned
//	other programs                                  an outbox that is told of their tables keeps what they name
//
// [outbox.Outbox]: https://pkg.go.dev/github.com/filecleangen/filecleangen/outbox#Outbox
package sqlclean
