module github.com/filecleangen/filecleangen/adapters/sqlclean

go 1.26.0

replace github.com/filecleangen/filecleangen => ../../

require github.com/filecleangen/filecleangen v0.0.0-00010101000000-000000000000

require (
	github.com/spf13/afero v1.15.0 // indirect
	golang.org/x/text v0.28.0 // indirect
)
