// Package conformance holds filecleangen against the cases of django-cleanup's
// own tests (C1 to C31), and others that were run against it (E and F): each is a
// test that has its id in its name, on an embedded SQLite database and a real
// directory, with real commits. It is a module of its own, since it needs a
// driver.
//
// Cases that plain hooks cannot meet assert that nothing is lost, and say what
// meets them, or will. The directory outbox has those that an outbox meets, on
// SQLite, PostgreSQL and MariaDB.
package conformance

//go:generate go tool filecleangen ./models ./outbox/models ./sqlclean/models
//go:generate go tool filecleangen -hooks=none ./gormclean/models ./suite/models
//go:generate go tool filecleangen -hooks=gorm ./gormclean/hooked
//go:generate go tool filecleangen -select ./selected
