// Package sweep compares the files of a storage with the rows of a database: it finds
// orphans, files that no row names, and dangling names, of which there is no file.
//
// Files were left behind before filecleangen came, and by what it can't see, such as DROP
// TABLE. A sweep finds them, and shows them first:
//
//	sweeper, err := sweep.New(box, "shop-production")
//	…
//	report, err := sweeper.Scan(ctx, "media", "media.plan") // changes nothing
//	…
//	fmt.Print(report)
//	…
//	applied, err := sweeper.Apply(ctx, "media.plan")
//
// # How it decides
//
// The order of things is fixed: the time before which a file must have been written, then
// the list of the storage's files, and then the rows. So what is uploaded meanwhile is not
// in the list, or too young. Both lists are in the order of the names' bytes, sorted
// outside of the memory, and are gone through once, side by side.
//
// A file that is in no row is an orphan only if it is also
//
//   - older than [MinAge], a day by default, and never younger than uploads may be;
//   - a regular file whose name is safe, and neither a default nor protected;
//   - in no directory that has a marker itself, and so is the root of another storage;
//   - not known to the outbox, but for a tombstone: an upload, or a file whose deletion
//     waits, is not the sweep's;
//   - not derived from a file that a row names;
//   - not named by a row when the rows are asked for just this name, as a relay asks them:
//     also documents that are no JSON are searched then;
//   - of a shape that names of rows have: a file in a directory that no row knows is
//     somebody else's, and only counted. See [Report.Foreign];
//   - not equal to a dangling name but for case or the form of accents: then a row probably
//     means it.
//
// A sweep deletes nothing. [Sweeper.Apply] asks all that again of the files in a plan, but for
// what depends on other names, the last two, and releases them in the outbox, with the
// reason [runtime.Orphan]. Relays do the rest, as
// with every file: they ask the rows once more, under the lock that keeps others from
// naming it meanwhile. So a sweep has no race of its own.
//
// # What it refuses
//
// A wrong database makes an orphan of every file. So a scan refuses to make a plan, and
// says what it saw and which option goes on, where something speaks for that: see
// [Refusal]. An error while the files are listed or the rows are read is an error of the
// scan.
//
// # What it costs
//
// One pass over the files and over the rows. Memory does not grow with their number: what
// is more than some megabytes is sorted in files of the directory for temporary files,
// which take about as much as the names. [Range] is for parts of a storage, that may be
// gone through one after the other, or at once on several machines.
package sweep
