/*
Filecleangen writes the methods that keep track of the files that structs name.

Usage:

	filecleangen [flags] [packages]

It looks for structs whose fields have a file tag,

	type Article struct {
		ID    int64
		Cover string `file:"media,default=covers/blank.png"`
	}

and writes the methods FileSnapshot, FileKey, AfterCreate, BeforeUpdate and
AfterDelete for each of them into filecleangen_gen.go beside the package. They
tell package github.com/filecleangen/filecleangen/runtime which files a record
names, so that files are deleted when, and only when, the database has let go
of them.

The packages are patterns as the go command takes them; without one it is the
package in the current directory. Usually it is run by go generate:

	//go:generate go tool filecleangen

after go get -tool github.com/filecleangen/filecleangen/cmd/filecleangen.

The tag is file:"STORAGE[,option...]". The storage may be empty: the default
storage. The option default=NAME names a file in that storage that is never
deleted; it may be repeated. file:"-" leaves a field out.

A file field can be a string, a type made of string, a pointer to one, a slice
of them, sql.NullString or sql.Null[T] of one.

A field ID of an integer, string or 16-byte array type is taken for the primary
key, by which records are told apart, unless tags of other fields look like
parts of the key, or the struct is generic. Without one, files may be kept that
could have gone; see runtime.Key.

Test files are not read. The generated file carries no build constraint, so keep
types with file tags out of files that have one.

The package need not compile: generated methods may be missing or stale, and the
generated file may be broken. A file that filecleangen did not write is never
replaced. Where nothing changed, nothing is written. If no struct of a package
has a file tag any more, its generated file is removed.

The flags are:

	-type T1,T2
		only these types
	-output NAME
		the name of the generated file (default filecleangen_gen.go)
	-tags TAGS
		build tags, as the go command takes them
	-check
		write nothing; print the generated files that are out of date, and
		exit with 1 if there are any
	-diff
		write nothing; print what would change as a unified diff, and exit
		with 1 if anything would
	-n
		write nothing; print what would be written or removed
	-v
		say of each file what was done
	-version
		print the version and exit

The exit status is 0 if all is done, 1 if something is wrong with the code it
reads, or out of date, 2 if it was called in a wrong way. With 1 and 2 nothing
was written.
*/
package main
