// Package triggered has a folder for each persistence layer, as it is, with nothing of ours
// in it: triggers in the database tell the outbox which files rows name. Each passes the
// suite of package suite. The file recipe_test.go of each is what the documentation shows.
package triggered
