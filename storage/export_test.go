package storage

// FindFolding is for tests with directories that fold names.
var FindFolding = findFolding
