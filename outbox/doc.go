// Package outbox keeps the promise to delete a file in a table of the user's own
// database, written in the user's own transaction, so that a crash, a rollback or
// a commit of which nobody knows whether it succeeded can't break it. A [Relay]
// then deletes the files, after it has made sure that no row names them.
//
// SQLite, PostgreSQL, and MariaDB or MySQL can hold an outbox. The package needs
// nothing but database/sql; the driver is yours.
//
// # How to use it
//
// Once, by a migration: [Migrate], or the statements of [SchemaFrom]. Once, for
// each storage, by hand or from a deployment: [Mark]. In the program, beside the
// cleaner:
//
//	refs, err := references.New(ctx, own, references.PostgreSQL,
//		references.Table(models.ArticleFileType, "article"))
//	…
//	cleaner, err := runtime.New(…, runtime.WithReferences(refs))
//	…
//	box, err := outbox.New(ctx, cleaner, refs)
//	…
//	relay, err := box.Relay(ctx, "shop-production")
//	…
//	go relay.Run(ctx)
//
// It is a [runtime.Keeper], and so takes the place of the cleaner:
//
//	up, err := box.Create(ctx, "media", "covers/new.png") // before the transaction
//	defer up.Discard()
//	…
//	b := box.Begin()
//	defer b.Rollback()
//	tx, err := db.BeginTx(ctx, nil)
//	…
//	report, err := box.Commit(ctx, b, tx, tx.Commit)
//
// Nothing else changes: the same generated methods, the same savepoints. A layer that
// commits by itself calls [Outbox.Flush] before it does. A cleaner with an outbox commits
// by it, too, so that the step can't be forgotten; and what a batch of such a cleaner left
// to the outbox is nobody else's business any more.
//
// # The life of a row
//
// There is at most one row for a file, under one unique key on its storage and name:
//
//	state     by whom               when a row comes to name the file   when it is due, a relay
//	--------  --------------------  ----------------------------------  -------------------------------
//	writing   Create                refused                             asks the rows: is it named?
//	upload    Close                 it becomes pending                      yes: drops the row
//	pending   Commit, Discard       it stays pending                        no:  it is deleting then
//	deleting  a relay               refused                             removes the file: gone; drops
//	                                                                    the row if there never was one;
//	                                                                    if that fails, again later
//	parked    a relay, after        refused                             does nothing: see Unpark
//	          WithAttempts
//	gone      a relay               refused                             forgets it, after WithRetention
//
// It is due at once, or after [WithGrace]; an upload when its time is over
// ([WithUploadTime]).
//
// A transaction releases the files that its rows named and may name no more: Commit
// adds a pending row for each, in the transaction; if that is rolled back, so is the
// row. It takes the files that its rows may come to name. Both are only proposals: a
// file is deleted after the rows were asked, whatever memory said of it, and a release
// or an upload is dropped only then, too. So a statement that hit no row, a key that is
// not known, an INSERT that inserted nothing, a rollback that was none: all of them end
// in a question.
//
// An upload has its row before it has a file, in a transaction of its own, and nobody
// can take it before it is closed. No rollback deletes its file: [runtime.Upload.Discard]
// makes the row due, or its time passes, and then the rows are asked.
//
// What is gone leaves a tombstone. Nobody can take a name that has one, and no upload
// gets it: who still knows the name learns that its file is gone ([runtime.ErrGone]). What
// never was the name of a file leaves none, see below.
//
// # The race, and why nobody loses it
//
// A relay that has made sure that no row names a file, and then deletes it, may be
// overtaken by a transaction that comes to name it in between. And a question can't see
// what is not committed yet. What every database shows alike to all transactions,
// whatever their snapshots, is a unique key; so everything is done under it:
//
//   - Take (a row comes to name N): insert a row for N, which conflicts with the one that
//     may be there, and delete it again, in the transaction. Until that ends, whoever
//     inserts a row for N waits. If there was one, and it is an upload or pending, it is
//     pending now, and locked until the transaction ends. If it is anything else, the
//     take is refused.
//   - Release (a row may name N no more): insert a pending row. It waits for a transaction
//     that has taken N. A row that is there is locked, and changed: a pending one is due
//     later, by the grace; a tombstone becomes deleting, due now; one that is being
//     deleted is not the relay's any more, and is deleted once more after the lease.
//   - Relay: lock rows that are due, and pass by those that are locked (SKIP LOCKED). Ask
//     the rows, in a new statement at READ COMMITTED, which sees all that was committed
//     before the locks. Drop what is named, set the others to deleting, and commit, so
//     that it is on the disk. Only then delete files, and only then make tombstones.
//
// Say that a relay holds the locked row of N, asks, and finds no row that names it; and
// that a transaction T takes N. There are four cases.
//
// (1) T takes N before the relay locks. If there was a row, T has it locked, and the
// relay passes by. If there was none, nobody can insert one before T has ended:
// whatever row there is later is newer than T, and the relay's question sees what T
// wrote.
//
// (2) T takes N while the relay has the row locked. T waits for the relay's commit, and
// then finds that N is being deleted, and is refused; or no row, because N was named.
//
// (3) T takes N after that commit. It finds the row in the state deleting, parked or
// gone, and is refused. Where T reads by a snapshot that does not show the row,
// PostgreSQL refuses it (40001), so does a MariaDB with innodb_snapshot_isolation (1020),
// others and MySQL show it all the same, and on SQLite T can't write any more.
//
// (4) T takes N after the tombstone is forgotten. Then T, or whoever gave it the name, has
// known N for longer than the retention. This is the one condition on time, and a
// setting: [WithRetention], a day by default.
//
// Nobody needs to know which transactions are running, nobody waits for those of others
// but those that take or release the same name, and a relay needs no privilege but those
// on its tables.
//
// A name that a row has had, and keeps, need not be taken: as long as that row is locked,
// it names N before and after. So says the batch where it is told that old was read FOR
// UPDATE in its transaction ([runtime.Batch.Locked]); else it takes all names of a record.
// Transactions that take the same name wait for each other: a file that many rows share
// is better made a default, which nobody deletes and nobody takes.
//
// On SQLite one transaction at a time can write. There a take inserts nothing: who could
// come in between can't write any more. The relay asks in a transaction that only reads,
// so that it holds nobody up, sets those rows to deleting that nobody has taken or released
// since (each such changes the revision of the row, to a value that does not come again),
// in a short transaction, and asks about these once more before it touches a file.
//
// A relay that was stopped for long, and goes on then, could delete what others have made
// meanwhile. So it looks at its lease before each file, and no upload ever gets a name
// that is being deleted, was lately, or is parked: what comes late finds nothing.
//
// The protocol is kept as a model, of which a test searches all orders of steps, in
// internal/model; each of its rules is shown to be needed.
//
// # Names of no file
//
// Not everything that a row says is the name of a file: a string in a document, or one that
// a program made up. The row of such a name is dropped when the relay finds no file, without
// a tombstone, so that rows can say it again at once. A tombstone is there so that nobody
// comes to name a file that was deleted, and that no removal which is late meets a new file.
// Neither can be here, if
//
//   - the row was pending when it was claimed, and this was its first attempt: no other
//     relay has called the storage since there is the row, and none is about to, or it
//     would have claimed the row before. Those of an earlier row of this name have come to
//     their end, or have left a tombstone, which is not purged before they have;
//   - the claim is still the relay's own when it says so: none has been made since;
//   - the storage said that there was no file before it was asked to remove it. That it
//     says so afterwards is not enough: a request that was sent twice removes a file, and
//     finds none. What a storage that removes many files says is not known of one;
//   - it was no upload that is not closed, or whose time is over: its file may still be
//     made, and its handle gives the name away.
//
// In all other cases there is a tombstone. If there was a file in the past, somebody else
// has deleted it, and a row that named it names no file with or without a tombstone.
//
// # How rows are asked
//
// Whether a row names a file is asked of all columns at once; package references says
// how. Columns of other programs, and of other versions of this one, are asked, too: each
// program tells of its own before it writes a row, and what they told is read after the
// rows were asked. Rows that a field of a type has let go of which the relay's program
// does not know are left to those that do; types are told apart by the import path of
// their package.
//
// # Triggers
//
// [Outbox.InstallTriggers] has the database do what batches do: in the transaction of each statement that changes rows, whoever runs it, triggers take the
// files that rows come to name, and release those that they name no more. Then nothing is to
// be called but Create for uploads, and an error to be looked at with [IsGone]. An adapter that
// is used all the same may leave a table's statements to them ([Outbox.HasTriggers]). Triggers
// don't see
//
//   - on PostgreSQL, sessions whose session_replication_role is replica, and statements that
//     name a partition which is newer than the triggers: install them again;
//   - on SQLite, rows that REPLACE removes where PRAGMA recursive_triggers is off, and
//     cascades where foreign_keys is;
//   - on MySQL and MariaDB, TRUNCATE, and ALTER TABLE that drops a partition;
//   - DROP TABLE.
//
// On PostgreSQL, TRUNCATE is an error at REPEATABLE READ and SERIALIZABLE: it would remove
// rows unseen.
//
// What triggers don't see is released by nobody, and taken by nobody: relays still ask the rows
// before they delete a file. In a document a string counts as a name that stands
// below the key of a file field (runtime.Field.JSONKey), or, where that is not known of one of
// the column's, every string that is no key; relays ask for every string, as ever. Where
// a document can't be parsed, what stands between quotes in it is taken, and nothing
// released. After [Migrate] to another version of the tables, statements fail until the
// triggers are installed again; a column that gets another name, or is dropped, needs that, too.
//
// A statement locks the names that it takes and releases until its transaction ends, in the
// order of the names. Transactions of several statements that share names can still wait for
// each other: PostgreSQL ends one of them with the SQLSTATE 40P01, and with REPEATABLE READ
// and SERIALIZABLE one whose snapshot is too old with 40001. Begin these anew.
//
// On MySQL and MariaDB, what foreign keys do fires no triggers. For each chain of ON DELETE
// CASCADE, of any length, that ends in a table whose rows name files, the tables before it
// get triggers that release what those rows name, and so where ON DELETE SET NULL or an ON
// UPDATE changes a column that names files. Their events are called cascade and some letters.
// Chains that lead round in a circle, as that of a tree whose rows go with their parent, are an
// error. A foreign key that is newer than the triggers is not followed until they are installed
// again, which CheckTriggers tells. The triggers run with the rights of the user who has
// installed them, the DEFINER: the users of programs need none on the outbox, and as long as the
// triggers are there, that user must be. A database that is restored on another server needs the
// user there, or the triggers installed anew. Other triggers of the table stay, and those of one
// event run in the order in which they were made. Where the server writes a binary log, making
// triggers needs log_bin_trust_function_creators = 1 or the privilege SUPER. Two statements that
// take the same names in opposite order can deadlock (error 1213) and are to be tried again.
//
// # Fence
//
// A copy of a production database has a copy of its outbox. So that a relay of the
// copy does not empty the production storage, each storage has a marker
// ([MarkerName]) which says what environments own it, and a relay deletes nothing
// where its own is not among them: [ErrFence]. The id is given to the process by
// the operator, never kept in the database.
//
// # A directory that is missing
//
// A file that is not there counts as deleted. But where ten or more files are missing
// at once, with all of the directory that they were in, a volume may not be mounted
// there: they stay in the outbox, and are tried again, until somebody has mounted it, or
// has made the directory and put a file into it.
//
// # Durable before gone
//
// Before the first file of a claim is deleted, the claim is on the disk, and with it all
// that was committed before it: whatever SQLite's PRAGMA synchronous and PostgreSQL's
// synchronous_commit are for the application's sessions. On MariaDB and MySQL that is a
// setting of the server (innodb_flush_log_at_trx_commit): where it is not 1, relays warn.
//
// # Errors
//
// A deletion that fails is tried again, after a wait that doubles, and does not
// hold up others. After [WithAttempts] the row is parked with the last error;
// [Outbox.Parked] lists those, [Outbox.Unpark] has them tried again, and observers
// and the log were told. So it is where the rows can't be asked about a file: it waits,
// and is parked in its turn, and others go on. [Outbox.Stats] says how many rows wait,
// and for how long.
//
// An attempt counts when it begins. A relay that dies leaves rows as deleting; when their
// lease is over ([WithLease]) they are taken again, each alone, since one of them may have
// been the reason: a file whose deletion kills the process, or that the storage never
// answers about, is parked after its attempts, and others go on meanwhile. A storage with
// 100 calls that hang in one process is not called by it any more.
//
// # What it costs
//
// A transaction that lets go of files, or comes to name some, makes one statement more on
// PostgreSQL for 500 files, two on MariaDB and four on MySQL and one for each file that it comes
// to name, up to four on SQLite; one that does neither, none. An upload makes two short transactions
// of its own. A relay takes 1,000 rows at once ([WithChunk]) and asks all columns for
// their names by one query: columns of text should have an index, or they are read as
// a whole, as those with JSON and arrays are, but for an index on PostgreSQL. While a
// relay asks, transactions wait that take one of these very files; on SQLite nobody waits.
// [Outbox.Commit] wakes the relays of its own process; others look every second
// ([WithPoll]), which is a look-up in an index.
//
// # Transactions that are in each other's way
//
// Takes and releases of one flush lock rows in the order of the names. Transactions that
// flush several times, or write rows that share files, can still wait for each other: the
// database refuses one of them then, as it does without us. Make the flush the last thing
// before the commit, and try again what was refused.
//
// # Limits
//
//   - Writers that bypass the outbox (raw SQL without the generated methods, other
//     programs) can name a file at any time. The relay sees it if they committed
//     before it asks; not later.
//   - A name must not be kept for longer than the retention: from the moment at which it
//     is read, or the upload is created, until the row is committed that names it.
//   - What the batch is told as old is what it releases: read it FOR UPDATE where others
//     write the row, or what they wrote meanwhile stays behind.
//   - A name whose file is gone can't be used again before the retention is over. Who
//     writes files under fixed names without [Outbox.Create] gets [runtime.ErrGone] for
//     that long.
//   - No call of a storage may go on for longer than the retention, and delete the file
//     then: its name may have been given out again.
//   - On PostgreSQL, and a MariaDB with innodb_snapshot_isolation, a transaction at
//     REPEATABLE READ or SERIALIZABLE can't take an upload that was created after its first
//     statement. Create uploads first.
//   - A program that goes on after a statement has failed may be out of its transaction:
//     MariaDB and MySQL end it with a deadlock (1213, 1020), SQLite with a statement that is
//     interrupted. What it writes then is committed at once, and a take that is refused does
//     not take it back. Roll back after every error; on MariaDB and MySQL a flush outside of
//     a transaction is an error.
//   - On PostgreSQL the application needs EXECUTE on filecleangen_outbox_write, where it is
//     not granted to PUBLIC.
//   - On SQLite, Discard inside the transaction waits for its lock, for as long as
//     busy_timeout says.
//   - All programs that name files in a storage must have an outbox, or references, in
//     the database, to tell relays of their columns; what programs without either
//     name must be in the references of one that has.
//   - Before a column gets another name, have all programs know that name: from the
//     moment that it is gone it does not count for others.
//   - Columns hold names as the fields do, or what [references.Values] says. A type
//     whose method Value writes something else must be told of by [references.Func].
//   - A storage that makes a file only when it is closed (an object store), by a process
//     that was stopped for longer than the upload's time and dies before it has closed the
//     upload, keeps that file.
//   - After a failover to a replica that was behind, or a restore, rows can be back whose
//     files are deleted: [WithGrace] is for that. On SQLite, so after a power failure if
//     the application's connections have PRAGMA synchronous = OFF.
//   - The clock of the database says when a tombstone is forgotten. Where it is behind the
//     newest one, none is, and where it steps forward a relay that sees it keeps them for
//     longer, each with a warning; a relay that is started later has not seen it.
//   - Several primaries that accept writes at once (Galera, group replication in
//     multi-primary mode, logical replication in both directions) are not
//     supported: unique keys and locks don't reach from one to the other.
//   - The tests run on MariaDB 10.11 and MySQL 9.7. Older ones, down to MariaDB 10.6 and MySQL
//     8.0.20, have what they need by their documentation.
//   - On SQLite the note of an upload is written on a connection of its own, so
//     Create must be called before the transaction begins.
//   - Names of more than 2048 bytes are kept, and reported.
//   - Column types that can't be read (see [references.Form]) are an error when the
//     references are made; [references.Func] is for them.
package outbox
