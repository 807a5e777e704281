// Package gormclean is a plugin of gorm that lets files go with the rows that named
// them, through an outbox in the same database: nothing else is to be called.
//
//	db, err := gorm.Open(postgres.Open(dsn))
//	…
//	sqlDB, err := db.DB()
//	…
//	box, err := outbox.New(cleaner, sqlDB, outbox.PostgreSQL,
//		gormclean.Stored(db, models.ArticleFileType, &models.Article{}))
//	…
//	err = db.Use(gormclean.New(box))
//	…
//	relay, err := box.Relay(ctx, "shop-production")
//	…
//	go relay.Run(ctx)
//
// From here on db.Save(&article), db.Delete(&Article{}, id) and all others do it.
// Generate the models with -hooks=none: gorm calls methods named BeforeUpdate and
// AfterDelete in a way of its own.
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
// That is two queries more for each statement that writes such a model, and up to
// three statements for the outbox where files change. Models without file fields
// cost nothing, nor do updates that set no column with names of files; where a
// trigger changes one all the same, that is not seen.
//
// If the outbox can't be told, or a row comes to name a file that is being deleted
// ([runtime.ErrGone]), the statement fails. In a transaction that the caller began
// the transaction is rolled back then, so that it can't be committed by mistake.
//
// # Uploads
//
//	file, err := box.Create(ctx, "media", "covers/new.png")
//	…
//	err = file.Close()
//	…
//	article.Cover = file.Name()
//	err = db.Save(&article).Error
//
// If the save never comes, the file goes when its time is over, see
// [outbox.WithUploadTime]. On SQLite, create it before the transaction begins.
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
// Promises in memory, without an outbox, are not supported: gorm does not tell when a
// transaction that the caller began is committed.
//
// On SQLite open the database with _txlock=immediate: a statement that has read
// before it writes fails at once if another transaction wrote in between.
package gormclean
