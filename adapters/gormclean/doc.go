// Package gormclean is a plugin of gorm that lets files go with the rows that named
// them: nothing else is to be called.
//
//	db, err := gorm.Open(postgres.Open(dsn))
//	…
//	own, err := sql.Open("pgx", dsn) // a handle that is used for nothing else
//	…
//	err = outbox.Migrate(ctx, own, references.PostgreSQL)
//	…
//	refs, err := references.New(ctx, own, references.PostgreSQL,
//		gormclean.Table(db, models.ArticleFileType, &models.Article{}))
//	…
//	box, err := outbox.New(ctx, cleaner, refs)
//	…
//	err = db.Use(gormclean.New(box))
//	…
//	relay, err := box.Relay(ctx, "shop-production")
//	…
//	go relay.Run(ctx)
//
// The tables of the models must be there before references.New, and gorm's handle,
// of db.DB(), is not the one to give it.
//
// From here on db.Save(&article), db.Delete(&Article{}, id) and all others do it.
// Models with tags or types of gorm's get no hooks from the generator, since gorm
// calls methods named BeforeUpdate and AfterDelete in a way of its own; generate
// others with -hooks=none.
//
// # How it works
//
// Right before gorm runs a statement that writes rows of a model with file fields,
// the plugin reads these rows by the conditions of the statement, locks them, and
// reads them again afterwards: what they named and name no more goes into the
// outbox, in the same transaction. So it does not matter what the records in memory
// say, or how many rows a statement changes; a soft delete lets go of nothing, since
// the row still names its files; and rollbacks and savepoints are the database's
// business. A statement outside of a transaction gets one.
//
// That is two queries more for each statement that writes such a model, for the
// primary keys and the columns of files, and up to three statements for the outbox
// where files change. They have the comment "filecleangen". With an outbox, models
// without file fields cost nothing, nor do updates that set no column with names of
// files; where a trigger changes one all the same, that is not seen.
//
// If the outbox can't be told, or a row comes to name a file that is being deleted
// ([runtime.ErrGone]), the statement fails. In a transaction that the caller began
// the transaction is rolled back then, so that it can't be committed by mistake.
//
// # In memory
//
// For those who want no table and no relay, the plugin takes a cleaner:
//
//	err = db.Use(gormclean.New(cleaner))
//	…
//	err = gormclean.Transaction(db, func(tx *gorm.DB) error { … })
//
// Files go right after the commit, before the call returns; what that can't promise is
// in the documentation of package runtime. [Table] is for such a cleaner, too: its
// references, given to [runtime.WithReferences], ask the rows before a file goes. With
// [runtime.Unchecked] its conditions are yours.
//
// Gorm tells nobody of a commit, but for the transaction that it begins for a single
// statement. So others are begun by [Transaction] in place of db.Transaction and
// db.Begin; in a transaction of those, and in db.CreateInBatches, which calls
// db.Transaction, a statement that has to do with files is an error that says so,
// [ErrUnobserved]. Each transaction costs a batch, some 2 kB, also where no file is
// concerned.
//
// Savepoints are followed, of nested transactions or set by SQL through gorm. What may
// have ended the transaction unseen (a COMMIT by hand, a statement before which MySQL
// commits, a deadlock, after which it has rolled back and goes on) makes the batch lose
// track, and so does an UPDATE that changes primary keys: the rows decide then, and with
// [runtime.Unchecked] every file is kept. What is run on the *sql.Tx itself is not seen.
//
// # Uploads
//
//	up, err := box.Create(ctx, "media", "covers/new.png") // or the cleaner's
//	…
//	defer up.Discard()
//	… // write
//	err = up.Close()
//	…
//	article.Cover = up.Name()
//	err = db.Save(&article).Error
//
// Create it before the transaction begins, and defer Discard outside of it. The file goes
// then if no row names it; with an outbox also without Discard, when its time is over, see
// [outbox.WithUploadTime].
//
// # Reports
//
//	err = db.Use(gormclean.New(keeper, gormclean.WithReport(func(ctx context.Context, r *runtime.Report) {
//		slog.InfoContext(ctx, r.String())
//	})))
//
// No call of gorm's returns what became of files: [WithReport] passes it on. In memory it
// gets the report of each commit, also of one whose outcome is unknown; with an outbox that
// of each statement which let go of files, as it was left to the outbox.
//
// # Without the plugin
//
// Models that are generated with -hooks=gorm have the methods that gorm calls, and
// need no callback replaced; after gormclean.Attach(db, box) in place of db.Use. They
// need an outbox, and a transaction: not SkipDefaultTransaction. And gorm does not call
// them for UpdateColumn and UpdateColumns, with SkipHooks, for Model(&slice) where the
// slice is empty, and where there is no model. Between BeforeUpdate and AfterUpdate,
// and their like, Statement.ConnPool is not the *sql.Tx that other hooks may look for.
//
// # What is not seen
//
//	Written past the plugin                          What covers it
//	db.Exec, Raw, other programs                     triggers are planned; what they name is kept
//	cascades of foreign keys                         Select("Items").Delete, or triggers
//	db.Table("articles") without Model(&Article{})   give the model
//	db.Connection with a BEGIN of its own            db.Transaction
//	MERGE, INSERT … SELECT, by Exec                  triggers are planned
//	a file that an UPDATE names as it changes the    two statements: the first for the key
//	primary key
//
// An UPDATE with a FROM clause is an error, since the plugin looks at one table.
//
// # Transactions that are not kept apart
//
// At READ COMMITTED, which is the default of PostgreSQL, a statement may write a row
// that another transaction made after the plugin had looked. It finds out by the number
// of rows, and reads what that row named by a second connection, as others still see
// it. If it gets none within a second, or dbresolver may lead it to another database,
// that is left behind, and gorm's logger warns of it. Not found out are, at that level: on MariaDB and MySQL, rows that an upsert
// meets, and others where as many had the values already; on PostgreSQL, those that an
// upsert meets by another unique index than the primary key. What they named is left
// behind; nothing is lost.
//
// On MariaDB and MySQL at REPEATABLE READ, an upsert locks the gap where its row is not
// there yet: transactions that upsert new rows side by side may be refused as a
// deadlock, and are to be tried again.
//
// On SQLite open the database with _txlock=immediate: a statement that has read
// before it writes fails at once if another transaction wrote in between.
package gormclean
