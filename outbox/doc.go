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
//	box, err := outbox.New(ctx, cleaner, refs)
//	…
//	relay, err := box.Relay(ctx, "shop-production")
//	…
//	go relay.Run(ctx)
//
// And where [runtime.Batch.CommitWith] was called, [Outbox.Commit] is:
//
//	_, err = box.Commit(ctx, batch, tx)
//
// Nothing else changes: the same generated methods, [runtime.Batch.Create] for
// uploads, savepoints. A layer that commits by itself calls [Outbox.Flush] before
// it does. With an outbox, CommitWith is an error, so that the step can't be
// forgotten; and what a batch of such a cleaner left to the outbox is nobody
// else's business any more.
//
// # The life of a row
//
// A row says: this file goes, unless a row of the user's names it. There is at
// most one for a file.
//
//	Batch.Create ──> upload ───────┐ it is due (WithUploadTime, WithGrace) and no
//	                   │           │ transaction is left that may come to name it
//	    Commit ──> pending ────────┤
//	                 │             v
//	    a transaction that      the relay asks whether a row names the file
//	    comes to name the          │                  │
//	    file deletes the row       yes: dropped       no: deleting ──> the file is
//	                                                        │   ^      deleted, then
//	                                          it failed and │   │      the row
//	                                               is tried │   │
//	                                            again later └───┤
//	                                        WithAttempts times: parked
//
// Commit adds a pending row for each file that the transaction let go of, in the
// transaction; if that is rolled back, so is the row. It deletes the rows of all
// files that records of the transaction hold. Where a write may have hit no row it
// leaves the decision to the relay.
//
// An upload has its row before it has a file, in a transaction of its own. The
// transaction that names the file deletes the row. If it is rolled back, the row is
// due at once; if the process dies before it commits, an hour later
// ([WithUploadTime]). No rollback deletes a file itself: another transaction may
// have come to name it, by a name that it had kept in memory.
//
// # The race, and why nobody loses it
//
// A relay that has made sure that no row names a file, and then deletes it, may be
// overtaken by a transaction that comes to name it in between. For transactions
// that are committed through the outbox this can't happen:
//
// (1) The relay decides in a transaction: it locks rows that are due (FOR UPDATE
// SKIP LOCKED), asks which of their files are named, drops those, and sets the others
// to deleting. It touches files only when that is committed, and deletes a row only
// after its file.
//
// On SQLite, where one transaction at a time can write, it asks in a transaction that
// only reads, sets those rows to deleting that are still as they were, in a short one
// that writes, and asks about these once more before it touches a file.
//
// (2) A transaction that comes to name a file looks for the row of its name before
// it commits. If it is pending, it deletes the row: as long as that is not
// committed the relay skips the locked row, or, where the relay was first, the
// transaction waits and finds the row changed. If the row is, or has come to be,
// deleting, the transaction gets [runtime.ErrGone], and must be rolled back.
//
// (3) If there is no row that it could see, either the file was never let go of,
// or the promise was committed after the transaction began. For that the relay
// waits: it decides about a row only when all transactions are over that were
// running when the row was committed. What they have named by then it sees.
//
// So a transaction that names a file is either over before the relay asks, or sees
// the row. What is left is a name that the transaction has not read from the
// database at all; see the limits.
//
// # What the relay waits for
//
// It finds out about (3) in two looks. At the first it notes a bound, an id that
// only later rows exceed, and which transactions are running. When all of these
// are over, every row below the bound is committed or will never be. It looks
// again, and when all that were running then are over, too, none is left that
// began before the rows below the bound were committed.
//
//   - PostgreSQL: the bound is the next value of the table's sequence. A
//     transaction runs as long as its virtual transaction id is in pg_locks, where
//     everybody may see those of this database, or it is among the prepared ones.
//   - MariaDB, MySQL: the bound is the id of a row that is inserted and rolled
//     back. Transactions are read from information_schema.INNODB_TRX, which takes
//     the privilege PROCESS. That table is some 100 ms old, so it is read until it
//     has the reading query itself. A relay without the privilege waits for twice
//     [WithLongestTransaction] instead.
//   - SQLite: there is one writer at a time, and a transaction that has read before
//     another wrote can't write any more (SQLITE_BUSY_SNAPSHOT, in WAL mode), or
//     the other can't commit (in rollback mode). There is nothing to wait for.
//
// A relay of a busy server looks once for many rows, and only where rows are due.
//
// # Fence
//
// A copy of a production database has a copy of its outbox. So that a relay of the
// copy does not empty the production storage, each storage has a marker
// ([MarkerName]) which says what environments own it, and a relay deletes nothing
// where its own is not among them: [ErrFence]. The id is given to the process by
// the operator, never kept in the database.
//
// # How rows are asked
//
// Whether a row names a file is asked in the relay's own transaction, after the rows
// of the outbox were locked, in a new statement, of all columns at once; package
// references says how. Columns of other programs, and of other versions of this one,
// are asked, too: each program tells of its own before it writes a row, and what they
// told is read after the rows were asked. Rows that a field of a type has let go of
// which the relay's program does not know are left to those that do; types are told
// apart by the import path of their package.
//
// # A directory that is missing
//
// A file that is not there counts as deleted. But where ten or more files are missing
// at once, with all of the directory that they were in, a volume may not be mounted
// there: they stay in the outbox, and are tried again, until somebody has mounted it, or
// has made the directory and put a file into it.
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
// A relay that dies leaves rows as deleting. When their lease is over
// ([WithLease]) another takes them, asks again, and finishes.
//
// # What it costs
//
// A transaction that lets go of files, or takes some up, makes one query and one
// insert more; one that does neither, none. An upload makes a short transaction of
// its own. A relay takes 1,000 rows at once ([WithPortion]) and asks all columns for
// their names by one query: columns of text should have an index, or they are read as
// a whole, as those with JSON and arrays are, but for an index on PostgreSQL. While a
// relay asks, transactions wait that come to name one of these very files; on SQLite
// nobody waits.
//
// A trigger, or a program in another language, can promise, too: it fills storage
// and name in the table filecleangen_outbox, the other columns have defaults, and
// where there is a row of that name whose state is not pending it leaves it alone.
//
// # Limits
//
//   - Writers that bypass the outbox (raw SQL without the generated methods, other
//     programs) can name a file at any time. The relay sees it if they committed
//     before it asks; not later.
//   - A name must have been read from the database in the transaction that writes
//     it, and what the batch is told as old be what the row said: read it FOR
//     UPDATE where others write the row. A name that was kept in memory or came
//     from a replica may belong to a file that has gone meanwhile.
//   - What two looks wait for, a long transaction delays: a dump or a report that
//     runs for an hour delays deletions for an hour. So does a session that is
//     "idle in transaction", and a prepared transaction that nobody ends; on
//     MariaDB and MySQL, in whatever database of the server. There, so does a
//     monitor that reads INNODB_TRX or its like more often than every 100 ms: it is
//     not made anew then.
//   - All programs that name files in a storage must have an outbox, or references, in
//     the database, to tell relays of their columns; what programs without either
//     name must be in the references of one that has.
//   - Before a column gets another name, have all programs know that name: from the
//     moment that it is gone it does not count for others.
//   - Columns hold names as the fields do, or what [references.Values] says. A type
//     whose method Value writes something else must be told of by [references.Func].
//   - The lease is a matter of time: a call of the storage that hangs for longer,
//     and succeeds then, deletes what may have got the same name again.
//   - Several primaries that accept writes at once (Galera, group replication in
//     multi-primary mode, logical replication in both directions) are not
//     supported: locks don't reach from one to the other.
//   - MySQL and MariaDB drivers report 0 rows for an update that changes nothing,
//     unless clientFoundRows is set. It is then left to the relay whether a row
//     names the file: nothing is lost.
//   - The tests run on MariaDB; MySQL has what they need, by its documentation.
//   - On SQLite the intent of an upload is written on a connection of its own, so
//     Create must be called before the transaction begins.
//   - On PostgreSQL a relay needs the privilege USAGE on the sequence of the table.
//   - Names of more than 2048 bytes are kept, and reported.
//   - Column types that can't be read (see [references.Form]) are an error when the
//     references are made; [references.Func] is for them.
package outbox
