// Package storage is what filecleangen knows of files without knowing whose they
// are:
//
//   - [Dir], a local directory as a storage, which no name leaves, and which names are
//     one file in it, [Folding];
//   - names: a [Ref] is a name in a storage, [CheckName] tells which names may be
//     handed to one, [CheckTemplate] and [Derive] make names from others;
//   - what a storage may be able to do besides: [ManyRemover], [ExclusiveCreator], [Lister]; how
//     one file is removed from any of them, and never a directory, [RemoveFile]; how one is
//     made, [CreateNew]; and how they are listed, [List].
//
// Package storagetest, below it, tells whether a storage can be trusted.
//
// Nothing that knows of records, batches or databases may be in it: it imports afero,
// the standard library, and what sorts long lists, only. Packages runtime, references and outbox build on it.
package storage
