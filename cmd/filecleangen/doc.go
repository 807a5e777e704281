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

The packages are directories, ./... for all below, or what else the go command
takes; without one it is the package in the current directory. Usually one line
at the root of the module serves all its packages:

	//go:generate go tool filecleangen ./...

after go get -tool github.com/filecleangen/filecleangen/cmd/filecleangen.

# The tag

It is file:"STORAGE[,OPTION...]". The storage may be empty: the default storage.
file:"-" leaves a field out. The options are:

	default=NAME      a file in that storage that is never deleted; may be repeated
	derived=TEMPLATE  a file made from this one that goes with it, such as
	                  derived=thumbs/{dir}/{stem}.webp; may be repeated; see
	                  runtime.CheckTemplate
	prune             directories that became empty go with the file
	column=NAME       the column of the database, where a layer can't tell
	keep              the files are known, and never deleted

# The types of file fields

A file field can be of type

	string, and any type made of it
	{String string; Valid bool} structs: sql.NullString, pgtype.Text, ...
	{V T; Valid bool} structs of such T: sql.Null[string], ...
	any type with a method FileNames() iter.Seq[string]
	type parameters that are constrained to ~string or ~[]string, or to
	have FileNames
	pointers to, and slices, arrays and maps (in their values) of these

A struct that embeds or holds structs with file fields, however deep, in slices,
arrays and maps, or in itself, has those file fields, too, wherever they were
declared. A value of a type that contains itself must be a tree. A struct that
has a primary key of its own may rather be a row of another table, which speaks
for itself: whether it is, is told by the tags of gorm, bun, go-pg and xorm, or
by a foreign key (a field AuthorID beside Author, or PostID in what Post holds).
An embedded one is taken for the row itself, unless the struct has another
primary key beside it: then it may be the other half of a join. Where nothing
tells, you are asked to write file:"" at the field that holds it, if it is stored
in the row, or file:"-".

# Directives

They stand in the comment right above a type:

	//filecleangen:ignore         the type is left out; types that embed it are not
	//filecleangen:select         with -select, only such types are done
	//filecleangen:key FIELD...   the fields of the primary key

# The primary key

Records are told apart by their primary key: the fields that tags of gorm, bun,
go-pg, xorm, reform or beego name as such, or else a field with the tag
db:"id", or else the field ID, or Id. It can have several fields, of integer,
string or 16-byte array types. Records of a generic struct, or of one whose key
can't be recognised, which -v says, can't be told apart: files may be kept that
could have gone; see runtime.Key.

# What is read, and what is written

The package need not compile: generated methods may be missing or stale, the
generated file may be broken or empty, and imports may be missing, as long as no
file field needs them. Of files that may have tags, all must parse.

Files of every platform are read, whatever their build constraint; those that
are marked "ignore" are not. The types of a constrained file are generated into
a file of the same constraint (filecleangen_windows_gen.go), those of test files
into a test file. FileTypes lists what is there (FileTypesInTests for the test
files of the package itself).

A file that filecleangen did not write is never replaced. Where nothing changed,
nothing is written. If a package has no file tag any more, its generated file is
removed. What is written depends on the source only. Code that was not generated
again after a tagged field was removed or got another type does not compile; a
tag that was added or changed is found by -check, which belongs into continuous
integration.

# Flags

	-type T1,T2
		only these types
	-select
		only types with the directive select
	-output NAME
		the name of the generated file (default filecleangen_gen.go)
	-hooks plain|none|gorm
		plain (default): the methods AfterCreate, BeforeUpdate and
		AfterDelete. none: only the snapshot, with its methods LogCreate,
		LogUpdate and LogDelete, for adapters, and for layers such as gorm
		that call methods of the same names in a way of their own. gorm:
		the methods that gorm calls, for programs that don't use the plugin
		of adapters/gormclean
	-snapshot NAME
		the name of snapshot types, with {type} in place of that of the
		record (default {type}Files)
	-tags T1,T2
		build tags that hold, beside those in GOFLAGS
	-check
		write nothing; print the generated files that are out of date, and
		exit with 1 if there are any
	-diff
		write nothing; print what would change as a unified diff, and exit
		with 1 if anything would
	-list
		write nothing; print every file field as a table, or with -json as
		JSON
	-n
		write nothing; print what would be written or removed
	-v
		say of each file what was done, and of each type without a key why
	-version
		print the version and exit

The exit status is 0 if all is done, 1 if something is wrong with the code it
reads, or out of date, 2 if it was called in a wrong way. With 1 and 2 nothing
was written. Warnings do not change it.
*/
package main
