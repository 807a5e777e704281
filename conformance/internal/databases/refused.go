package databases

import "strings"

// Refused reports whether a database refused something because of what another
// transaction did: a deadlock, a serialization failure, a lock that it waited too
// long for, a key that has been taken. It is for the caller to begin anew.
func Refused(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	for _, part := range []string{
		"SQLSTATE 40001", "SQLSTATE 40P01", "SQLSTATE 25P02", "SQLSTATE 23505", // serialization, deadlock, aborted, unique
		"Error 1213", "Error 1205", "Error 1062", "Error 1020", // deadlock, lock wait, unique, record has changed
		"SQLITE_BUSY", "database is locked", "constraint failed",
	} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
