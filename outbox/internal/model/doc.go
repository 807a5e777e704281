// Package model is the protocol of the outbox as a machine of states, small enough to
// look at all of them. It has no part in the program: its tests search every order in
// which transactions, uploads, relays, the purge and crashes can take their steps for
// one that loses a file or leaves one behind.
//
// # What there is
//
// One name of one storage, which in the course of time belongs to several files
// (generations). Two cells of the user's, X and Y, that may name it, and its row in the
// outbox. At the beginning X names a file, or says a word that is the name of none. Two programs that read, write, release and take in transactions at different
// levels of isolation, keep the name in memory for as long as they like, and may be wrong
// about what their statements did. Uploads that find another file, are late, are closed,
// discarded, or forgotten by a crash. Relays that stop for any time between any two steps,
// claim what another has claimed, fail, park, and crash. A purge, an operator, and a
// database that loses commits that aren't on its disk.
//
// There are no clocks. A row that a relay may claim at some time it may claim at once, and
// every lease may be over at once; so clocks that are wrong are among what is searched.
//
// # What must be
//
// No committed row names a file that is not there, or that is another than the one whose
// name its program knew, or was never complete. Once everybody has ended and a relay has
// run, a file without a row that names it is deleted, and one with a row can be taken.
// Nobody waits for ever, other than transactions for each other, of which the database
// rolls one back.
//
// # What is taken for granted
//
//   - The retention of tombstones is longer than any memory of a name, which begins when
//     it is read, and ends when a row that names it is committed. It is longer than the
//     pause between a relay's look at its lease and the end of one unlink, too. (The pause
//     between its claim and that look may be of any length: this is what the look is for.
//     Within the retention it isn't needed, since Create never reuses a tombstone.)
//   - Nobody takes a name from the handle of an upload that is older than the retention,
//     that Create has not returned yet, or that found another file.
//   - Between an upload's look at the clock and its making the file nobody waits for longer
//     than its time. A storage of objects can't look; there a program that puts its file
//     after its time, and crashes before Close, leaves it behind.
//   - A file is made exclusively, by a PUT as well.
//   - A storage that says that there was no file says so of the time before it was asked to
//     delete it.
//   - A name that a row says already without a file is taken from the handle of an upload
//     only when that is closed: a relay that finds the name drops the note of one whose time
//     is over.
//   - Who changes a row releases what it named: triggers, or old values that were read in
//     the transaction FOR UPDATE.
//
// # What stands for more than it says
//
// A savepoint that is rolled back is a transaction that didn't have these statements, or
// whose memory is wrong about them. A plain read of an old snapshot is memory. Trigger mode
// is batch mode that flushes after each statement. A part of the commits that a database
// loses is a crash after the others have reached its disk. A process that is killed is a
// rollback after which the name is forgotten.
//
// Not there are: more than one name, and so deadlocks about the order of names; names
// derived from others; rows whose columns can't be asked; gap locks.
package model
