module github.com/filecleangen/filecleangen

go 1.26.0

require (
	github.com/fatih/structtag v1.2.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/spf13/afero v1.15.0
	golang.org/x/mod v0.42.0
	golang.org/x/text v0.28.0
	golang.org/x/tools v0.52.0
	pgregory.net/rapid v1.3.0
)

require (
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
