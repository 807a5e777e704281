// Package conformance has the tests that need databases. It is a module of its own, so
// that their drivers don't reach the users of filecleangen. All of them commit for real,
// in new databases and new directories.
//
//	django      the cases of django-cleanup's tests, and more, by plain hooks, in memory
//	suite       the stories that every adapter must pass
//	sqlclean    database/sql, by the adapter: the suite, and more
//	pgxclean    pgx: the suite
//	gormclean   gorm: the suite, and each of gorm's ways to write
//	gormsuite   gorm's own tests with the plugin, if there is a checkout of gorm
//	references  the question whether a row names a file
//	outbox      promises that are kept in the database, and its relays
package conformance

//go:generate go tool filecleangen ./django/models ./outbox/models ./sqlclean/models
//go:generate go tool filecleangen -hooks=none ./gormclean/models ./suite/models ./triggered/gorm/models
//go:generate go tool filecleangen -hooks=gorm ./gormclean/hooked
//go:generate go tool filecleangen -select ./django/selected
