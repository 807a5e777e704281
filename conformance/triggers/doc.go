// Package triggers tests that triggers in the database take and release the files that
// rows name, whoever writes the rows: the tests write them with SQL, and call nothing of
// this module in between.
package triggers
