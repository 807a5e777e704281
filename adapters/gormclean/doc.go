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
// Right before gorm runs an UPDATE of a model with file fields, the plugin reads the rows that
// it is about, by the text that gorm has built for it, and locks them as the statement will;
// on PostgreSQL both are one statement. What they are afterwards the statement says itself
// (RETURNING), as a DELETE says what they were; where a database can't, they are read again. What was created is read back: columns
// may be left out, rows be passed over, and triggers write something else. What rows named
// and name no more goes into the outbox, and what they name now is taken there, in the same
// transaction. So it does not matter what the records in memory say, or how many rows a
// statement changes; a soft delete lets go of nothing, since the row still names its files;
// and rollbacks and savepoints are the database's business. A statement outside of a
// transaction gets one. Whatever the plugin can't be sure of it promises as well: before a
// file goes, the rows are asked.
//
// That is a query more for a create of such a model, and for an UPDATE on SQLite, and none for a
// DELETE or an UPDATE on PostgreSQL, where the database says what a statement has written; two
// where it does not, or gorm is told to return rows itself, or triggers write after the
// statement, and three for an UPDATE on MariaDB and MySQL; they read the primary keys and the columns of
// files, and have the comment "filecleangen". To them come up to three statements for the
// outbox where files change. Models without file fields cost nothing, nor do updates that set
// no column with names of files; where a trigger changes one all the same, that is not seen.
//
// A table that the references don't know is not asked, so that no statement may make its rows
// name files: it is an error ([ErrNotAsked]).
//
// If the outbox can't be told, or a row comes to name a file that is being deleted
// ([runtime.ErrGone]), the statement fails. In a transaction that the caller began
// the transaction is rolled back then, so that it can't be committed by mistake.
//
// # With triggers
//
// Where the outbox has triggers on a table ([outbox.Outbox.InstallTriggers]), the plugin leaves
// its statements to them: it reads nothing, promises nothing, and begins no transaction. An
// error that a trigger raises wraps [runtime.ErrGone]; of what only a COMMIT returns, that of
// [Transaction] does, and that of db.Transaction and db.Commit is known by [outbox.IsGone].
// [ErrNotAsked] stays, and so do uploads; no statement is rolled back but by the database.
//
// So with triggers the plugin is for programs that are to work with and without them, or have
// them on some tables only. Who has them on all tables needs nothing of it but [Table].
//
// The outbox looks at its triggers every few seconds ([outbox.Outbox.HasTriggers]); the plugin,
// once for each table, whether they are on the one that the session sees, for which the user
// needs the right TRIGGER on MariaDB and MySQL. In doubt it works as without triggers: also
// with dbresolver, which may lead to another database, and on SQLite for statements with the
// word REPLACE, since those remove rows that triggers don't see. [TriggersIgnored] has it do so
// always.
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
// references, given to [runtime.WithReferences], ask the rows before a file goes.
//
// Gorm tells nobody of a commit, but for the transaction that it begins for a single
// statement. So others are begun by [Transaction] in place of db.Transaction and
// db.Begin; in a transaction of those, and in db.CreateInBatches, which calls
// db.Transaction, a statement that has to do with files is an error that says so,
// [ErrUnobserved]. Each transaction costs a batch, some 2 kB, also where no file is
// concerned.
//
// The cleaner must have references: with [runtime.Unchecked] db.Use is an error, since what a
// transaction of gorm's did is known only to the rows. Savepoints, a COMMIT by hand, a
// statement before which MySQL commits, a deadlock after which it goes on: whatever was
// committed of what the statements did, files stay that rows name. What was let go of by a
// transaction of which the commit was not seen is left behind.
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
// Without triggers:
//
//	Written past the plugin                          What covers it
//	db.Exec, Raw, other programs                     triggers; what they name is kept
//	cascades of foreign keys                         Select("Items").Delete, or triggers
//	db.Table("articles") without Model(&Article{})   give the model
//	db.Connection with a BEGIN of its own            db.Transaction
//	MERGE, INSERT … SELECT, by Exec                  triggers
//	UPDATE OR REPLACE (SQLite): rows that it         delete them first
//	replaces
//	another struct for the table of a model          the model
//	triggers that were made after the plugin's       a restart; triggers of the outbox
//	first look at a table (on PostgreSQL, an UPDATE
//	fails where rules were)
//
// Of cascades that the models declare gorm's logger warns, when a statement first sees such a
// model, unless triggers see them. An UPDATE with a FROM clause is an error, since the plugin looks at one
// table; so is a row that is created from a map with an expression in a column of files, if it
// can't be found again by its key. Rows whose column of files holds no JSON although it is to
// can be written and deleted only past the plugin: gorm can't read them. A DELETE that returns
// rows to gorm itself locks none before, on PostgreSQL: what another transaction has put in
// place of a name meanwhile is left behind.
//
// A serializer other than gorm's json can't be asked what it has written: [Table] is an error.
// So use the plugin last, if others write WHERE in their own way (db.ClauseBuilders).
//
// # Transactions that are not kept apart
//
// At READ COMMITTED, which is the default of PostgreSQL, an UPDATE or an upsert may write a row
// that another transaction made after the plugin had looked; so may an UPDATE whose condition
// is another one each time the database evaluates it. Where the statement says which rows it
// wrote, or by their number, the plugin finds out, and reads what these named by a second
// connection, as others still see it. If the pool has none to spare, or dbresolver may lead it
// to another database, that is left behind, and gorm's logger warns of it. Not found out are:
// on MariaDB and MySQL, rows that an upsert meets, and others where as many had the values
// already; on MySQL, which does not say what it has deleted, those of a DELETE with a condition
// that is another one each time; on PostgreSQL, those that an upsert meets by another unique index than the primary
// key, and everywhere those that it meets by an index that gorm does not know, such as one on
// an expression. What they named is left behind; nothing is lost, since what statements write
// is taken, whichever row it is in.
//
// On MariaDB and MySQL an UPDATE waits for no row that does not match, as without the plugin,
// which needs MariaDB 10.6 or MySQL 8. A row that another transaction is changing, so that it
// comes to match, is written by an UPDATE at REPEATABLE READ that has waited for it, and what it
// named is known only by the number of rows.
//
// On MariaDB and MySQL at REPEATABLE READ, an upsert locks the gap where its row is not
// there yet: transactions that upsert new rows side by side may be refused as a
// deadlock, and are to be tried again.
//
// On SQLite open the database with _txlock=immediate: a statement that has read
// before it writes fails at once if another transaction wrote in between.
package gormclean
