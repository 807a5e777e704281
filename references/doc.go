// Package references knows which columns of a database name files, and asks them:
// before a file is deleted, whether a row names it.
//
// What a record says, or a statement was meant to do, only proposes files that may
// go; the rows decide. So a cleaner, and the relays of an outbox, are given
// [References]:
//
//	own, err := sql.Open("pgx", dsn) // a handle that is used for nothing else
//	…
//	refs, err := references.New(ctx, own, references.PostgreSQL,
//		references.Table(models.ArticleFileType, "article"),
//		references.Table(models.UserFileType, "app.users", references.Columns{"Avatar": {Name: "avatar_key"}}),
//	)
//	…
//	cleaner, err := runtime.New(
//		runtime.WithStorage("media", media),
//		runtime.WithTypes(models.FileTypes()...),
//		runtime.WithReferences(refs),
//	)
//
// # What is asked
//
// The columns are those of the types' file fields, in the tables that [Table] gives,
// and those of other programs that share the database and its outbox, see
// [References.Register]. They may be of any type and collation that holds texts or
// bytes, JSON documents in columns of any such type, and arrays. Values are compared
// byte by byte with what a program reads from the column; in documents every string
// counts, wherever it stands, but for the keys of objects. What can't be asked exactly is refused when the
// references are made: enums, materialized views, foreign tables.
//
// A row also names a file if it spells the name in another way that a storage would
// take for the same: "/a/b.png", "./a/b.png", one slash twice as in "a//b.png", and
// `a\b.png`. Where columns hold something else than names, see [Values] and [Prefix].
//
// A file about which the rows can't be asked is unknown, and kept; it does not stop
// others. A document that is no JSON is searched as a text for the names, and the row
// is logged.
//
// # Indexes
//
// A column of texts is looked up by its index. A document and an array have to be read
// for every question, of up to 1,000 files, but on PostgreSQL, where an index serves:
//
//	CREATE INDEX ON article USING gin (jsonb_path_query_array(photos, 'strict $.** ? (@.type() == "string")'));
//	CREATE INDEX ON article USING gin (pages);
//
// the first for documents in a column photos of type jsonb (for others write
// photos::jsonb), the second for an array. It is found when the references are made,
// and used from then on, unless values are URLs ([Prefix]); spellings other than those
// above it does not find.
//
// # The session
//
// The handle is used for nothing else, so that it always has a connection to give, and
// sessions are what they were made to be. Each question has a transaction in which
// what a session may have been told is set: the search path, the role, row security,
// the character set, modes, limits, timeouts and the clock, and the isolation, READ
// COMMITTED. An answer that could be wrong is an error: where a policy would hide rows,
// a temporary table stands before another, the database is a standby or a read-only
// replica, another one than before (by the random id that its outbox has), or was
// changed by USE.
//
// What can't be found out: that a replica which can be written to is one; that
// ":memory:" is another database on each connection of SQLite; that a view leaves rows
// out.
package references
