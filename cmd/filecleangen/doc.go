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

	default=NAME      a file in that storage that is never deleted, or what the
	                  column holds instead of its name, such as a URL; may be
	                  repeated
	derived=TEMPLATE  a file made from this one that goes with it, such as
	                  derived=thumbs/{dir}/{stem}.webp; may be repeated; see
	                  storage.CheckTemplate
	prune             directories that became empty go with the file
	column=NAME       the column of the database, where no other tag says it
	keep              the files are known, and never deleted

A value with a comma in it is written in quotes, default='a,b.png', and a quote in
it twice.

The column of a field is what its tags say: column=, or the tag of a layer, such
as db, gorm, bun, xorm, pg, boil, orm or reform. Where none does it is the name of
the field as the layer would write it, in snake case for most: a guess, which
-list shows.

# The types of file fields

A file field can be of type

	string, and any type made of it
	{String string; Valid bool} structs: sql.NullString, pgtype.Text, ...
	{V T; Valid bool} structs of such T: sql.Null[string], ..., and
	{Elements []T; Valid bool} structs: pgtype.Array[string]
	any type with a method FileNames() iter.Seq[string]
	type parameters that are constrained to ~string or ~[]string, or to
	have FileNames
	pointers to, and slices, arrays and maps (in their values) of these

# Structs that a struct holds

A struct that embeds or holds structs with file fields, however deep, in slices,
arrays and maps, or in itself, has those file fields, too, if they are stored in
its row. A value of a type that contains itself must be a tree. The first of these
that knows says whether they are:

 1. the tag of a persistence layer on the field: serializer, embedded, type,
    extends, rel, m2m, foreignKey, -, ...
 2. the rule of the layer that the struct is written for, as its tags tell: gorm,
    bun, xorm, go-pg, ent, sqlc, beego, MongoDB, ...
 3. methods Value and Scan of the field's type: it is a column
 4. primary keys: a struct with one is a row of its own, and a struct without one
    a part of what holds it

file:"" at the field says that it is stored in the row, file:"-" that it is not.
Where it may be either, names are held and never released: a file may be kept that
could have gone, and none is lost; -v says where. It is an error that asks for one
of the two only where a row with a primary key holds a struct without one that
looks like a row for all that. The whole rule, and what the layers do, is in
docs/stored.md.

A struct that merely holds rows or parts, a service, a cache, a page of results, a
request, an event, is passed over, which -v says: it has no file field of its own,
no primary key and no tag of a layer. So are the structs that sqlc writes for
queries, and ent's edges, mutations and builders. An embedded struct is taken for
the row itself.

# Directives

They stand in the comment right above a type:

	//filecleangen:ignore         the type is left out; types that embed it are not
	//filecleangen:select         with -select, only such types are done
	//filecleangen:key FIELD...   the fields of the primary key

# The primary key

Records are told apart by their primary key: the fields that tags of gorm, bun,
go-pg, xorm, reform or beego name as such, or else a field with the tag
db:"id", or else the field ID, or Id. It can have several fields, of integer,
string or 16-byte array types, pointers to them, or structs of one of them and
Valid, such as pgtype.UUID. Records of a generic struct, or of one whose key
can't be recognised, which -v says, can't be told apart: files may be kept that
could have gone; see runtime.Key.

# What is read, and what is written

The package need not compile: generated methods may be missing or stale, the
generated file may be broken or empty, and packages may be missing, as long as no
file field needs them; go mod download gets them. Of files that may have tags, all
must parse.

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
	-hooks auto|plain|none|gorm
		auto (default): none for structs that are stored with gorm, and
		plain for others. plain: the methods AfterCreate, BeforeUpdate and
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
		write nothing; print every file field, its column and what names
		that, as a table, or with -json as JSON
	-n
		write nothing; print what would be written or removed
	-v
		say of each file what was done, of each type without a key why, what
		was passed over, and where names are only held
	-version
		print the version and exit

A generated file says in its header how it was made. A run without -type, -select,
-hooks and -snapshot makes it so again, and so does -check; one with any of them
takes the place of all. The name of the file, -output, is remembered in any case.

The exit status is 0 if all is done, 1 if something is wrong with the code it
reads, or out of date, 2 if it was called in a wrong way. With 1 and 2 nothing
was written. Warnings do not change it.
*/
package main
