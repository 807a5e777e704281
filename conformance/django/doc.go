// Package django holds filecleangen against the cases of django-cleanup's own tests,
// C1 to C31, and others that were run against it, E and F: each is a test that has its
// id in its name, by plain hooks and in memory, on an embedded SQLite database and a
// real directory. Others, without an id, are what a database may do behind a program's
// back, on each database.
//
// Cases that plain hooks can't meet assert that nothing is lost, and say what meets
// them, or will. The suite has the cases as adapters meet them, and the tests of the
// outbox as an outbox does.
package django
